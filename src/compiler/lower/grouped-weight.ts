/**
 * Weight gradient of a grouped convolution: for every tap, a sum over pixels of dy times x, both vectors of output
 * channels (`grouped-image.ts` puts beside each output the channel that it reads). A task owns one block of outputs in
 * one split of the images, cut by shape alone, so nothing is shared and every sum has a fixed order.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  declare,
  type Expr,
  load,
  loop,
  nameOf,
  register,
  type Stmt,
  set,
  splat,
  store,
  TASK,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { memoryBounds, positionOf } from "../layout.js";
import { extentOf } from "./conv-traversal.js";
import { type Group, type GroupedImage, packGroups, rowBytes } from "./grouped-image.js";
import { bandOf, groupOf, spansGroups } from "./grouped-plan.js";
import { packImage } from "./image.js";
import { nest } from "./nest.js";
import { stepCycles } from "./tile.js";

/** Sums in registers: input channels × kernel rows × kernel columns. */
type SumTile = readonly [number, number, number];

const divisorsOf = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

/** The tile that covers all taps and channels in the fewest cycles per pixel; dy and one operand need registers too. */
function chooseSums(builder: KernelBuilder, channels: number, kh: number, kw: number): SumTile {
  let best: SumTile = [1, 1, 1];
  let least = Number.POSITIVE_INFINITY;
  for (const c of divisorsOf(channels)) {
    for (const rows of divisorsOf(kh)) {
      for (const columns of divisorsOf(kw)) {
        const sums = c * rows * columns;
        if (sums > 1 && sums + 2 > builder.target.registers) continue;
        const cycles = (stepCycles({ rows: sums, vectors: 1 }) * channels * kh * kw) / sums;
        if (cycles < least - 1e-9) {
          least = cycles;
          best = [c, rows, columns];
        }
      }
    }
  }
  return best;
}

/**
 * Lowers the weight gradient of a grouped convolution; the root is the anchor itself, the partial sums of all splits.
 */
export function lowerGroupedWeight(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "convWeightGrad")) return 0;
  const { lanes } = builder;
  const { attrs } = anchor;
  const { stride, dilation, before } = attrs;
  const [x, g] = anchor.inputs;
  const [n, o, ho, wo] = g.shape;
  const [count, , perGroup, kh, kw] = anchor.shape;
  const group = groupOf(o, perGroup, attrs.groups);
  const sums = chooseSums(builder, perGroup, kh, kw);
  const passes = [perGroup / sums[0], kh / sums[1], kw / sums[2]];
  const columns = extentOf(wo, kw, 1, attrs);
  const rowsOf = (rows: number) => extentOf(rows, kh, 0, attrs);
  // If all lanes belong to one group, they read the same channel, which is packed once and broadcast.
  const spans = spansGroups(attrs.groups, o, lanes);
  const band = bandOf(builder.target, ho, rowsOf, rowBytes(group, columns, spans ? lanes : 1));
  const imagesPerSplit = n / count;
  const counts = [count, Math.ceil(o / lanes)];
  const tasks = counts[0] * counts[1];
  const [split, block] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const [step, bandAt] = [builder.variable("n", imagesPerSplit), builder.variable("n", Math.ceil(ho / band))];
  const image = ix.add(ix.scale(split, imagesPerSplit), ix.variable(step));
  const firstRow = ix.scale(ix.variable(bandAt), band);
  const rows = rowsOf(band);
  const sourceRow = ix.plus(ix.scale(firstRow, stride[0]), -before[0]);
  const packed = spans
    ? packGroups(builder, x, { group, rows, columns, image, block, firstRow: sourceRow, firstColumn: -before[1] })
    : packOne(builder, x, group, block, { rows, columns, image, sourceRow, sourceColumn: -before[1] });
  const output = ix.add(ix.scale(block, lanes), builder.lane);
  const gradient = (row: ix.Index, column: ix.Index): Expr =>
    splat(builder.lowering.value(g, [image, output, row, column]), lanes);
  const [y, q] = [builder.variable("y", band), builder.variable("x", wo)];
  const known = builder.exact(ix.add(firstRow, ix.variable(y)), ho);
  // If several passes read dy, it is packed once.
  const copy =
    passes.some((times) => times > 1) || builder.lowering.value(g, [image, output, ix.zero, ix.zero]).kind !== "load"
      ? copyOf(builder, band, wo, (row, column) => {
          const { index, within } = builder.exact(ix.add(firstRow, row), ho);
          return { value: gradient(index, column), within };
        })
      : null;
  const dy = copy?.read(ix.variable(y), ix.variable(q)) ?? gradient(known.index, ix.variable(q));

  const loops = passes.map((extent) => builder.variable("k", extent));
  const places = Array.from({ length: sums[0] * sums[1] * sums[2] }, (_, s) => {
    const offsets = [Math.floor(s / (sums[1] * sums[2])), Math.floor(s / sums[2]) % sums[1], s % sums[2]];
    return loops.map((variable, axis) => ix.plus(ix.scale(ix.variable(variable), sums[axis]), offsets[axis]));
  });
  const e = builder.lowering.algebra;
  const accumulators = places.map(() => register(builder.fresh("c"), "f32", lanes));
  const products = places.map(([channel, row, column], s) => {
    const r = ix.add(ix.scale(ix.variable(y), stride[0]), ix.scale(row, dilation[0]));
    const c = ix.add(ix.scale(ix.variable(q), stride[1]), ix.scale(column, dilation[1]));
    const pixel = splat(load(packed.buffer, "f32", packed.at(channel, r, c), [], lanes), lanes);
    return set(nameOf(accumulators[s]), e.op("add", accumulators[s], e.op("mul", dy, pixel)));
  });
  const buffer = builder.buffer(anchor, "write");
  const layout = builder.layoutOf(anchor);
  const iterations = [imagesPerSplit, Math.ceil(ho / band)];
  const iteration = ix.flatten([ix.variable(step), ix.variable(bandAt)], iterations);
  const later = ix.simplifyGuard([{ index: ix.plus(iteration, -1), extent: iterations[0] * iterations[1] }]);
  const finish = places.map((place, s) => {
    const at = [split, output, ...place];
    const position = positionOf(at, anchor.shape, layout);
    const guard = ix.simplifyGuard(memoryBounds(at, anchor.shape, layout)) ?? [];
    const sofar = later === null ? null : load(buffer, "f32", position, [...later, ...guard], lanes);
    const sum = sofar ? e.op("add", accumulators[s], sofar) : accumulators[s];
    return store(buffer, "f32", position, sum, lanes, guard);
  });
  const start = accumulators.map((a) => declare(nameOf(a), splat(e.typed(0, "f32", a), lanes)));
  const micro: Stmt[] = [...start, loop(y, known.within([loop(q, products)])), ...finish];
  const body = [...packed.statements, ...(copy?.statements ?? []), ...nest(loops, micro)];
  builder.part(tasks, nest([step, bandAt], body));
  return 2 * n * o * ho * wo * perGroup * kh * kw;
}

/** The channels of the one group that all lanes of a block belong to. */
function packOne(
  builder: KernelBuilder,
  x: Node,
  group: Group,
  block: ix.Index,
  band: { rows: number; columns: number; image: ix.Index; sourceRow: ix.Index; sourceColumn: number },
): GroupedImage {
  const first = ix.scale(ix.div(block, group.outputs / builder.lanes), group.inputs);
  const { buffer, statements, at } = packImage(builder, x, {
    images: 1,
    channels: group.inputs,
    rows: band.rows,
    columns: band.columns,
    copies: 1,
    source: (_, channel, row, column) => [
      band.image,
      ix.add(first, channel),
      ix.add(band.sourceRow, row),
      ix.plus(column, band.sourceColumn),
    ],
  });
  return { buffer, statements, at: (i, r, q) => at(ix.zero, i, r, q) };
}

/** A band of vectors in scratch memory. */
function copyOf(
  builder: KernelBuilder,
  rows: number,
  columns: number,
  source: (row: ix.Index, column: ix.Index) => { value: Expr; within: (body: readonly Stmt[]) => Stmt[] },
): { statements: Stmt[]; read: (row: ix.Index, column: ix.Index) => Expr } {
  const { lanes } = builder;
  const shape = [rows, columns, lanes];
  const buffer = builder.scratch("f32", rows * columns * lanes);
  const at = (row: ix.Index, column: ix.Index) => ix.flatten([row, column, builder.lane], shape);
  const [r, q] = [builder.variable("g", rows), builder.variable("g", columns)];
  const { value, within } = source(ix.variable(r), ix.variable(q));
  const put = loop(q, [store(buffer, "f32", at(ix.variable(r), ix.variable(q)), value, lanes)]);
  return {
    statements: [loop(r, within([put]))],
    read: (row, column) => load(buffer, "f32", at(row, column), [], lanes),
  };
}
