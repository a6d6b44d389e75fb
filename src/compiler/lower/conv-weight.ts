/**
 * Weight gradient of a convolution: for every tap, a sum over pixels of dy (vectors of output channels) times x
 * (scalars). A register tile holds some input channels × taps of a row × output blocks; a task owns the results of some
 * output blocks and one split of the images, so nothing is shared and every sum has a fixed order.
 */
import { isOp, type Node, sizeOfShape } from "../../ir/graph.js";
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
import { divisorsOf, divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { memoryBounds, positionOf } from "../layout.js";
import { findPixels, packGradients } from "./conv-weight-operands.js";
import { nest } from "./nest.js";
import { nextOf, type Progress, prefetchAccesses, prefetchNext, type Region } from "./prefetch.js";
import { adjacentCycles, availableRegisters, fits, stepCycles } from "./tile.js";

/** Least number of tasks. It must not depend on the number of threads: the tasks decide the order of sums. */
const TASKS = 8;
const SHARERS = 4;
/**
 * The share of the second-level cache that the operands of an iteration may take; those of the next are prefetched into
 * the rest.
 */
const CACHE_SHARE = 1 / 2;
/** The same where each pixel is read at one tap only: iterations are so short that smaller operands are faster. */
const ONE_TAP_SHARE = 1 / 4;

interface WeightTile {
  readonly channels: number;
  /** Kernel rows. */
  readonly taps: number;
  readonly blocks: number;
  /** Adjacent pixels that one iteration of the inner loop computes. */
  readonly adjacent: number;
}

/** Most adjacent pixels: their gradients need registers too. */
const MAX_ADJACENT = 4;

/**
 * Chooses the register tile: channels × kernel rows × kernel columns are the scalars of a step, output blocks its
 * vectors. With one block, every product needs a load, so loads bound the step; where adjacent results read the same
 * pixels, one iteration computes several of them and loads each pixel once.
 */
function chooseWeightTile({ target }: KernelBuilder, anchor: Node<"convWeightGrad">, blocks: number): WeightTile {
  const { stride, dilation } = anchor.attrs;
  const [, , channels, kh, kw] = anchor.shape;
  const neighbours = blocks === 1 && kw > 1 && stride[1] === 1 && dilation[1] === 1 && !target.hoistsLoads;
  const adjacent = neighbours ? divisorUpTo(anchor.inputs[1].shape[3], MAX_ADJACENT) : 1;
  let best: WeightTile = { channels: 1, taps: 1, blocks: 1, adjacent: 1 };
  let least = Number.POSITIVE_INFINITY;
  const consider = (tile: WeightTile, perStep: number) => {
    const cycles = (perStep * channels * kh * blocks) / (tile.channels * tile.taps * tile.blocks * tile.adjacent);
    if (cycles >= least - 1e-9) return;
    least = cycles;
    best = tile;
  };
  for (const b of divisorsOf(blocks).filter((d) => d <= 4)) {
    for (const t of divisorsOf(kh)) {
      for (const c of divisorsOf(channels)) {
        const shape = { rows: c * t * kw, vectors: b };
        const tile = { channels: c, taps: t, blocks: b, adjacent };
        if (adjacent > 1 && shape.rows + adjacent + 1 <= availableRegisters(target))
          consider(tile, adjacentCycles(c * t, kw, adjacent));
        // A single row of taps may use one register more: the compiler then keeps an operand in memory at no cost.
        const registers = target.registers + (c * t === 1 ? 1 : 0);
        if (c * t * b > 1 && !fits(shape, { ...target, registers })) break;
        consider({ ...tile, adjacent: 1 }, stepCycles(shape));
      }
    }
  }
  return best;
}

interface Share {
  /** Channels and output blocks of a task. */
  readonly channels: number;
  readonly blocks: number;
  /** The operands of one iteration: some whole images, or some rows of results of one image. */
  readonly together: number;
  readonly rows: number;
}

/**
 * Divides the results among tasks. Each task packs its pixels and gradients, so square shares pack least; an iteration
 * has enough pixels to amortise loading and storing the results, and few enough for the cache; there are enough tasks
 * to balance the threads.
 */
function chooseShare(
  builder: KernelBuilder,
  anchor: Node,
  tile: WeightTile,
  blocks: number,
  imageOf: (rows: number) => number,
): Share {
  const { lanes, target } = builder;
  const [splits, , c, kh, kw] = anchor.shape;
  const [n, , ho, wo] = anchor.inputs[1].shape;
  const imagesPerSplit = n / splits;
  const products = (ho * wo * kh * kw) / (2 * lanes);
  const room = kh * kw === 1 ? ONE_TAP_SHARE : CACHE_SHARE;
  let best: Share = { channels: c, blocks, together: 1, rows: ho };
  let least = Number.POSITIVE_INFINITY;
  for (const groupBlocks of divisorsOf(blocks).filter((d) => d % tile.blocks === 0)) {
    for (const channels of divisorsOf(c).filter((d) => d % tile.channels === 0 && (d === c || d % lanes === 0))) {
      const floatsOf = (rows: number) => imageOf(rows) * channels + rows * wo * groupBlocks * lanes;
      const roomFor = (rows: number) => Math.floor((target.l2Bytes * room) / 4 / floatsOf(rows));
      const together = divisorUpTo(imagesPerSplit, Math.max(1, Math.min(roomFor(ho), Math.ceil(4096 / (ho * wo)))));
      const rows = divisorsOf(ho).findLast((d) => roomFor(d) >= 1) ?? 1;
      const [floats, bands] = [floatsOf(rows), ho / rows];
      const tasks = splits * (blocks / groupBlocks) * (c / channels);
      // Cycles per image: products, packing, and adding the registers to memory once per group or band.
      const multiply = products * channels * groupBlocks * lanes;
      const results = (channels * kh * kw * groupBlocks * 3 * bands) / together;
      const task = imagesPerSplit * (multiply + (floats * bands * 3) / lanes + results);
      const waves = Math.ceil(tasks / SHARERS) * SHARERS;
      const cycles = task * Math.max(waves, TASKS) * (roomFor(rows) < 1 ? 2 : 1);
      if (cycles < least) {
        least = cycles;
        best = { channels, blocks: groupBlocks, together, rows };
      }
    }
  }
  return best;
}

/** Lowers a weight gradient; the root is the anchor itself, the partial sums of all splits. */
export function lowerConvWeight(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "convWeightGrad")) return 0;
  const { lanes } = builder;
  const { stride, dilation, before } = anchor.attrs;
  const [, g] = anchor.inputs;
  const [splits, o, c, kh, kw] = anchor.shape;
  const [n, , ho, wo] = g.shape;
  const blocks = Math.ceil(o / lanes);
  const tile = chooseWeightTile(builder, anchor, blocks);
  const inputRows = (rows: number) => (rows - 1) * stride[0] + dilation[0] * (kh - 1) + 1;
  const columns = (wo - 1) * stride[1] + dilation[1] * (kw - 1) + 1;
  const share = chooseShare(builder, anchor, tile, blocks, (rows) => inputRows(rows) * columns);
  const imagesPerSplit = n / splits;
  const counts = [splits, blocks / share.blocks, c / share.channels];
  const tasks = counts.reduce((a, b) => a * b, 1);
  const [split, blockGroup, channelGroup] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const iterations = [imagesPerSplit / share.together, ho / share.rows];
  const batch = builder.variable("n", iterations[0] * iterations[1]);
  const [imageStep, band] = ix.unflatten(ix.variable(batch), iterations);
  const firstImage = ix.add(ix.scale(split, imagesPerSplit), ix.scale(imageStep, share.together));
  const firstRow = ix.scale(band, share.rows);
  const firstBlock = ix.scale(blockGroup, share.blocks);
  const channelStart = ix.scale(channelGroup, share.channels);
  const pixels = findPixels(builder, anchor, {
    images: share.together,
    channels: share.channels,
    rows: inputRows(share.rows),
    columns,
    copies: batch.extent,
    source: (i, channel, r, q) => [
      ix.add(firstImage, i),
      ix.add(channelStart, channel),
      ix.plus(ix.add(ix.scale(firstRow, stride[0]), r), -before[0]),
      ix.plus(q, -before[1]),
    ],
  });
  const gradients = packGradients(builder, g, share, [firstImage, firstBlock, firstRow]);
  const pair = builder.variable("o", share.blocks / tile.blocks);
  const channels = builder.variable("c", share.channels / tile.channels);
  const tapRow = builder.variable("k", kh / tile.taps);
  const accumulators = Array.from({ length: tile.channels * tile.taps * kw }, () =>
    Array.from({ length: tile.blocks }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const scalars = accumulators.map((_, i) => ({
    channel: ix.plus(ix.scale(ix.variable(channels), tile.channels), Math.floor(i / (kw * tile.taps))),
    row: ix.plus(ix.scale(ix.variable(tapRow), tile.taps), Math.floor(i / kw) % tile.taps),
    tap: i % kw,
  }));
  const i = builder.variable("i", share.together);
  const { lines, run, steps } = pixelLoops(builder, anchor, share.rows, tile.adjacent);
  const inner = [pair, channels, tapRow, lines];
  const extents = inner.map(({ extent }) => extent);
  const progress: Progress = {
    number: ix.flatten(inner.map(ix.variable), extents),
    count: sizeOfShape(extents),
    next: nextOf(builder, batch, tasks),
  };
  const image = ix.add(firstImage, ix.variable(i));
  const origin: Origin = { image, channel: channelStart, output: ix.scale(firstBlock, lanes), row: firstRow };
  const advance = prefetchOperands(builder, anchor, share, origin, progress);
  const block = ix.scale(ix.variable(pair), tile.blocks);
  const e = builder.lowering.algebra;
  const weights: WeightRegisters = { builder, anchor, accumulators, scalars, block };
  const products = pixelProducts(weights, steps, ix.variable(i), pixels, gradients);
  const start = accumulators.flat().map((a) => declare(nameOf(a), splat(e.typed(0, "f32", a), lanes)));
  const later = ix.simplifyGuard([{ index: ix.plus(ix.variable(batch), -1), extent: batch.extent }]);
  const finish = storeWeights(weights, later, (output, channel, row, tap) => [
    split,
    ix.add(ix.scale(ix.add(firstBlock, output), lanes), builder.lane),
    ix.add(channelStart, channel),
    row,
    ix.constant(tap),
  ]);
  const prefetches = later === null ? [] : prefetchAccesses(builder, finish);
  const micro = [...start, ...prefetches, ...nest([i, lines], [...advance, ...nest([run], products)]), ...finish];
  const body = [...pixels.statements, ...gradients.statements, ...nest([pair, channels, tapRow], micro)];
  builder.part(tasks, [...pixels.border, loop(batch, body)]);
  return 2 * n * o * ho * wo * c * kh * kw;
}

/** The origin of a tile in its operands: image, first channel of pixels and of gradients, first output row. */
interface Origin {
  readonly image: ix.Index;
  readonly channel: ix.Index;
  readonly output: ix.Index;
  readonly row: ix.Index;
}

/** Prefetches the pixels and gradients of the iteration, or the task, that follows. */
function prefetchOperands(
  builder: KernelBuilder,
  anchor: Node<"convWeightGrad">,
  share: Share,
  { image, channel, output, row }: Origin,
  progress: Progress,
): Stmt[] {
  const { lanes } = builder;
  const [x, g] = anchor.inputs;
  const [strideH] = anchor.attrs.stride;
  const channelsOf = (first: ix.Index, group: ix.Index) => ix.add(first, ix.add(ix.scale(group, lanes), builder.lane));
  const pixels: Region = {
    blocks: Math.ceil(share.channels / lanes),
    rows: share.rows * strideH,
    columns: x.shape[3],
    at: (b, r, q) => [image, channelsOf(channel, b), ix.add(ix.scale(row, strideH), r), q],
  };
  const gradients: Region = {
    blocks: share.blocks,
    rows: share.rows,
    columns: g.shape[3],
    at: (b, r, q) => [image, channelsOf(output, b), ix.add(row, r), q],
  };
  return [...prefetchNext(builder, x, pixels, progress), ...prefetchNext(builder, g, gradients, progress)];
}

/** The registers of a tile of weights: an accumulator for each weight and output block. */
interface WeightRegisters {
  readonly builder: KernelBuilder;
  readonly anchor: Node<"convWeightGrad">;
  /** [weights][blocks] */
  readonly accumulators: readonly (readonly Expr[])[];
  /** Input channel, row and column of the kernel of each weight. */
  readonly scalars: readonly { readonly channel: ix.Index; readonly row: ix.Index; readonly tap: number }[];
  /** The first output block of the tile. */
  readonly block: ix.Index;
}

/** Elements of an operand in memory, by image of the task, block or channel, row and column. */
interface Operand {
  readonly buffer: string;
  readonly at: (image: ix.Index, channel: ix.Index, row: ix.Index, column: ix.Index) => ix.Index;
}

/** Adds the products of some pixels with the gradients of their outputs. */
function pixelProducts(
  { builder, anchor, accumulators, scalars, block }: WeightRegisters,
  steps: readonly (readonly [row: ix.Index, column: ix.Index])[],
  image: ix.Index,
  pixels: Operand,
  gradients: Operand,
): Stmt[] {
  const { lanes } = builder;
  const { stride, dilation, kernel } = anchor.attrs;
  const e = builder.lowering.algebra;
  const reads = steps.flatMap(([y, column]) => {
    const vectors = accumulators[0].map((_, b) =>
      load(gradients.buffer, "f32", gradients.at(image, ix.plus(block, b), y, column), [], lanes),
    );
    return scalars.map(({ channel, row, tap }, s) => {
      const r = ix.add(ix.scale(y, stride[0]), ix.scale(row, dilation[0]));
      return { s, vectors, channel, r, q: ix.plus(ix.scale(column, stride[1]), tap * dilation[1]) };
    });
  });
  // Products of one pixel are consecutive, so that it occupies a register only briefly and is loaded once.
  const rowOf = (s: number): number => Math.floor(s / kernel[1]);
  if (steps.length > 1) reads.sort((a, b) => a.q.offset - b.q.offset || rowOf(a.s) - rowOf(b.s));
  return reads.flatMap(({ s, vectors, channel, r, q }) => {
    const scalar = splat(load(pixels.buffer, "f32", pixels.at(image, channel, r, q), [], lanes), lanes);
    return accumulators[s].map((a, b) => set(nameOf(a), e.op("add", a, e.op("mul", vectors[b], scalar))));
  });
}

/** Stores the sums of a tile; where `later` holds, memory has those of earlier images, which are added. */
function storeWeights(
  { builder, anchor, accumulators, scalars, block }: WeightRegisters,
  later: ix.Guard | null,
  coordinates: (output: ix.Index, channel: ix.Index, row: ix.Index, tap: number) => ix.Index[],
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const buffer = builder.buffer(anchor, "write");
  const layout = builder.layoutOf(anchor);
  return scalars.flatMap(({ channel, row, tap }, s) =>
    accumulators[s].map((a, b) => {
      const at = coordinates(ix.plus(block, b), channel, row, tap);
      const position = positionOf(at, anchor.shape, layout);
      const guard = ix.simplifyGuard(memoryBounds(at, anchor.shape, layout)) ?? [];
      const before = later === null ? null : load(buffer, "f32", position, [...later, ...guard], lanes);
      return store(buffer, "f32", position, before ? e.op("add", a, before) : a, lanes, guard);
    }),
  );
}

/** Pixels of a run: enough to amortise the code between runs. */
const RUN = 16;

interface PixelLoops {
  readonly lines: ix.LoopVar;
  readonly run: ix.LoopVar;
  /** The pixels of a step. */
  readonly steps: readonly (readonly [row: ix.Index, column: ix.Index])[];
}

/**
 * Loops over the pixels of some rows, a few adjacent ones per iteration; where consecutive rows are contiguous in
 * memory, over runs of equal length.
 */
function pixelLoops(
  builder: KernelBuilder,
  { inputs, shape, attrs }: Node<"convWeightGrad">,
  rows: number,
  adjacent: number,
): PixelLoops {
  const [, , , kh, kw] = shape;
  const columns = inputs[1].shape[3];
  const { stride, before, after } = attrs;
  const dense = kh * kw * stride[0] * stride[1] === 1 && [...before, ...after].every((border) => border === 0);
  const length = dense ? divisorUpTo(rows * columns, RUN) : columns;
  const [lines, run] = [builder.variable("y", (rows * columns) / length), builder.variable("x", length / adjacent)];
  const steps = Array.from({ length: adjacent }, (_, i) => {
    const inRun = ix.plus(ix.scale(ix.variable(run), adjacent), i);
    const position = ix.flatten([ix.variable(lines), inRun], [lines.extent, length]);
    return [ix.div(position, columns), ix.mod(position, columns)] as const;
  });
  return { lines, run, steps };
}
