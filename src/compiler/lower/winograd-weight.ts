/**
 * Weight gradient of a 3 × 3 convolution by the transposed form of Winograd's algorithm: transformed pixels times
 * transformed gradients, in a small product of matrices for each point that sums over tiles, and the sums transformed
 * into 3 × 3 taps. A task owns the results of some channels and one split of the images, so nothing is shared and every
 * sum has a fixed order.
 */
import { isOp, type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, load, loop, nameOf, register, type Stmt, set, splat, store, TASK } from "../../ir/loops.js";
import type { Target } from "../../ir/target.js";
import { transpose, type Winograd, winograd } from "../../ops/index.js";
import { divisorsOf } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { zeroOutside } from "./image.js";
import { nest } from "./nest.js";
import { nextIteration, prefetchNext, type Region } from "./prefetch.js";
import { chooseTile } from "./tile.js";
import {
  type Matrices,
  matrices,
  PAD,
  type PixelSource,
  readPoints,
  type TileCounts,
  tileLoops,
  transform,
  transformPixels,
  writePoints,
} from "./winograd-tiles.js";

interface Share {
  /** Channels and output channels of a task. */
  readonly channels: number;
  readonly outputs: number;
  /** Tiles that are transformed at a time. */
  readonly tiles: TileCounts;
}

/** Cycles of transforming the pixels and the gradients of one tile, per vector of channels. */
const PIXELS = 130;
const GRADIENTS = 90;
/** Bandwidth in bytes per cycle between registers and matrices in the second-level cache, and beyond it. */
const [NEAR, FAR] = [48, 16];
/** Number of threads that tasks are balanced for; not that of the machine, since the tasks decide the order of sums. */
const ASSUMED_THREADS = 4;

/** Chooses the channels of a task, and the tiles that it transforms at a time, with the fewest modelled cycles. */
function chooseShare(
  { lanes, l2Bytes }: Target,
  points: number,
  [splits, o, c]: readonly number[],
  [images, rows, columns]: TileCounts,
): Share {
  let best: Share = { channels: lanes, outputs: lanes, tiles: [1, 1, columns] };
  let least = Number.POSITIVE_INFINITY;
  const batches: TileCounts[] = [
    ...divisorsOf(rows).map((r): TileCounts => [1, r, columns]),
    ...divisorsOf(images).map((i): TileCounts => [i, rows, columns]),
  ];
  for (const channels of divisorsOf(c / lanes).map((d) => d * lanes)) {
    for (const outputs of divisorsOf(o / lanes).map((d) => d * lanes)) {
      for (const tiles of batches) {
        const count = tiles.reduce((a, b) => a * b, 1);
        const sumBytes = points * channels * outputs * 4;
        const tileBytes = points * (channels + outputs) * 4 * count;
        if (sumBytes + tileBytes > 3 * l2Bytes) continue;
        const moved = sumBytes / NEAR + tileBytes / (tileBytes > 0.9 * l2Bytes ? FAR : NEAR);
        const products = (points * channels * outputs) / (2 * lanes * 0.9);
        const transforms = (channels * PIXELS + outputs * GRADIENTS) / lanes;
        const tasks = splits * (c / channels) * (o / outputs);
        const waves = Math.ceil(tasks / ASSUMED_THREADS);
        const cycles = (products + transforms + (2 * moved) / count) * waves;
        if (cycles < least) {
          least = cycles;
          best = { channels, outputs, tiles };
        }
      }
    }
  }
  return best;
}

/** Lowers a weight gradient; the root is the anchor itself, the partial sums of all splits. */
export function lowerWinogradWeight(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "winogradWeightGrad")) return 0;
  const { lanes } = builder;
  const { before, tile: side } = anchor.attrs;
  const scheme = winograd(side);
  const [x, g] = anchor.inputs;
  const [splits, o, c] = anchor.shape;
  const [n, , ho, wo] = g.shape;
  const imagesPerSplit = n / splits;
  const [tileRows, tileColumns] = [Math.ceil(ho / side), Math.ceil(wo / side)];
  const share = chooseShare(builder.target, scheme.points, anchor.shape, [imagesPerSplit, tileRows, tileColumns]);
  const { channels, outputs, tiles } = share;
  const counts = [splits, o / outputs, c / channels];
  const tasks = counts.reduce((a, b) => a * b, 1);
  const [split, outputGroup, channelGroup] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const firstOutput = ix.scale(outputGroup, outputs);
  const firstChannel = ix.scale(channelGroup, channels);
  const steps = [imagesPerSplit / tiles[0], tileRows / tiles[1]];
  const batch = builder.variable("n", steps[0] * steps[1]);
  const [imageStep, rowStep] = ix.unflatten(ix.variable(batch), steps);
  const firstImage = ix.add(ix.scale(split, imagesPerSplit), ix.scale(imageStep, tiles[0]));
  const firstRow = ix.scale(rowStep, tiles[1] * side);

  const count = tiles.reduce((a, b) => a * b, 1);
  const tile = chooseTile(builder.target, channels, outputs / lanes, ({ rows, vectors }) => {
    const rest = (outputs / lanes) % vectors;
    return rest === 0 && Math.ceil(channels / rows) * rows - channels <= PAD;
  });
  const height = Math.ceil(channels / tile.rows) * tile.rows;
  const pixels = matrices(builder, scheme.points, count, channels);
  const gradients = matrices(builder, scheme.points, count, outputs);
  const sums = matrices(builder, scheme.points, height, outputs);
  const request: PixelSource = {
    tiles,
    channels,
    x,
    source: (i, channel, row, column) => [
      ix.add(firstImage, i),
      ix.add(firstChannel, channel),
      ix.plus(ix.add(firstRow, row), -before[0]),
      ix.plus(column, -before[1]),
    ],
  };
  const forward = transformPixels(builder, request, scheme, pixels);
  const incoming = transformGradients(builder, g, scheme, tiles, outputs, gradients, (i, channel, row, column) => [
    ix.add(firstImage, i),
    ix.add(firstOutput, channel),
    ix.add(firstRow, row),
    column,
  ]);
  const next = nextIteration(batch);
  const rows = Math.min(tiles[1] * side, ho);
  const region = (first: ix.Index, size: number, columns: number): Region => ({
    blocks: tiles[0] * (size / lanes),
    rows,
    columns,
    at: (b, row, column) => {
      const [i, block] = ix.unflatten(b, [tiles[0], size / lanes]);
      const channel = ix.add(first, ix.add(ix.scale(block, lanes), builder.lane));
      return [ix.add(firstImage, i), channel, ix.add(firstRow, row), column];
    },
  });
  const prefetches = (number: ix.Index, total: number) => [
    ...prefetchNext(builder, x, region(firstChannel, channels, x.shape[3]), { number, count: total, next }),
    ...prefetchNext(builder, g, region(firstOutput, outputs, wo), { number, count: total, next }),
  ];
  const sizes = [height / tile.rows, outputs / lanes / tile.vectors, count];
  const products = multiply(builder, tile, sizes, batch, { pixels, gradients, sums }, prefetches);
  const finish = finished(
    builder,
    anchor,
    scheme,
    sums,
    split,
    [firstOutput, firstChannel],
    [outputs / lanes, channels],
  );
  builder.part(tasks, [loop(batch, [...forward, ...incoming, ...products]), ...finish]);
  return 2 * n * o * ho * wo * c * 9;
}

/** Transforms the gradients of the tiles: tiles × output channels. */
function transformGradients(
  builder: KernelBuilder,
  g: Node,
  { results, output: matrix }: Winograd,
  tiles: TileCounts,
  outputs: number,
  to: Matrices,
  source: PixelSource["source"],
): Stmt[] {
  const { lanes } = builder;
  const { loops, at, index } = tileLoops(builder, tiles);
  const block = builder.variable("o", outputs / lanes);
  const output = ix.add(ix.scale(ix.variable(block), lanes), builder.lane);
  const statements: Stmt[] = [];
  const square = Array.from({ length: results * results }, (_, p) => {
    const [r, q] = [Math.floor(p / results), p % results];
    const name = builder.fresh("d");
    const value = zeroOutside(
      builder,
      g,
      source(at[0], output, ix.plus(ix.scale(at[1], results), r), ix.plus(ix.scale(at[2], results), q)),
    );
    statements.push(declare(name, splat(value, lanes)));
    return register(name, "f32", lanes);
  });
  const points = transform(builder, statements, transpose(matrix), square);
  return nest(
    [loops[0], block, ...loops.slice(1)],
    [...statements, ...writePoints(builder, to, index, output, points)],
  );
}

/** Adds the products of all points to the sums: a register tile of channels × output blocks runs over the tiles. */
function multiply(
  builder: KernelBuilder,
  tile: { readonly rows: number; readonly vectors: number },
  [strips, groups, count]: readonly number[],
  batch: ix.LoopVar,
  { pixels, gradients, sums }: { readonly [K in "pixels" | "gradients" | "sums"]: Matrices },
  prefetches: (number: ix.Index, total: number) => Stmt[],
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const point = builder.variable("p", sums.points);
  const group = builder.variable("j", groups);
  const strip = builder.variable("i", strips);
  const step = builder.variable("k", count);
  const [p, k] = [ix.variable(point), ix.variable(step)];
  const output = (v: number) =>
    ix.add(ix.scale(ix.plus(ix.scale(ix.variable(group), tile.vectors), v), lanes), builder.lane);
  const channel = (r: number) => ix.plus(ix.scale(ix.variable(strip), tile.rows), r);
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const later = ix.simplifyGuard([{ index: ix.plus(ix.variable(batch), -1), extent: batch.extent }]);
  const each = (statement: (r: number, v: number, accumulator: (typeof accumulators)[0][0]) => Stmt): Stmt[] =>
    accumulators.flatMap((line, r) => line.map((a, v) => statement(r, v, a)));
  const place = (r: number, v: number) => sums.at(p, channel(r), output(v));
  const start = each((r, v, a) =>
    declare(
      nameOf(a),
      later === null ? splat(e.typed(0, "f32", a), lanes) : load(sums.buffer, "f32", place(r, v), later, lanes),
    ),
  );
  const vectors = Array.from({ length: tile.vectors }, (_, v) =>
    load(gradients.buffer, "f32", gradients.at(p, k, output(v)), [], lanes),
  );
  const scalars = accumulators.map((_, r) =>
    splat(load(pixels.buffer, "f32", pixels.at(p, k, channel(r)), [], lanes), lanes),
  );
  const body = each((r, v, a) => set(nameOf(a), e.op("add", a, e.op("mul", scalars[r], vectors[v]))));
  const finish = each((r, v, a) => store(sums.buffer, "f32", place(r, v), a, lanes));
  const loops = [point, group, strip];
  const extents = loops.map(({ extent }) => extent);
  const soon = prefetches(ix.flatten(loops.map(ix.variable), extents), sizeOfShape(extents));
  return nest(loops, [...start, ...soon, loop(step, body), ...finish]);
}

/** Transforms the sums into taps and stores them. */
function finished(
  builder: KernelBuilder,
  anchor: Node,
  { filter }: Winograd,
  sums: Matrices,
  split: ix.Index,
  [firstOutput, firstChannel]: readonly ix.Index[],
  [blocks, channels]: readonly number[],
): Stmt[] {
  const { lanes } = builder;
  const block = builder.variable("o", blocks);
  const channel = builder.variable("c", channels);
  const output = ix.add(ix.scale(ix.variable(block), lanes), builder.lane);
  const statements: Stmt[] = [];
  const summed = readPoints(builder, statements, sums, ix.variable(channel), output);
  const taps = transform(builder, statements, transpose(filter), summed);
  const at = (t: number) => [
    split,
    ix.add(firstOutput, output),
    ix.add(firstChannel, ix.variable(channel)),
    ix.constant(Math.floor(t / 3)),
    ix.constant(t % 3),
  ];
  const stores = taps.map((value, t) =>
    builder.lowering.withBound(
      anchor,
      () => value,
      () => builder.storeRoot(anchor, at(t)),
    ),
  );
  return nest([block, channel], [...statements, ...stores]);
}
