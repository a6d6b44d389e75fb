/**
 * Direct convolution. A task copies a band of an image (with border) into scratch memory and runs a register tile of
 * pixels × channel blocks over it: every weight vector is used for all pixels of the tile, every pixel for all blocks.
 * The element-wise work behind the convolution is done on the registers.
 */
import { isOp, type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, type Expr, load, nameOf, register, type Stmt, set, splat, TASK } from "../../ir/loops.js";
import { structuralRecord } from "../../ops/index.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { askAhead, askFor } from "./ahead.js";
import { type Walk, walkOf } from "./conv-walk.js";
import { type Image, packImage } from "./image.js";
import { nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";
import { fits, stepCycles } from "./tile.js";

type Convolution = Node<"conv2d"> | Node<"convInputGrad">;

/** A tile of th × tw pixels and some channel blocks. */
interface PixelTile {
  readonly th: number;
  readonly tw: number;
  readonly blocks: number;
}

interface Plan {
  readonly tile: PixelTile;
  /** Output rows of a band, and how many bands an image has. */
  readonly band: number;
  readonly bands: number;
  /** Channel blocks of a task, and how many such groups there are (in each group of the convolution). */
  readonly group: number;
  readonly groups: number;
  /** Images of a task. */
  readonly images: number;
  readonly chunks: number;
}

/** Register tiles start where the one before ends; what is left at an edge gets a smaller tile of its own. */
export function pieces(length: number, size: number): { start: number; count: number; size: number }[] {
  const whole = Math.floor(length / size);
  const rest = length - whole * size;
  const found = [{ start: 0, count: whole, size }];
  return rest > 0 ? [...found.filter(({ count }) => count > 0), { start: whole * size, count: 1, size: rest }] : found;
}

/** The tile, in whole `unit` × `unit` squares, that covers the band in the fewest cycles. */
export function choosePixelTile(
  builder: KernelBuilder,
  rows: number,
  columns: number,
  blocks: number,
  unit: number,
): PixelTile {
  let best: PixelTile = { th: unit, tw: unit, blocks: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let b = 1; b <= Math.min(4, blocks); b++) {
    if (blocks % b !== 0) continue;
    for (let tw = unit; tw <= columns; tw += unit) {
      const most = tw === columns ? rows : Math.min(rows, 4);
      for (let th = unit; th <= most && fits({ rows: th * tw, vectors: b }, builder.target); th += unit) {
        let cycles = 0;
        for (const v of pieces(rows, th)) {
          for (const h of pieces(columns, tw))
            cycles += v.count * h.count * stepCycles({ rows: v.size * h.size, vectors: b });
        }
        cycles *= blocks / b;
        if (cycles < least - 1e-9) {
          least = cycles;
          best = { th, tw, blocks: b };
        }
      }
    }
  }
  return best;
}

/** Tasks worth sharing out; few enough that packing is not repeated in vain. */
const TASKS = 32;

function choosePlan(builder: KernelBuilder, node: Convolution, { axes }: Walk, unit: number): Plan {
  const { lanes, target } = builder;
  const { attrs } = node;
  const [, w] = node.inputs;
  const [n, o] = node.shape;
  const [ho, wo] = axes.map(({ size }) => size);
  const [, c, kh, kw] = w.shape;
  const blocks = Math.ceil(o / attrs.groups / lanes);
  const columns = axes[1].extent(wo);
  const rowsThatFit = Math.floor(target.l2Bytes / 3 / (4 * columns * c));
  let band = ho;
  while (band > 1 && axes[0].extent(band) > rowsThatFit) band = Math.ceil(band / 2);
  // Pooled images are cut only where no window is.
  if (unit > 1) band = unit * divisorUpTo(ho / unit, Math.max(1, Math.floor(band / unit)));
  const tile = choosePixelTile(builder, band, wo, blocks, unit);
  if (band < ho && unit === 1) band = Math.min(ho, Math.ceil(band / tile.th) * tile.th);
  const bands = Math.ceil(ho / band);
  // Weights of a group stay in the second-level cache while images pass by.
  const weightBytes = c * kh * kw * lanes * 4 * tile.blocks;
  const most = Math.max(1, Math.floor(target.l2Bytes / 2 / weightBytes)) * tile.blocks;
  let group = most >= blocks ? blocks : tile.blocks * divisorUpTo(blocks / tile.blocks, most / tile.blocks);
  while (n * bands * attrs.groups * (blocks / group) < 8 && group > tile.blocks)
    group = tile.blocks * divisorUpTo(blocks / tile.blocks, group / tile.blocks - 1);
  const groups = blocks / group;
  const images = Math.max(1, Math.ceil(n / Math.max(1, Math.ceil(TASKS / (attrs.groups * groups * bands)))));
  return { tile, band, bands, group, groups, images, chunks: Math.ceil(n / images) };
}

/**
 * Lowers a convolution, or the input gradient of one with strides, and the element-wise work behind it. Groups, if there
 * are any, are whole blocks.
 */
export function lowerConv(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "conv2d") && !isOp(anchor, "convInputGrad")) return 0;
  const { attrs } = anchor;
  const [x, w] = anchor.inputs;
  const [n] = anchor.shape;
  const c = w.shape[1];
  const walk = walkOf(anchor);
  const [rows, columns] = walk.axes;
  const unit = poolOf(anchor, roots);
  const plan = choosePlan(builder, anchor, walk, unit);
  const { band, bands, group, groups, images, chunks } = plan;
  const counts = [attrs.groups, groups, chunks, bands];
  const tasks = attrs.groups * groups * chunks * bands;
  const [own, groupAt, chunk, bandAt] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const step = builder.variable("n", images);
  const image = builder.exact(ix.add(ix.scale(chunk, images), ix.variable(step)), n);
  const firstRow = ix.scale(bandAt, band);
  const packed = packImage(builder, x, {
    images: 1,
    channels: c,
    rows: rows.extent(band),
    columns: columns.extent(columns.size),
    source: (_, channel, row, column) => [
      image.index,
      ix.add(ix.scale(own, c), channel),
      ix.add(rows.source(firstRow), row),
      ix.add(columns.source(ix.zero), column),
    ],
  });
  const tiles = new TileBuilder(builder, anchor, roots, packed, plan.tile, unit, plan.images === 1);
  const firstBlock = ix.scale(ix.add(ix.scale(own, groups), groupAt), group);
  const pair = builder.variable("o", group / plan.tile.blocks);
  const block = ix.add(firstBlock, ix.scale(ix.variable(pair), plan.tile.blocks));
  const body: Stmt[] = [];
  for (const v of pieces(band, plan.tile.th)) {
    for (const h of pieces(columns.size, plan.tile.tw)) {
      const down = builder.variable("y", v.count);
      const across = builder.variable("x", h.count);
      const row = ix.plus(ix.scale(ix.variable(down), v.size), v.start);
      const column = ix.plus(ix.scale(ix.variable(across), h.size), h.start);
      const phases = walk.phases.flatMap((phase) =>
        tiles.tile(phase, image.index, block, firstRow, row, column, v.size, h.size),
      );
      body.push(...nest([down, across], phases));
    }
  }
  builder.part(tasks, nest([step], image.within([...packed.statements, ...nest([pair], body)])));
  return 2 * (structuralRecord(anchor)?.multiplyAdds?.(anchor as never) ?? 0);
}

class TileBuilder {
  constructor(
    private readonly builder: KernelBuilder,
    private readonly anchor: Node,
    private readonly roots: readonly Node[],
    private readonly packed: Image,
    private readonly shape: PixelTile,
    private readonly unit: number,
    /** Whether a task takes its filters past one image only: past several, they are in the cache. */
    private readonly once: boolean,
  ) {}

  /** One register tile at (row, column) of the band: accumulate over channels and taps, then finish and store. */
  tile(
    phase: Walk["phases"][number],
    image: ix.Index,
    block: ix.Index,
    firstRow: ix.Index,
    row: ix.Index,
    column: ix.Index,
    th: number,
    tw: number,
  ): Stmt[] {
    const { builder, anchor } = this;
    const { lanes } = builder;
    const c = anchor.inputs[1].shape[1];
    const [vertical, horizontal] = phase;
    const pixels = Array.from({ length: th * tw }, (_, i) => ({ y: Math.floor(i / tw), x: i % tw }));
    const accumulators = pixels.map(() =>
      Array.from({ length: this.shape.blocks }, () => register(builder.fresh("c"), "f32", lanes)),
    );
    const start = accumulators
      .flat()
      .map((a) => declare(nameOf(a), splat(builder.lowering.algebra.typed(0, "f32", a), lanes)));
    // Channels of a block lie side by side: the innermost loop walks them, so that no load repeats between its steps.
    const split = c % lanes === 0 ? [c / lanes, lanes] : [c];
    const channels = split.map((extent) => builder.variable("k", extent));
    const [down, across] = phase.map(({ taps }) => builder.variable("k", taps));
    const channel = ix.flatten(channels.map(ix.variable), split);
    const inner = this.products(
      phase,
      accumulators,
      pixels,
      block,
      row,
      column,
      channel,
      ix.variable(down),
      ix.variable(across),
    );
    const [innermost] = channels.slice(-1);
    const reached = vertical.taps * horizontal.taps > 0;
    const compute = reached ? nest([...channels.slice(0, -1), down, across, innermost], inner) : [];
    const { roots, unit } = this;
    const stores = storePixels({
      builder,
      anchor,
      roots,
      unit,
      accumulators,
      pixels: pixels.map(({ y, x }) => ({ y: y * vertical.scale, x: x * horizontal.scale })),
      image,
      block,
      row: ix.plus(ix.scale(ix.add(firstRow, row), vertical.scale), vertical.offset),
      column: ix.plus(ix.scale(column, horizontal.scale), horizontal.offset),
    });
    return [...start, ...(reached ? askFor(stores) : []), ...compute, ...stores];
  }

  private products(
    [vertical, horizontal]: Walk["phases"][number],
    accumulators: readonly (readonly Expr[])[],
    pixels: readonly { y: number; x: number }[],
    block: ix.Index,
    row: ix.Index,
    column: ix.Index,
    channel: ix.Index,
    tap: ix.Index,
    tapColumn: ix.Index,
  ): Stmt[] {
    const { builder, packed } = this;
    const { lanes, lowering } = builder;
    const w = this.anchor.inputs[1];
    const weights = Array.from({ length: this.shape.blocks }, (_, b) => {
      const output = ix.add(ix.scale(ix.plus(block, b), lanes), builder.lane);
      return lowering.value(w, [output, channel, vertical.weight(tap), horizontal.weight(tapColumn)]);
    });
    const ahead = this.once ? askAhead(builder, weights, sizeOfShape(w.shape) * 4) : [];
    const products = pixels.flatMap(({ y, x }, p) => {
      const r = vertical.read(ix.plus(row, y), tap);
      const q = horizontal.read(ix.plus(column, x), tapColumn);
      const scalar = splat(load(packed.buffer, "f32", packed.at(ix.zero, channel, r, q), [], lanes), lanes);
      return weights.map((weight, b) => {
        const a = accumulators[p][b];
        return set(nameOf(a), lowering.algebra.op("add", a, lowering.algebra.op("mul", weight, scalar)));
      });
    });
    return [...ahead, ...products];
  }
}
