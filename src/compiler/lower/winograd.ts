/**
 * Winograd's convolution in tiles of 4 × 4 results: a task copies bands of images, transforms their pixels, multiplies in
 * 36 small products of matrices, transforms back and does the element-wise work behind it, all within the cache. Sums run
 * over the channels alone, so their order does not depend on how tiles are shared out.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, load, loop, nameOf, register, type Stmt, set, splat, store, TASK } from "../../ir/loops.js";
import type { Target } from "../../ir/target.js";
import {
  WINOGRAD_IN,
  WINOGRAD_OUT,
  winogradFilterMatrix,
  winogradInputMatrix,
  winogradOutputMatrix,
} from "../../ops/index.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { divisorUpTo } from "../prepare.js";
import { addNest, nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";
import { chooseTile } from "./tile.js";
import {
  type Matrices,
  matrices,
  type PixelSource,
  POINTS,
  readPoints,
  type TileCounts,
  tileLoops,
  times,
  transform,
  transformPixels,
} from "./winograd-tiles.js";

/** Tiles of a task: enough for filters to be read seldom, few enough for the second-level cache. */
const TILES = 24;

/** Lowers the transformation of filters: lanes over output channels, a row of points at a time (six streams of stores). */
export function lowerWinogradFilter(builder: KernelBuilder, anchor: Node): number {
  const { lanes } = builder;
  const [w] = anchor.inputs;
  const [o, c] = w.shape;
  const taps = [0, 1, 2];
  addNest(builder, [o / lanes], 200 * c * lanes, ([block]) => {
    const output = ix.add(ix.scale(block, lanes), builder.lane);
    return winogradFilterMatrix.map((row, a) => {
      const channel = builder.variable("k", c);
      const at = (r: number, q: number) => [output, ix.variable(channel), ix.constant(r), ix.constant(q)];
      const statements: Stmt[] = [];
      const columns = taps.map((q) => {
        const column = taps.map((r) => builder.lowering.value(w, at(r, q)));
        return times(builder, statements, [row], column)[0];
      });
      times(builder, statements, winogradFilterMatrix, columns).forEach((value, b) => {
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

interface Share {
  /** Images of a task, and tile rows of each. */
  readonly images: number;
  readonly rows: number;
  /** Vectors of output channels of a task. */
  readonly blocks: number;
}

/** Cycles per vector of channels: the transformations of a tile on the way in and out. */
const TRANSFORMS = 130;
/** Bytes a cycle of filters that come from memory. */
const FAR = 8;
/** Threads that tasks should share out evenly among; not those of the machine, so that shapes alone decide. */
const SHARERS = 4;

/** Whole images where they are small, bands of tile rows where they are large. */
function shareOfNearFilters(images: number, rows: number, columns: number, blocks: number, wanted: number): Share {
  const perImage = rows * columns;
  if (perImage >= wanted) {
    return { images: 1, rows: divisorUpTo(rows, Math.max(1, Math.round(wanted / columns))), blocks };
  }
  const together = Math.max(1, Math.round(wanted / perImage));
  // At least some tasks, so that all threads have work.
  return { images: divisorUpTo(images, Math.min(together, Math.max(1, Math.floor(images / 4)))), rows, blocks };
}

/**
 * Filters that no cache holds: tasks share out output channels too, which repeats the transformation of pixels
 * and spares reading all filters anew for every few tiles.
 */
function shareOfFarFilters(images: number, rows: number, columns: number, blocks: number, c: number, lanes: number) {
  let best: Share = { images: 1, rows, blocks };
  let least = Number.POSITIVE_INFINITY;
  for (let together = 1; together <= images; together++) {
    const tiles = together * rows * columns;
    if (images % together !== 0 || tiles > 4 * TILES) continue;
    for (let own = 1; own <= blocks; own++) {
      if (blocks % own !== 0) continue;
      const products = (POINTS * c * own * tiles) / 2;
      const transforms = tiles * (c / lanes + own) * TRANSFORMS;
      const filters = (POINTS * c * own * lanes * 4) / FAR;
      const tasks = (images / together) * (blocks / own);
      const cycles = (products + transforms + filters) * Math.ceil(tasks / SHARERS);
      if (cycles < least) {
        least = cycles;
        best = { images: together, rows, blocks: own };
      }
    }
  }
  return best;
}

function chooseShare({ lanes, l2Bytes }: Target, tiles: TileCounts, blocks: number, c: number): Share {
  const [images, rows, columns] = tiles;
  const cached = (POINTS * blocks * lanes * c * 4) / l2Bytes;
  if (cached > 16) return shareOfFarFilters(images, rows, columns, blocks, c, lanes);
  // Filters that come from the third level are worth more tiles at a time.
  return shareOfNearFilters(images, rows, columns, blocks, cached > 2 ? 2 * TILES : TILES);
}

/** Lowers the convolution and the element-wise work behind it. */
export function lowerWinograd(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "winogradConv2d")) return 0;
  const { lanes, target } = builder;
  const { before } = anchor.attrs;
  const [x, u] = anchor.inputs;
  const [n, o, ho, wo] = anchor.shape;
  const c = x.shape[1];
  const [tileRows, tileColumns] = [Math.ceil(ho / WINOGRAD_OUT), Math.ceil(wo / WINOGRAD_OUT)];
  const share = chooseShare(target, [n, tileRows, tileColumns], o / lanes, c);
  const { blocks } = share;
  const counts = [o / lanes / blocks, n / share.images, tileRows / share.rows];
  const tasks = counts.reduce((a, b) => a * b, 1);
  const [blockGroup, imageGroup, band] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const firstBlock = ix.scale(blockGroup, blocks);
  const firstImage = ix.scale(imageGroup, share.images);
  const firstRow = ix.scale(band, share.rows * WINOGRAD_OUT);
  const own: TileCounts = [share.images, share.rows, tileColumns];
  const tiles = own.reduce((a, b) => a * b, 1);

  // 36 matrices of tiles × channels, times 36 of channels × outputs, give 36 of tiles × outputs.
  const tile = chooseTile(target, tiles, blocks, ({ vectors }) => blocks % vectors === 0);
  const height = Math.ceil(tiles / tile.rows) * tile.rows;
  const pixels = matrices(builder, height, c);
  const sums = matrices(builder, height, blocks * lanes);
  const request: PixelSource = {
    tiles: own,
    channels: c,
    x,
    source: (i, channel, row, column) => [
      ix.add(firstImage, i),
      channel,
      ix.plus(ix.add(firstRow, row), -before[0]),
      ix.plus(column, -before[1]),
    ],
  };
  const forward = transformPixels(builder, request, winogradInputMatrix, pixels);
  const steps = [height / tile.rows, blocks / tile.vectors, c];
  const products = multiply(builder, u, firstBlock, tile, steps, pixels, sums);

  const result = tileLoops(builder, own);
  const outputs = builder.variable("o", blocks);
  const backward: Stmt[] = [];
  const laneOf = (blockIndex: ix.Index) => ix.add(ix.scale(blockIndex, lanes), builder.lane);
  const summed = readPoints(builder, backward, sums, result.index, laneOf(ix.variable(outputs)));
  const values = transform(builder, backward, winogradOutputMatrix, summed);
  const [ownImage, tileRow, tileColumn] = result.at;
  backward.push(
    ...storePixels({
      builder,
      anchor,
      roots,
      unit: poolOf(anchor, roots),
      accumulators: values.map((value) => [value]),
      pixels: values.map((_, p) => ({ y: Math.floor(p / WINOGRAD_OUT), x: p % WINOGRAD_OUT })),
      image: ix.add(firstImage, ownImage),
      block: ix.add(firstBlock, ix.variable(outputs)),
      row: ix.add(firstRow, ix.scale(tileRow, WINOGRAD_OUT)),
      column: ix.scale(tileColumn, WINOGRAD_OUT),
    }),
  );

  builder.part(tasks, [...forward, ...products, ...nest([...result.loops, outputs], backward)]);
  return 2 * n * o * ho * wo * c * 9;
}

/** The 36 products: a register tile of tiles × output blocks runs over the channels. */
function multiply(
  builder: KernelBuilder,
  u: Node,
  firstBlock: ix.Index,
  tile: { readonly rows: number; readonly vectors: number },
  [strips, groups, c]: readonly number[],
  pixels: Matrices,
  sums: Matrices,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const side = [builder.variable("p", WINOGRAD_IN), builder.variable("p", WINOGRAD_IN)];
  const [a, b] = side.map(ix.variable);
  const point = ix.add(ix.scale(a, WINOGRAD_IN), b);
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
  return nest([...side, group, strip], [...start, loop(k, body), ...finish]);
}
