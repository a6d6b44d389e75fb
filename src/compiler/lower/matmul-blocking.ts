/**
 * Divides a matrix product into tasks, strips, panels and register tiles with the fewest modelled cycles. It knows the
 * layout of operands; it must not know the statements of the kernel.
 */
import type { Node } from "../../ir/graph.js";
import type { Target } from "../../ir/target.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { LINE_BYTES, pitchInPlace } from "./matmul-pack.js";
import { availableRegisters, chooseTile, stepCycles, type Tile } from "./tile.js";

/**
 * The layout of an operand: vectors along the axis of packed vectors are contiguous, those along the other, or neither.
 */
type Order = "contiguous" | "transposed" | "strided";

/** The layouts of both operands. */
export interface Operands {
  readonly rows: Order;
  readonly columns: Order;
}

export interface Blocking {
  readonly tile: Tile;
  /** Rows and columns of a task: its columns are packed once for all of its rows. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that are packed at a time. */
  readonly strip: number;
  readonly depth: number;
  /** Floats between rows that are read in place; null if rows are packed. */
  readonly pitch: number | null;
}

/** A block length near `wanted`, a multiple of `multiple`, that divides `total` most evenly. */
function evenBlock(total: number, multiple: number, wanted: number): number {
  const multiples = Math.ceil(total / multiple);
  const most = Math.max(1, Math.min(multiples, Math.floor(wanted / multiple)));
  let best = most;
  for (let size = most; size >= Math.max(1, Math.ceil(most / 2)); size--) {
    if (Math.ceil(multiples / size) * size < Math.ceil(multiples / best) * best) best = size;
  }
  return best * multiple;
}

/**
 * Cycles to pack one element of an operand whose vectors are contiguous: bound by memory, not by instructions.
 */
const ROW_CYCLES = 0.3;
const COLUMN_CYCLES = 0.35;
/** The same for transposed columns (plus the cycles of shuffles, divided by the lanes), and for single elements. */
const TRANSPOSED_CYCLES = 0.6;
const SHUFFLE_CYCLES = 6;
const SINGLE_CYCLES = 2.5;
/** The part of a task for which a thread waits at the end, on average: other threads start late or are preempted. */
const WAIT = 0.05;
/** Cycles to claim a task and to load its first operands. */
const TASK_CYCLES = 1000;
const BLOCK_SIZES = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096];
/** Bytes of packed columns that a task may hold. */
const COLUMN_BYTES = 4 << 20;
/** The shares of the second-level cache that a strip of rows and a panel of columns may take. */
const STRIP_SHARE = 0.27;
const PANEL_SHARE = 0.25;
/** Least depth of a block; a depth without a larger divisor is divided into blocks of ODD_DEPTH. */
const MIN_DEPTH = 96;
const ODD_DEPTH = 256;

/**
 * The whole depth if two tiles of rows and a panel of columns of that depth fit into the second-level cache, since
 * partial sums between blocks of depth go through memory; else a divisor of it.
 */
function chooseDepth({ l2Bytes }: Target, { rows, vectors }: Tile, lanes: number, k: number): number {
  const floats = l2Bytes / 4;
  const most = Math.floor(Math.min((floats * STRIP_SHARE) / (2 * rows), (floats * PANEL_SHARE) / (vectors * lanes)));
  if (k <= most) return k;
  const part = divisorUpTo(k, most);
  return part >= MIN_DEPTH ? part : ODD_DEPTH;
}

/** Lines of each set of the first-level cache that are left to columns, which stream through it. */
const SPARE_LINES = 4;
/** Caches select the set of a line by its offset within a page. */
const PAGE_BYTES = 4096;

/**
 * Most lines of one set of the first-level cache that rows with this pitch occupy: more than its ways are conflict
 * misses.
 */
function conflicts(pitch: number, rows: number): number {
  const sets = new Array<number>(PAGE_BYTES / LINE_BYTES).fill(0);
  for (let r = 0; r < rows; r++) sets[Math.floor((r * pitch * 4) / LINE_BYTES) % sets.length]++;
  return Math.max(...sets);
}

/** A register tile, and how its rows are read. */
type TileOption = Pick<Blocking, "tile" | "pitch">;

/** The options: rows in place, if their layout allows, and packed rows. Neither depends on the number of threads. */
function tileOptions(builder: KernelBuilder, anchor: Node): TileOption[] {
  const { target, lanes } = builder;
  const [, m, n] = anchor.shape;
  const spare = ({ rows, vectors }: Tile) => rows * vectors + vectors + 1 <= availableRegisters(target);
  const vectors = Math.ceil(n / lanes);
  const packed: TileOption = { tile: chooseTile(target, m, vectors, spare), pitch: null };
  const pitch = pitchInPlace(builder, anchor.inputs[0]);
  if (pitch === null) return [packed];
  const lines = target.l1Bytes / PAGE_BYTES - SPARE_LINES;
  // Results of a partial last vector go through scratch memory: tiles must not overlap then, so they divide the rows.
  const disjoint = (rows: number) => n % lanes === 0 || m % rows === 0;
  const apart = (tile: Tile) => spare(tile) && disjoint(tile.rows) && conflicts(pitch, tile.rows) <= lines;
  return [{ tile: chooseTile(target, m, vectors, apart), pitch }, packed];
}

/**
 * Chooses the blocks with the shortest modelled time: every task packs its operands, so small blocks repeat packing,
 * and large ones balance the threads badly.
 */
export function chooseBlocking(builder: KernelBuilder, anchor: Node, operands: Operands): Blocking {
  const { target, lanes } = builder;
  const [batch, m, n] = anchor.shape;
  const k = anchor.inputs[0].shape[2];
  // A strip of rows stays in the second-level cache while panels of columns stream past it.
  const floats = (target.l2Bytes / 4) * STRIP_SHARE;
  const packRow = (operands.rows === "strided" ? SINGLE_CYCLES : ROW_CYCLES) * k;
  const transposeCycles = TRANSPOSED_CYCLES + SHUFFLE_CYCLES / lanes;
  const columnCycles =
    { contiguous: COLUMN_CYCLES, transposed: transposeCycles, strided: SINGLE_CYCLES }[operands.columns] * k;
  let best: Blocking | null = null;
  let least = Number.POSITIVE_INFINITY;
  const options = tileOptions(builder, anchor);
  // All options share one depth: it decides the order of sums, while the best option depends on the number of threads.
  const depth = chooseDepth(target, options[0].tile, lanes, k);
  for (const { tile, pitch } of options) {
    const width = tile.vectors * lanes;
    const rowCycles = pitch === null ? packRow : 0;
    for (const rows of new Set(BLOCK_SIZES.map((size) => evenBlock(m, tile.rows, size)))) {
      const tiles = rows / tile.rows;
      for (const columns of new Set(BLOCK_SIZES.map((size) => evenBlock(n, width, size)))) {
        if (columns * depth * 4 > COLUMN_BYTES && columns > width) continue;
        const tasks = batch * Math.ceil(m / rows) * Math.ceil(n / columns);
        const products = tiles * (columns / width) * k * stepCycles(tile);
        const task = TASK_CYCLES + products + rows * rowCycles + columns * columnCycles + (rows * columns * 4) / lanes;
        const cycles = (Math.ceil(tasks / target.threads) + WAIT) * task;
        if (cycles >= least) continue;
        least = cycles;
        // Rows that are read once and in place need no strips.
        const once = pitch !== null && columns === width;
        const strips = once ? 1 : Math.ceil(tiles / Math.max(1, Math.floor(floats / depth / tile.rows)));
        best = { tile, rows, columns, strip: Math.ceil(tiles / strips) * tile.rows, depth, pitch };
      }
    }
  }
  if (!best) throw new Error("no block of a matrix product is small enough");
  return best;
}
