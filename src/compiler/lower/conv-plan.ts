/**
 * How a direct convolution is cut: register tiles, bands of rows, runs of bands, groups of channel blocks. All of it
 * follows from shapes and the target, so that passes over the graph know it before there are loops.
 */
import { isOp, type Node } from "../../ir/graph.js";
import type { Target } from "../../ir/target.js";
import { divisorUpTo } from "../divisors.js";
import type { Traversal } from "./conv-traversal.js";
import { adjacentCycles, availableRegisters, fits, stepCycles } from "./tile.js";

type Convolution = Node<"conv2d"> | Node<"convInputGrad">;

/** A tile of th × tw pixels and some channel blocks. */
interface PixelTile {
  readonly th: number;
  readonly tw: number;
  readonly blocks: number;
  /** Taps of a kernel row that one iteration of the inner loop computes. */
  readonly adjacent: number;
}

export interface Plan {
  readonly tile: PixelTile;
  /** Output rows of a band, and how many bands an image has. */
  readonly band: number;
  readonly bands: number;
  /** Channel blocks of a task, and how many such groups there are (in each group of the convolution). */
  readonly group: number;
  readonly groups: number;
  /** Bands of a task, one after the other, and how many such runs all images have. */
  readonly run: number;
  readonly runs: number;
}

/** Consecutive register tiles of equal size along an axis. */
export interface TileRun {
  readonly start: number;
  readonly count: number;
  readonly size: number;
}

/** Divides an axis into register tiles; the remainder at the end gets one smaller tile. */
export function tileRuns(length: number, size: number): TileRun[] {
  const whole = Math.floor(length / size);
  const rest = length - whole * size;
  const found = [{ start: 0, count: whole, size }];
  return rest > 0 ? [...found.filter(({ count }) => count > 0), { start: whole * size, count: 1, size: rest }] : found;
}

/** Most products in the body of an inner loop. */
const MAX_PRODUCTS = 128;

/** Whether a tile of that many pixels fits into the registers. */
const hasRoom = (
  { blocks, adjacent }: Pick<PixelTile, "blocks" | "adjacent">,
  pixels: number,
  target: Target,
): boolean =>
  adjacent === 1
    ? fits({ rows: pixels, vectors: blocks }, target)
    : pixels + adjacent + 1 <= availableRegisters(target) && pixels * adjacent <= MAX_PRODUCTS;

/**
 * The tile, in whole `poolSide` × `poolSide` windows, that covers the band in the fewest modelled cycles per tap, and
 * these cycles. A tile of one block loads a pixel for every product, so loads bound it; where the `taps` of a row read
 * adjacent pixels, one iteration may compute all of them and load each pixel once.
 */
export function choosePixelTile(
  target: Target,
  rows: number,
  columns: number,
  blocks: number,
  poolSide: number,
  taps = 1,
): { readonly tile: PixelTile; readonly cycles: number } {
  let best: PixelTile = { th: poolSide, tw: poolSide, blocks: 1, adjacent: 1 };
  let least = Number.POSITIVE_INFINITY;
  const consider = (
    size: Pick<PixelTile, "blocks" | "adjacent">,
    tapCycles: (rows: number, columns: number) => number,
  ) => {
    for (let tw = poolSide; tw <= columns; tw += poolSide) {
      const most = tw === columns ? rows : Math.min(rows, 4);
      for (let th = poolSide; th <= most && hasRoom(size, th * tw, target); th += poolSide) {
        let cycles = 0;
        for (const v of tileRuns(rows, th)) {
          for (const h of tileRuns(columns, tw)) cycles += v.count * h.count * tapCycles(v.size, h.size);
        }
        cycles *= blocks / size.blocks;
        if (cycles >= least - 1e-9) continue;
        least = cycles;
        best = { th, tw, ...size };
      }
    }
  };
  for (let b = 1; b <= Math.min(4, blocks); b++) {
    if (blocks % b === 0) consider({ blocks: b, adjacent: 1 }, (v, h) => stepCycles({ rows: v * h, vectors: b }));
  }
  if (taps > 1 && !target.hoistsLoads)
    consider({ blocks: 1, adjacent: taps }, (v, h) => adjacentCycles(v, h, taps) / taps);
  return { tile: best, cycles: least };
}

/** Cycles to copy a vector of pixels. */
const COPY_CYCLES = 4;

/**
 * The rows of a band, and the tile, with the fewest modelled cycles: the pixels of a band stay in the second-level
 * cache, the last band costs as much as a full one, and the halo of every band is copied again. Bands of pooled images
 * end at the borders of pooling windows.
 */
function chooseBand(
  target: Target,
  node: Convolution,
  axes: Traversal["axes"],
  blocks: number,
  poolSide: number,
): { readonly band: number; readonly tile: PixelTile } {
  const { lanes } = target;
  const [, c, kh, kw] = node.inputs[1].shape;
  const [ho, wo] = axes.map(({ size }) => size);
  const rowBytes = 4 * axes[1].extent(wo) * c;
  const neighbours = isOp(node, "conv2d") && node.attrs.stride[1] === 1 && node.attrs.dilation[1] === 1;
  let best: ReturnType<typeof chooseBand> | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let band = ho; band >= 1; band--) {
    const bytes = axes[0].extent(band) * rowBytes;
    if (band % poolSide !== 0 || (poolSide > 1 && ho % band !== 0) || (bytes > target.l2Bytes / 4 && band > poolSide))
      continue;
    const { tile, cycles } = choosePixelTile(target, band, wo, blocks, poolSide, neighbours ? kw : 1);
    const all = Math.ceil(ho / band) * (cycles * c * kh * kw + (bytes / 4 / lanes) * COPY_CYCLES);
    if (all >= least) continue;
    least = all;
    best = { band, tile };
  }
  return best ?? { band: ho, tile: { th: poolSide, tw: poolSide, blocks: 1, adjacent: 1 } };
}

/** Tasks that distribute evenly over threads; with more, packing would be repeated without gain. */
const TASKS = 32;

export function choosePlan(target: Target, node: Convolution, { axes }: Traversal, poolSide: number): Plan {
  const { lanes } = target;
  const { attrs } = node;
  const [, w] = node.inputs;
  const [n, o] = node.shape;
  const [, c, kh, kw] = w.shape;
  const blocks = Math.ceil(o / attrs.groups / lanes);
  const { band, tile } = chooseBand(target, node, axes, blocks, poolSide);
  const bands = Math.ceil(axes[0].size / band);
  // The weights of a group stay in the second-level cache while the task iterates over images.
  const weightBytes = c * kh * kw * lanes * 4 * tile.blocks;
  const most = Math.max(1, Math.floor(target.l2Bytes / 2 / weightBytes)) * tile.blocks;
  let group = most >= blocks ? blocks : tile.blocks * divisorUpTo(blocks / tile.blocks, most / tile.blocks);
  while (n * bands * attrs.groups * (blocks / group) < 8 && group > tile.blocks)
    group = tile.blocks * divisorUpTo(blocks / tile.blocks, group / tile.blocks - 1);
  const groups = blocks / group;
  const all = n * bands;
  const wanted = Math.max(1, Math.ceil(TASKS / (attrs.groups * groups)));
  const even = divisorUpTo(all, Math.ceil(all / wanted));
  const run = even * wanted * 2 > all ? even : Math.ceil(all / wanted);
  return { tile, band, bands, group, groups, run, runs: Math.ceil(all / run) };
}
