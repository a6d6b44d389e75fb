/**
 * Direct convolution. A task copies a band of an image (with border) into scratch memory and runs a register tile of
 * pixels × channel blocks over it: every weight vector is used for all pixels of the tile, every pixel for all blocks.
 * The epilogue is computed on the registers.
 */
import { isOp, type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, type Expr, load, loop, nameOf, register, type Stmt, set, splat, TASK } from "../../ir/loops.js";
import { multiplyAddsOf } from "../../ops/index.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { BandSums } from "./band-sums.js";
import { choosePlan, type Plan, type TileRun, tileRuns } from "./conv-plan.js";
import { type Traversal, traversalOf } from "./conv-traversal.js";
import { type Image, packImage } from "./image.js";
import { firstThen, nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";
import { nextOf, prefetchAccesses, prefetchFilters, prefetchNext, type Region } from "./prefetch.js";

/** Least number of channel blocks with which a tile runs long enough to prefetch those of the next. */
const MANY_BLOCKS = 16;
/** Cycles of products per vector of pixels below which memory bounds a band, and prefetching the next one pays. */
const MIN_CYCLES = 130;
/** Blocks of channels between the one that such a tile copies and the one that it prefetches. */
const BLOCKS_AHEAD = 3;

/**
 * Lowers a convolution, or the input gradient of a strided one, and its epilogue. Groups must be whole channel blocks.
 */
export function lowerConv(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "conv2d") && !isOp(anchor, "convInputGrad")) return 0;
  const { attrs } = anchor;
  const [x, w] = anchor.inputs;
  const [n] = anchor.shape;
  const c = w.shape[1];
  const traversal = traversalOf(anchor);
  const [rows, columns] = traversal.axes;
  const poolSide = poolOf(anchor, roots);
  const plan = choosePlan(builder.target, anchor, traversal, poolSide);
  const { band, bands, group, groups, run, runs } = plan;
  const counts = [attrs.groups, groups, runs];
  const tasks = attrs.groups * groups * runs;
  const [groupIndex, groupAt, runAt] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const step = builder.variable("n", run);
  const position = builder.exact(ix.add(ix.scale(runAt, run), ix.variable(step)), n * bands);
  const [image, bandAt] = ix.unflatten(position.index, [n, bands]);
  const firstRow = ix.scale(bandAt, band);
  const packed = packImage(builder, x, {
    images: 1,
    channels: c,
    rows: rows.extent(band),
    columns: columns.extent(columns.size),
    copies: run,
    source: (_, channel, row, column) => [
      image,
      ix.add(ix.scale(groupIndex, c), channel),
      ix.add(rows.source(firstRow), row),
      ix.add(columns.source(ix.zero), column),
    ],
  });
  // If no two tiles read the same pixel, the tiles of the first channel blocks pack their pixels on the fly.
  const pointwise = w.shape[2] * w.shape[3] === 1;
  const copied = pointwise && c % builder.lanes === 0 && c / builder.lanes >= MANY_BLOCKS && packed.onTheFly !== null;
  const rounds = group / plan.tile.blocks;
  const pair = builder.variable("o", rounds);
  const sums = new BandSums(builder, anchor, roots, plan.tile.blocks);
  const region: Region = {
    blocks: c / builder.lanes,
    rows: Math.min(rows.extent(band), x.shape[2]),
    columns: x.shape[3],
    at: (b, row, column) => [
      image,
      ix.add(ix.scale(groupIndex, c), ix.add(ix.scale(b, builder.lanes), builder.lane)),
      ix.add(bands === 1 ? ix.zero : rows.source(firstRow), row),
      column,
    ],
  };
  const cycles = (group * builder.lanes * w.shape[2] * w.shape[3]) / 2;
  const isNarrow = !copied && c % builder.lanes === 0 && cycles < MIN_CYCLES;
  const next = isNarrow ? nextOf(builder, step, tasks) : null;
  const [vertical, horizontal] = [tileRuns(band, plan.tile.th), tileRuns(columns.size, plan.tile.tw)];
  const inBand = vertical.reduce((sum, v) => sum + v.count, 0) * horizontal.reduce((sum, h) => sum + h.count, 0);
  const tiles = new TileBuilder(
    builder,
    anchor,
    roots,
    packed,
    plan,
    poolSide,
    copied ? ix.variable(pair) : null,
    sums,
  );
  const firstBlock = ix.scale(ix.add(ix.scale(groupIndex, groups), groupAt), group);
  const block = ix.add(firstBlock, ix.scale(ix.variable(pair), plan.tile.blocks));
  const body = tilesOf(builder, vertical, horizontal, (tile, number) => {
    const tileNumber = ix.add(ix.scale(ix.variable(pair), inBand), number);
    // Prefetches are spread over the tile: issued at once they would delay the loads of its pixels.
    const prefetches = (part: ix.Index, parts: number): Stmt[] => {
      const at = ix.add(ix.scale(tileNumber, parts), part);
      return prefetchNext(builder, x, region, { number: at, count: rounds * inBand * parts, next });
    };
    return traversal.phases.flatMap((phase, i) => {
      const place = { ...tile, image, block, firstRow, number: ix.plus(number, i) };
      return tiles.tile(phase, { ...place, prefetches: i === 0 ? prefetches : null });
    });
  });
  for (let b = 0; b < plan.tile.blocks; b++) {
    body.push(...sums.finish(ix.constant(b), ix.plus(block, b), image, bandAt));
  }
  const perStep = position.within([...(copied ? [] : packed.statements), ...nest([pair], body)]);
  builder.part(tasks, [...(copied ? [] : packed.border), ...nest([step], perStep)]);
  return 2 * multiplyAddsOf(anchor);
}

/** Loops over the tiles of a band: runs of equal rows by runs of equal columns, numbered in their order. */
function tilesOf(
  builder: KernelBuilder,
  vertical: readonly TileRun[],
  horizontal: readonly TileRun[],
  tile: (place: Pick<TilePlace, "row" | "column" | "th" | "tw">, number: ix.Index) => Stmt[],
): Stmt[] {
  const body: Stmt[] = [];
  let before = 0;
  for (const v of vertical) {
    for (const h of horizontal) {
      const down = builder.variable("y", v.count);
      const across = builder.variable("x", h.count);
      const row = ix.plus(ix.scale(ix.variable(down), v.size), v.start);
      const column = ix.plus(ix.scale(ix.variable(across), h.size), h.start);
      const number = ix.plus(ix.flatten([down, across].map(ix.variable), [v.count, h.count]), before);
      body.push(...nest([down, across], tile({ row, column, th: v.size, tw: h.size }, number)));
      before += v.count * h.count;
    }
  }
  return body;
}

interface TilePlace {
  readonly image: ix.Index;
  /** The first channel block. */
  readonly block: ix.Index;
  /** The first row of the band, and the tile's first row and column in it. */
  readonly firstRow: ix.Index;
  readonly row: ix.Index;
  readonly column: ix.Index;
  /** Rows and columns of the tile, and its number in the band. */
  readonly th: number;
  readonly tw: number;
  readonly number: ix.Index;
  /** What part `part` of `parts` of the tile prefetches; null if nothing. */
  readonly prefetches: ((part: ix.Index, parts: number) => Stmt[]) | null;
}

class TileBuilder {
  constructor(
    private readonly builder: KernelBuilder,
    private readonly anchor: Node,
    private readonly roots: readonly Node[],
    private readonly packed: Image,
    private readonly plan: Plan,
    private readonly poolSide: number,
    /**
     * The number of the tile's channel blocks within the task, if the first ones pack the pixels on the fly; else null.
     */
    private readonly round: ix.Index | null,
    private readonly sums: BandSums,
  ) {}

  /** A register tile: accumulate over channels and taps, then finish and store. */
  tile(phase: Traversal["phases"][number], at: TilePlace): Stmt[] {
    const { image, block, firstRow, row, column, th, tw, number, prefetches } = at;
    const { builder, anchor } = this;
    const { lanes } = builder;
    const c = anchor.inputs[1].shape[1];
    const [vertical, horizontal] = phase;
    const pixels = Array.from({ length: th * tw }, (_, i) => ({ y: Math.floor(i / tw), x: i % tw }));
    const accumulators = pixels.map(() =>
      Array.from({ length: this.plan.tile.blocks }, () => register(builder.fresh("c"), "f32", lanes)),
    );
    const start = accumulators
      .flat()
      .map((a) => declare(nameOf(a), splat(builder.lowering.algebra.typed(0, "f32", a), lanes)));
    // Channels of a block are contiguous, so the innermost loop runs over them: addresses grow by constants.
    const split = c % lanes === 0 ? [c / lanes, lanes] : [c];
    const channels = split.map((extent) => builder.variable("k", extent));
    const [down, across] = phase.map(({ taps }) => builder.variable("k", taps));
    const channel = ix.flatten(channels.map(ix.variable), split);
    const { adjacent } = this.plan.tile;
    const taps = adjacent > 1 ? Array.from({ length: across.extent }, (_, t) => ix.constant(t)) : [ix.variable(across)];
    const inner = this.products(phase, accumulators, pixels, block, row, column, channel, ix.variable(down), taps);
    const [innermost] = channels.slice(-1);
    const reached = vertical.taps * horizontal.taps > 0;
    const around = adjacent > 1 ? [down] : [down, across];
    const outer = [...channels.slice(0, -1), ...around];
    const extents = outer.map(({ extent }) => extent);
    const fetched = prefetches?.(ix.flatten(outer.map(ix.variable), extents), sizeOfShape(extents)) ?? [];
    const sum = (copies: Stmt[]) =>
      nest(channels.slice(0, -1), [...copies, ...nest(around, [...fetched, loop(innermost, inner)])]);
    const compute = reached ? this.inRounds(sum, () => this.copies(phase, pixels, row, column, channels[0])) : [];
    const { roots, poolSide } = this;
    const { sums } = this;
    const { values, statements: barriers } = builder.toRegisters(accumulators);
    const stores = storePixels({
      builder,
      anchor,
      roots,
      poolSide,
      accumulators: values,
      pixels: pixels.map(({ y, x }) => ({ y: y * vertical.scale, x: x * horizontal.scale })),
      image,
      block,
      row: ix.plus(ix.scale(ix.add(firstRow, row), vertical.scale), vertical.offset),
      column: ix.plus(ix.scale(column, horizontal.scale), horizontal.offset),
      sums: (finished) => sums.add(finished, ix.zero, number),
    });
    return [...start, ...(reached ? prefetchAccesses(this.builder, stores) : []), ...compute, ...barriers, ...stores];
  }

  /** The sum over channels and taps; in the first round with the statements that pack the pixels. */
  private inRounds(sum: (copies: Stmt[]) => Stmt[], copies: () => Stmt[]): Stmt[] {
    const { round } = this;
    return round ? firstThen(round, sum(copies()), sum([])) : sum([]);
  }

  private copies(
    [vertical, horizontal]: Traversal["phases"][number],
    pixels: readonly { y: number; x: number }[],
    row: ix.Index,
    column: ix.Index,
    block: ix.LoopVar,
  ): Stmt[] {
    return pixels.flatMap(({ y, x }) => {
      const r = vertical.read(ix.plus(row, y), ix.zero);
      const q = horizontal.read(ix.plus(column, x), ix.zero);
      const later = ix.plus(ix.variable(block), BLOCKS_AHEAD);
      return this.packed.onTheFly?.([ix.zero, ix.variable(block), r, q], [ix.zero, later, r, q]) ?? [];
    });
  }

  private products(
    [vertical, horizontal]: Traversal["phases"][number],
    accumulators: readonly (readonly Expr[])[],
    pixels: readonly { y: number; x: number }[],
    block: ix.Index,
    row: ix.Index,
    column: ix.Index,
    channel: ix.Index,
    tap: ix.Index,
    tapColumns: readonly ix.Index[],
  ): Stmt[] {
    const { builder, packed } = this;
    const { lanes, lowering } = builder;
    const w = this.anchor.inputs[1];
    const weights = tapColumns.map((tapColumn) =>
      Array.from({ length: this.plan.tile.blocks }, (_, b) => {
        const output = ix.add(ix.scale(ix.plus(block, b), lanes), builder.lane);
        return lowering.value(w, [output, channel, vertical.weight(tap), horizontal.weight(tapColumn)]);
      }),
    );
    // From the second image on, the filters are in the cache.
    const ahead =
      this.plan.run <= this.plan.bands ? prefetchFilters(builder, weights.flat(), sizeOfShape(w.shape) * 4) : [];
    const reads = pixels.flatMap(({ y, x }, p) =>
      tapColumns.map((tapColumn, t) => ({ p, t, y, q: horizontal.read(ix.plus(column, x), tapColumn) })),
    );
    // Products of one pixel are consecutive, so that it occupies a register only briefly and is loaded once.
    const ordered = tapColumns.length > 1 ? reads.sort((a, b) => a.q.offset - b.q.offset || a.y - b.y) : reads;
    const products = ordered.flatMap(({ p, t, y, q }) => {
      const r = vertical.read(ix.plus(row, y), tap);
      const scalar = splat(load(packed.buffer, "f32", packed.at(ix.zero, channel, r, q), [], lanes), lanes);
      return weights[t].map((weight, b) => {
        const a = accumulators[p][b];
        return set(nameOf(a), lowering.algebra.op("add", a, lowering.algebra.op("mul", weight, scalar)));
      });
    });
    return [...ahead, ...products];
  }
}
