/**
 * Weight gradient of a convolution: for every tap, a sum over pixels of dy (vectors of output channels) times x (scalars).
 * A register tile holds some input channels × taps of a row × output blocks; a task owns the results of some output blocks
 * and one piece of the images, so nothing is shared and every sum has a fixed order.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, type Expr, load, loop, register, set, splat, type Stmt, store, TASK } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { positionOf } from "../layout.js";
import { divisorUpTo } from "../prepare.js";
import { packImage } from "./image.js";
import { nest } from "./nest.js";
import { fits, stepCycles } from "./tile.js";

const nameOf = (e: Expr): string => (e.kind === "register" ? e.name : "");
/** Tasks worth sharing out. */
const TASKS = 16;

interface WeightTile {
  readonly channels: number;
  /** Kernel rows. */
  readonly taps: number;
  readonly blocks: number;
}

/** Channels × kernel rows × kernel columns are the scalars of a step, output blocks its vectors. */
function chooseWeightTile(builder: KernelBuilder, channels: number, kh: number, kw: number, blocks: number): WeightTile {
  let best: WeightTile = { channels: 1, taps: 1, blocks: 1 };
  let least = Number.POSITIVE_INFINITY;
  const divisors = (n: number) => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
  for (const b of divisors(blocks).filter((d) => d <= 4)) {
    for (const t of divisors(kh)) {
      for (const c of divisors(channels)) {
        const shape = { rows: c * t * kw, vectors: b };
        if (c * t > 1 && !fits(shape, builder.target)) break;
        const cycles = (stepCycles(shape) * channels * kh * blocks) / (c * t * b);
        if (cycles < least - 1e-9) {
          least = cycles;
          best = { channels: c, taps: t, blocks: b };
        }
      }
    }
  }
  return best;
}

/** Lowers a weight gradient; the root is the anchor itself, in pieces. */
export function lowerConvWeight(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "convWeightGrad")) return 0;
  const { lanes, target } = builder;
  const { stride, dilation, before } = anchor.attrs;
  const [x, g] = anchor.inputs;
  const [pieces, o, c, kh, kw] = anchor.shape;
  const [n, , ho, wo] = g.shape;
  const blocks = Math.ceil(o / lanes);
  const tile = chooseWeightTile(builder, c, kh, kw, blocks);
  const perTask = tile.blocks * divisorUpTo(blocks / tile.blocks, Math.max(1, Math.floor((blocks / tile.blocks) * (pieces / TASKS))));
  const groups = blocks / perTask;
  const rows = (ho - 1) * stride[0] + dilation[0] * (kh - 1) + 1;
  const columns = (wo - 1) * stride[1] + dilation[1] * (kw - 1) + 1;
  const own = n / pieces;
  // Images packed together: enough pixels to pay for loading results, few enough for the cache.
  const imageFloats = rows * columns * c + ho * wo * perTask * lanes;
  const together = divisorUpTo(own, Math.max(1, Math.min(Math.floor(target.l2Bytes / 8 / imageFloats), Math.ceil(2048 / (ho * wo)))));
  const tasks = pieces * groups;
  const [piece, group] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), [pieces, groups]);
  const batch = builder.variable("n", own / together);
  const firstImage = ix.add(ix.scale(piece, own), ix.scale(ix.variable(batch), together));
  const firstBlock = ix.scale(group, perTask);
  const pixels = packImage(builder, x, {
    images: together,
    channels: c,
    rows,
    columns,
    source: (i, channel, r, q) => [ix.add(firstImage, i), channel, ix.plus(r, -before[0]), ix.plus(q, -before[1])],
  });
  const gradients = packGradients(builder, g, together, perTask, firstImage, firstBlock);
  const pair = builder.variable("b", perTask / tile.blocks);
  const channels = builder.variable("c", c / tile.channels);
  const tapRow = builder.variable("k", kh / tile.taps);
  const accumulators = Array.from({ length: tile.channels * tile.taps * kw }, () =>
    Array.from({ length: tile.blocks }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const scalars = accumulators.map((_, i) => ({
    channel: Math.floor(i / (kw * tile.taps)),
    row: ix.plus(ix.scale(ix.variable(tapRow), tile.taps), Math.floor(i / kw) % tile.taps),
    tap: i % kw,
  }));
  const [i, y, q] = [builder.variable("i", together), builder.variable("y", ho), builder.variable("x", wo)];
  const block = ix.scale(ix.variable(pair), tile.blocks);
  const firstChannel = ix.scale(ix.variable(channels), tile.channels);
  const e = builder.lowering.algebra;
  const vectors = Array.from({ length: tile.blocks }, (_, b) =>
    load(gradients.buffer, "f32", gradients.at(ix.variable(i), ix.plus(block, b), ix.variable(y), ix.variable(q)), [], lanes),
  );
  const products = scalars.flatMap(({ channel, row, tap }, s) => {
    const r = ix.add(ix.scale(ix.variable(y), stride[0]), ix.scale(row, dilation[0]));
    const column = ix.plus(ix.scale(ix.variable(q), stride[1]), tap * dilation[1]);
    const at = pixels.at(ix.variable(i), ix.plus(firstChannel, channel), r, column);
    const scalar = splat(load(pixels.buffer, "f32", at, [], lanes), lanes);
    return accumulators[s].map((a, b) => set(nameOf(a), e.op("add", a, e.op("mul", vectors[b], scalar))));
  });
  const start = accumulators.flat().map((a) => declare(nameOf(a), splat(e.typed(0, "f32", a), lanes)));
  const buffer = builder.buffer(anchor, "write");
  const layout = builder.layoutOf(anchor);
  const later = ix.simplifyGuard([{ index: ix.plus(ix.variable(batch), -1), extent: own / together }]);
  const finish = scalars.flatMap(({ channel, row, tap }, s) =>
    accumulators[s].map((a, b) => {
      const output = ix.add(ix.scale(ix.add(firstBlock, ix.plus(block, b)), lanes), builder.lane);
      const at = positionOf([piece, output, ix.plus(firstChannel, channel), row, ix.constant(tap)], anchor.shape, layout);
      const sum = later === null ? a : e.op("add", a, load(buffer, "f32", at, later, lanes));
      return store(buffer, "f32", at, sum, lanes);
    }),
  );
  const micro = [...start, ...nest([i, y, q], products), ...finish];
  const body = [...pixels.statements, ...gradients.statements, ...nest([pair, channels, tapRow], micro)];
  builder.part(tasks, [loop(batch, body)]);
  return 2 * n * o * ho * wo * c * kh * kw;
}

/** Copies dy of some images and output blocks into scratch memory, lanes over channels. */
function packGradients(
  builder: KernelBuilder,
  g: Node,
  images: number,
  blocks: number,
  firstImage: ix.Index,
  firstBlock: ix.Index,
): { buffer: string; statements: Stmt[]; at: (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => ix.Index } {
  const { lanes } = builder;
  const [, , ho, wo] = g.shape;
  const shape = [images, blocks, ho, wo, lanes];
  const buffer = builder.scratch("f32", shape.reduce((a, b) => a * b, 1));
  const at = (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => ix.flatten([i, block, y, q, builder.lane], shape);
  const [i, b, y, q] = [images, blocks, ho, wo].map((extent) => builder.variable("g", extent));
  const channel = ix.add(ix.scale(ix.add(firstBlock, ix.variable(b)), lanes), builder.lane);
  const value = builder.lowering.value(g, [ix.add(firstImage, ix.variable(i)), channel, ix.variable(y), ix.variable(q)]);
  const place = at(ix.variable(i), ix.variable(b), ix.variable(y), ix.variable(q));
  return { buffer, at, statements: nest([i, b, y, q], [store(buffer, "f32", place, value, lanes)]) };
}
