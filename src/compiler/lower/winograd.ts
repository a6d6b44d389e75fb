/**
 * Winograd's convolution in tiles of 4 × 4 or 2 × 2 results: a task copies bands of images, transforms their pixels,
 * multiplies in a small product of matrices for each point, transforms back and computes the epilogue,
 * all within the cache. Sums run over the channels alone, so their order does not depend on the division into tasks.
 */
import { isOp, type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, load, loop, nameOf, register, type Stmt, set, splat, store, TASK } from "../../ir/loops.js";
import { winograd } from "../../ops/index.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { BandSums } from "./band-sums.js";
import { addNest, nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";
import { nextIteration, nextTask, prefetchAccesses, prefetchFilters, prefetchNext, type Region } from "./prefetch.js";
import { chooseTile } from "./tile.js";
import { chooseShare } from "./winograd-share.js";
import {
  type Matrices,
  matrices,
  type PixelSource,
  readPoints,
  type TileCounts,
  tileLoops,
  times,
  transform,
  transformPixels,
} from "./winograd-tiles.js";

/**
 * Lowers the transformation of filters: lanes over output channels, a row of points at a time (six streams of stores).
 */
export function lowerWinogradFilter(builder: KernelBuilder, anchor: Node): number {
  if (!isOp(anchor, "winogradFilter")) return 0;
  const { filter } = winograd(anchor.attrs.tile);
  const { lanes } = builder;
  const [w] = anchor.inputs;
  const [o, c] = w.shape;
  const taps = [0, 1, 2];
  addNest(builder, [o / lanes], 200 * c * lanes, ([block]) => {
    const output = ix.add(ix.scale(block, lanes), builder.lane);
    return filter.map((row, a) => {
      const channel = builder.variable("k", c);
      const at = (r: number, q: number) => [output, ix.variable(channel), ix.constant(r), ix.constant(q)];
      const statements: Stmt[] = [];
      const columns = taps.map((q) => {
        const column = taps.map((r) => builder.lowering.value(w, at(r, q)));
        return times(builder, statements, [row], column)[0];
      });
      times(builder, statements, filter, columns).forEach((value, b) => {
        const store = builder.lowering.withBound(
          anchor,
          () => value,
          () => builder.storeRoot(anchor, at(a, b)),
        );
        statements.push(store);
      });
      return loop(channel, statements);
    });
  });
  return 200 * o * c;
}

/** Lowers the convolution and its epilogue. */
export function lowerWinograd(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "winogradConv2d")) return 0;
  const { lanes, target } = builder;
  const { before, tile: side } = anchor.attrs;
  const scheme = winograd(side);
  const { points } = scheme;
  const [x, u] = anchor.inputs;
  const [n, o, ho, wo] = anchor.shape;
  const c = x.shape[1];
  const [tileRows, tileColumns] = [Math.ceil(ho / side), Math.ceil(wo / side)];
  const share = chooseShare(target, anchor);
  const { blocks } = share;
  const counts = [o / lanes / blocks, n / share.images, tileRows / share.rows];
  const tasks = counts.reduce((a, b) => a * b, 1);
  const [blockGroup, imageGroup, band] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const firstBlock = ix.scale(blockGroup, blocks);
  const firstImage = ix.scale(imageGroup, share.images);
  const firstRow = ix.scale(band, share.rows * side);
  const taskTiles: TileCounts = [share.images, share.rows, tileColumns];
  const tiles = taskTiles.reduce((a, b) => a * b, 1);

  // Matrices of tiles × channels, one for each point, times those of channels × outputs, give those of tiles × outputs.
  const tile = chooseTile(target, tiles, blocks, ({ vectors }) => blocks % vectors === 0);
  const height = Math.ceil(tiles / tile.rows) * tile.rows;
  const pixels = matrices(builder, points, height, c);
  const sums = matrices(builder, points, height, blocks * lanes);
  const request: PixelSource = {
    tiles: taskTiles,
    channels: c,
    x,
    source: (i, channel, row, column) => [
      ix.add(firstImage, i),
      channel,
      ix.plus(ix.add(firstRow, row), -before[0]),
      ix.plus(column, -before[1]),
    ],
  };
  const forward = transformPixels(builder, request, scheme, pixels);
  const steps = [height / tile.rows, blocks / tile.vectors, c];
  const inputBlocks = c / lanes;
  // Filters that fill the cache would evict what is prefetched that early.
  const next = points * c * blocks * lanes * 4 <= target.l2Bytes ? nextTask(builder, tasks) : null;
  const region: Region = {
    blocks: share.images * inputBlocks,
    rows: Math.min(share.rows * side, x.shape[2]),
    columns: x.shape[3],
    at: (b, row, column) => {
      const [i, block] = ix.unflatten(b, [share.images, inputBlocks]);
      const channel = ix.add(ix.scale(block, lanes), builder.lane);
      return [ix.add(firstImage, i), channel, ix.add(firstRow, row), column];
    },
  };
  const prefetches = (number: ix.Index, count: number) => prefetchNext(builder, x, region, { number, count, next });
  const products = multiply(builder, u, firstBlock, tile, steps, pixels, sums, prefetches);
  const stored = storeTiles(builder, anchor, roots, {
    tiles: taskTiles,
    blocks,
    sums,
    firstImage,
    firstBlock,
    firstRow,
    band,
  });
  builder.part(tasks, [...forward, ...products, ...stored]);
  return 2 * n * o * ho * wo * c * 9;
}

/** The results that a task stores. */
interface TaskResults {
  readonly tiles: TileCounts;
  readonly blocks: number;
  readonly sums: ReturnType<typeof matrices>;
  readonly firstImage: ix.Index;
  readonly firstBlock: ix.Index;
  readonly firstRow: ix.Index;
  readonly band: ix.Index;
}

/** Transforms the sums of a task back into pixels and stores them with the epilogue. */
function storeTiles(
  builder: KernelBuilder,
  anchor: Node<"winogradConv2d">,
  roots: readonly Node[],
  { tiles, blocks, sums, firstImage, firstBlock, firstRow, band }: TaskResults,
): Stmt[] {
  const { lanes } = builder;
  const { tile: side } = anchor.attrs;
  const result = tileLoops(builder, tiles);
  const outputs = builder.variable("o", blocks);
  const backward: Stmt[] = [];
  const laneOf = (blockIndex: ix.Index) => ix.add(ix.scale(blockIndex, lanes), builder.lane);
  const summed = readPoints(builder, backward, sums, result.index, laneOf(ix.variable(outputs)));
  const values = transform(builder, backward, winograd(side).output, summed);
  const [tileImage, tileRow, tileColumn] = result.at;
  const bandSums = new BandSums(builder, anchor, roots, blocks);
  const number = ix.flatten([tileRow, tileColumn], tiles.slice(1));
  const stores = storePixels({
    builder,
    anchor,
    roots,
    poolSide: poolOf(anchor, roots),
    accumulators: values.map((value) => [value]),
    pixels: values.map((_, p) => ({ y: Math.floor(p / side), x: p % side })),
    image: ix.add(firstImage, tileImage),
    block: ix.add(firstBlock, ix.variable(outputs)),
    row: ix.add(firstRow, ix.scale(tileRow, side)),
    column: ix.scale(tileColumn, side),
    sums: (finished) => bandSums.add(finished, ix.variable(outputs), number),
  });
  const block = builder.variable("o", blocks);
  const at = ix.variable(block);
  const finish = bandSums.finish(at, ix.add(firstBlock, at), ix.add(firstImage, tileImage), band);
  // After the first vector, whose loop has the extent of all others.
  const [first, ...others] = backward;
  const touched = prefetchAccesses(builder, stores, nextIteration(outputs));
  return nest(result.loops.slice(0, 1), [
    ...nest([...result.loops.slice(1), outputs], [first, ...touched, ...others, ...stores]),
    ...nest(finish.length > 0 ? [block] : [], finish),
  ]);
}

/** The products of all points: a register tile of tiles × output blocks runs over the channels. */
function multiply(
  builder: KernelBuilder,
  u: Node,
  firstBlock: ix.Index,
  tile: { readonly rows: number; readonly vectors: number },
  [strips, groups, c]: readonly number[],
  pixels: Matrices,
  sums: Matrices,
  asked: (number: ix.Index, count: number) => Stmt[],
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const side = [2, 3].map((axis) => builder.variable("p", u.shape[axis]));
  const [a, b] = side.map(ix.variable);
  const point = ix.flatten([a, b], u.shape.slice(2));
  const group = builder.variable("j", groups);
  const strip = builder.variable("i", strips);
  const k = builder.variable("k", c);
  const output = (v: number) =>
    ix.add(ix.scale(ix.plus(ix.scale(ix.variable(group), tile.vectors), v), lanes), builder.lane);
  const row = (r: number) => ix.plus(ix.scale(ix.variable(strip), tile.rows), r);
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const start = accumulators.flat().map((x) => declare(nameOf(x), splat(e.typed(0, "f32", x), lanes)));
  const filters = Array.from({ length: tile.vectors }, (_, v) =>
    builder.lowering.value(u, [ix.add(ix.scale(firstBlock, lanes), output(v)), ix.variable(k), a, b]),
  );
  const body = accumulators.flatMap((line, r) => {
    const scalar = splat(load(pixels.buffer, "f32", pixels.at(point, row(r), ix.variable(k)), [], lanes), lanes);
    return line.map((x, v) => set(nameOf(x), e.op("add", x, e.op("mul", scalar, filters[v]))));
  });
  const finish = accumulators.flatMap((line, r) =>
    line.map((x, v) => store(sums.buffer, "f32", sums.at(point, row(r), output(v)), x, lanes)),
  );
  const ahead = prefetchFilters(builder, filters, sizeOfShape(u.shape) * 4);
  const loops = [...side, group, strip];
  const extents = loops.map(({ extent }) => extent);
  const soon = asked(ix.flatten(loops.map(ix.variable), extents), sizeOfShape(extents));
  return nest(loops, [...start, ...soon, loop(k, [...ahead, ...body]), ...finish]);
}
