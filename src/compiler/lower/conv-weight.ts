/**
 * Weight gradient of a convolution: for every tap, a sum over pixels of dy (vectors of output channels) times x (scalars).
 * A register tile holds some input channels × taps of a row × output blocks; a task owns the results of some output blocks
 * and one piece of the images, so nothing is shared and every sum has a fixed order.
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
  when,
} from "../../ir/loops.js";
import { divisorsOf, divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { memoryBounds, positionOf } from "../layout.js";
import { askFor } from "./ahead.js";
import { pieces } from "./conv.js";
import { packImage } from "./image.js";
import { loadCost, nest } from "./nest.js";
import { fits, stepCycles } from "./tile.js";
import { transposed } from "./transpose.js";

/** Tasks worth having. Neither number may depend on the threads: the cut decides the order of sums, and so the bits. */
const TASKS = 8;
const SHARERS = 4;
/** Pixels between what is copied in passing and what is asked for. */
const PIXELS_AHEAD = 16;

interface WeightTile {
  readonly channels: number;
  /** Kernel rows. */
  readonly taps: number;
  readonly blocks: number;
}

/** Channels × kernel rows × kernel columns are the scalars of a step, output blocks its vectors. */
function chooseWeightTile(
  builder: KernelBuilder,
  channels: number,
  kh: number,
  kw: number,
  blocks: number,
): WeightTile {
  let best: WeightTile = { channels: 1, taps: 1, blocks: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (const b of divisorsOf(blocks).filter((d) => d <= 4)) {
    for (const t of divisorsOf(kh)) {
      for (const c of divisorsOf(channels)) {
        const shape = { rows: c * t * kw, vectors: b };
        // A single row of taps may ask for one register more: the compiler spills an operand.
        const spilled = c * t === 1 ? 1 : 0;
        const target = { ...builder.target, registers: builder.target.registers + spilled };
        if (c * t * b > 1 && !fits(shape, target)) break;
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

interface Share {
  /** Channels and output blocks of a task. */
  readonly channels: number;
  readonly blocks: number;
  /** What is packed together: some whole images, or some rows of results of one. */
  readonly together: number;
  readonly rows: number;
}

/**
 * How tasks share the results: each packs its own pixels and gradients, so square shares pack least; enough pixels at a
 * time to pay for loading and storing the results, few enough for the cache; enough tasks to share out evenly.
 */
function chooseShare(
  builder: KernelBuilder,
  anchor: Node,
  tile: WeightTile,
  blocks: number,
  imageOf: (rows: number) => number,
): Share {
  const { lanes, target } = builder;
  const [pieces, , c, kh, kw] = anchor.shape;
  const [n, , ho, wo] = anchor.inputs[1].shape;
  const own = n / pieces;
  const products = (ho * wo * kh * kw) / (2 * lanes);
  let best: Share = { channels: c, blocks, together: 1, rows: ho };
  let least = Number.POSITIVE_INFINITY;
  for (const groupBlocks of divisorsOf(blocks).filter((d) => d % tile.blocks === 0)) {
    for (const channels of divisorsOf(c).filter((d) => d === c || d % lanes === 0)) {
      const floatsOf = (rows: number) => imageOf(rows) * channels + rows * wo * groupBlocks * lanes;
      const roomFor = (rows: number) => Math.floor(target.l2Bytes / 4 / floatsOf(rows));
      const together = divisorUpTo(own, Math.max(1, Math.min(roomFor(ho), Math.ceil(4096 / (ho * wo)))));
      const rows = divisorsOf(ho).findLast((d) => roomFor(d) >= 1) ?? 1;
      const [floats, bands] = [floatsOf(rows), ho / rows];
      const tasks = pieces * (blocks / groupBlocks) * (c / channels);
      // Cycles per image: products, packing, and adding the registers to memory once per group or band.
      const multiply = products * channels * groupBlocks * lanes;
      const results = (channels * kh * kw * groupBlocks * 3 * bands) / together;
      const task = own * (multiply + (floats * bands * 3) / lanes + results);
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

/** Lowers a weight gradient; the root is the anchor itself, in pieces. */
export function lowerConvWeight(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "convWeightGrad")) return 0;
  const { lanes } = builder;
  const { stride, dilation, before } = anchor.attrs;
  const [x, g] = anchor.inputs;
  const [parts, o, c, kh, kw] = anchor.shape;
  const [n, , ho, wo] = g.shape;
  const blocks = Math.ceil(o / lanes);
  const tile = chooseWeightTile(builder, c, kh, kw, blocks);
  const inputRows = (rows: number) => (rows - 1) * stride[0] + dilation[0] * (kh - 1) + 1;
  const columns = (wo - 1) * stride[1] + dilation[1] * (kw - 1) + 1;
  const share = chooseShare(builder, anchor, tile, blocks, (rows) => inputRows(rows) * columns);
  const own = n / parts;
  const counts = [parts, blocks / share.blocks, c / share.channels];
  const tasks = counts.reduce((a, b) => a * b, 1);
  const [piece, blockGroup, channelGroup] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const steps = [own / share.together, ho / share.rows];
  const batch = builder.variable("n", steps[0] * steps[1]);
  const [imageStep, band] = ix.unflatten(ix.variable(batch), steps);
  const firstImage = ix.add(ix.scale(piece, own), ix.scale(imageStep, share.together));
  const firstRow = ix.scale(band, share.rows);
  const firstBlock = ix.scale(blockGroup, share.blocks);
  const channelStart = ix.scale(channelGroup, share.channels);
  const pixels = packImage(builder, x, {
    images: share.together,
    channels: share.channels,
    rows: inputRows(share.rows),
    columns,
    source: (i, channel, r, q) => [
      ix.add(firstImage, i),
      ix.add(channelStart, channel),
      ix.plus(ix.add(ix.scale(firstRow, stride[0]), r), -before[0]),
      ix.plus(q, -before[1]),
    ],
  });
  const gradients = packGradients(builder, g, share, [firstImage, firstBlock, firstRow]);
  const pair = builder.variable("o", share.blocks / tile.blocks);
  const tapRow = builder.variable("k", kh / tile.taps);
  const i = builder.variable("i", share.together);
  const [loops, [y, column]] = pixelLoops(builder, anchor, share.rows);
  const block = ix.scale(ix.variable(pair), tile.blocks);
  const e = builder.lowering.algebra;
  const buffer = builder.buffer(anchor, "write");
  const layout = builder.layoutOf(anchor);
  const later = ix.simplifyGuard([{ index: ix.plus(ix.variable(batch), -1), extent: batch.extent }]);
  const vectors = Array.from({ length: tile.blocks }, (_, b) =>
    load(gradients.buffer, "f32", gradients.at(ix.variable(i), ix.plus(block, b), y, column), [], lanes),
  );
  // Where a pixel meets one tap only, the first tile that reads a block of channels copies it.
  const copied =
    kh * kw === 1 && (tile.channels % lanes === 0 || lanes % tile.channels === 0) ? pixels.inPassing : null;
  const inRounds = (sum: (copies: Stmt[]) => Stmt[], channels: ix.LoopVar): Stmt[] => {
    if (!copied) return sum([]);
    const perBlock = Math.max(1, lanes / tile.channels);
    const position = ix.variable(channels);
    const number = ix.add(ix.scale(ix.variable(pair), perBlock), ix.mod(position, perBlock));
    const blocksRead = Array.from({ length: Math.max(1, tile.channels / lanes) }, (_, b) =>
      ix.plus(ix.div(ix.scale(position, tile.channels), lanes), b),
    );
    const copies = blocksRead.flatMap((b) => {
      const [r, q] = [ix.scale(y, stride[0]), ix.scale(column, stride[1])];
      return copied([ix.variable(i), b, r, q], [ix.variable(i), b, r, ix.plus(q, PIXELS_AHEAD)]);
    });
    const first = when([{ index: number, extent: 1 }], sum(copies));
    return number.high > 0 ? [first, when([{ index: ix.plus(number, -1), extent: number.high }], sum([]))] : [first];
  };
  /** Tiles of `size` channels, `count` of them, from channel `first` on. */
  const tiles = ({ start: first, count, size }: ReturnType<typeof pieces>[number]): Stmt[] => {
    const channels = builder.variable("c", count);
    const accumulators = Array.from({ length: size * tile.taps * kw }, () =>
      Array.from({ length: tile.blocks }, () => register(builder.fresh("c"), "f32", lanes)),
    );
    const scalars = accumulators.map((_, s) => ({
      channel: ix.plus(ix.scale(ix.variable(channels), size), first + Math.floor(s / (kw * tile.taps))),
      row: ix.plus(ix.scale(ix.variable(tapRow), tile.taps), Math.floor(s / kw) % tile.taps),
      tap: s % kw,
    }));
    const products = scalars.flatMap(({ channel, row, tap }, s) => {
      const r = ix.add(ix.scale(y, stride[0]), ix.scale(row, dilation[0]));
      const at = pixels.at(ix.variable(i), channel, r, ix.plus(ix.scale(column, stride[1]), tap * dilation[1]));
      const scalar = splat(load(pixels.buffer, "f32", at, [], lanes), lanes);
      return accumulators[s].map((a, b) => set(nameOf(a), e.op("add", a, e.op("mul", vectors[b], scalar))));
    });
    const begin = accumulators.flat().map((a) => declare(nameOf(a), splat(e.typed(0, "f32", a), lanes)));
    const finish = scalars.flatMap(({ channel, row, tap }, s) =>
      accumulators[s].map((a, b) => {
        const output = ix.add(ix.scale(ix.add(firstBlock, ix.plus(block, b)), lanes), builder.lane);
        const at = [piece, output, ix.add(channelStart, channel), row, ix.constant(tap)];
        const position = positionOf(at, anchor.shape, layout);
        const guard = ix.simplifyGuard(memoryBounds(at, anchor.shape, layout)) ?? [];
        const earlier = later === null ? null : load(buffer, "f32", position, [...later, ...guard], lanes);
        return store(buffer, "f32", position, earlier ? e.op("add", a, earlier) : a, lanes, guard);
      }),
    );
    const sum = (copies: Stmt[]) => nest([i, ...loops], [...copies, ...products]);
    return nest(
      [channels, tapRow],
      [...begin, ...(later === null ? [] : askFor(finish)), ...inRounds(sum, channels), ...finish],
    );
  };
  const body = pieces(share.channels, tile.channels).flatMap(tiles);
  builder.part(tasks, [
    loop(batch, [...(copied ? [] : pixels.statements), ...gradients.statements, ...nest([pair], body)]),
  ]);
  return 2 * n * o * ho * wo * c * kh * kw;
}

/** Loops over the pixels of some rows, and the row and column: one loop where rows follow one another in what is read. */
function pixelLoops(
  builder: KernelBuilder,
  { inputs, shape, attrs }: Node<"convWeightGrad">,
  rows: number,
): readonly [loops: ix.LoopVar[], pixel: readonly ix.Index[]] {
  const [, , , kh, kw] = shape;
  const columns = inputs[1].shape[3];
  const { stride, before, after } = attrs;
  const dense = kh * kw * stride[0] * stride[1] === 1 && [...before, ...after].every((border) => border === 0);
  const loops = dense
    ? [builder.variable("p", rows * columns)]
    : [builder.variable("y", rows), builder.variable("x", columns)];
  return [loops, dense ? ix.unflatten(ix.variable(loops[0]), [rows, columns]) : loops.map(ix.variable)];
}

interface Gradients {
  readonly buffer: string;
  readonly statements: Stmt[];
  readonly at: (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => ix.Index;
}

/** Where a vector of x lies in memory, if it lies there as it is: side by side, nothing computed, nothing outside. */
function placeOf(builder: KernelBuilder, x: Node, at: readonly ix.Index[]) {
  const guard = ix.simplifyGuard(at.map((index, axis) => ({ index, extent: x.shape[axis] })));
  if (guard === null || guard.length > 0) return null;
  const value = builder.lowering.value(x, at);
  if (value.kind !== "load" || value.stride !== 1 || value.pick !== null || value.guard.length > 0) return null;
  return { buffer: value.buffer, index: value.index };
}

/**
 * Copies dy of some images and output blocks into scratch memory, lanes over channels; or finds it where it is, if that is
 * how it lies in memory.
 */
function packGradients(
  builder: KernelBuilder,
  g: Node,
  { together: images, blocks, rows }: Share,
  [firstImage, firstBlock, firstRow]: readonly ix.Index[],
): Gradients {
  const { lanes } = builder;
  const [, channels, , wo] = g.shape;
  const there = (i: ix.Index, block: ix.Index, y: ix.Index, q: ix.Index) => {
    const channel = ix.add(ix.scale(ix.add(firstBlock, block), lanes), builder.lane);
    return placeOf(builder, g, [ix.add(firstImage, i), channel, ix.add(firstRow, y), q]);
  };
  const [a0, a1, a2, a3] = [images, blocks, rows, wo].map((extent, k) => ix.variable({ name: `o${k}`, extent }));
  const place = lanes > 1 ? there(a0, a1, a2, a3) : null;
  if (place) {
    const at: Gradients["at"] = (i, block, y, q) => there(i, block, y, q)?.index ?? place.index;
    return { buffer: place.buffer, statements: [], at };
  }
  const shape = [images, blocks, rows, wo, lanes];
  const buffer = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const at: Gradients["at"] = (i, block, y, q) => ix.flatten([i, block, y, q, builder.lane], shape);
  const [i, b, y, q] = [images, blocks, rows, wo].map((extent) => builder.variable("g", extent));
  const element = (channel: ix.Index, row: ix.Index, column: ix.Index) => {
    const first = ix.scale(ix.add(firstBlock, ix.variable(b)), lanes);
    return builder.lowering.value(g, [
      ix.add(firstImage, ix.variable(i)),
      ix.add(first, channel),
      ix.add(firstRow, row),
      column,
    ]);
  };
  const put = (row: ix.Index, column: ix.Index, value: Expr) =>
    store(buffer, "f32", at(ix.variable(i), ix.variable(b), row, column), value, lanes);
  const value = element(builder.lane, ix.variable(y), ix.variable(q));
  // Where pixels are contiguous and channels are not, squares of channels × pixels are transposed.
  const run = builder.variable("g", Math.floor((rows * wo) / lanes));
  const pixel = (offset: ix.Index) => ix.unflatten(ix.add(ix.scale(ix.variable(run), lanes), offset), [rows, wo]);
  const channelRows = Array.from({ length: lanes }, (_, j) => {
    const [row, column] = pixel(builder.lane);
    return element(ix.constant(j), row, column);
  });
  const wholeSquares = lanes >= 4 && (rows * wo) % lanes === 0 && channels % lanes === 0;
  if (wholeSquares && loadCost([value], lanes) >= lanes && loadCost([channelRows[0]], lanes) < lanes) {
    const turned = transposed(builder, channelRows);
    const stores = turned.rows.map((vector, j) => {
      const [row, column] = pixel(ix.constant(j));
      return put(row, column, vector);
    });
    return { buffer, at, statements: nest([i, b, run], [...turned.statements, ...stores]) };
  }
  return { buffer, at, statements: nest([i, b, y, q], [put(ix.variable(y), ix.variable(q), value)]) };
}
