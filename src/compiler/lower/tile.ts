/**
 * Register tiles: how many rows and vectors of results a micro-kernel keeps in registers. The model is the time of one
 * step of the inner loop: products at two a cycle, loads at two a cycle, and the latency of dependent additions.
 */
import type { Target } from "../../ir/target.js";

export interface Tile {
  /** Results that share each vector operand: rows of a matmul, pixels of a convolution. */
  readonly rows: number;
  /** Vectors of results per row. */
  readonly vectors: number;
}

/** Number of independent products that hides the latency of an FMA on both ports. */
const LATENCY_PRODUCTS = 10;
/** Cycles of loop and address arithmetic per step. */
const OVERHEAD = 0.6;

/** Cycles of one step of the inner loop, without cache misses. */
export function stepCycles({ rows, vectors }: Tile): number {
  const products = rows * vectors;
  return Math.max(Math.max(products, LATENCY_PRODUCTS) / 2, (rows + vectors) / 2) + OVERHEAD;
}

/**
 * The same for one vector of results per pixel and a whole row of taps per step: a pixel is loaded once for all taps.
 */
export function adjacentCycles(rows: number, columns: number, taps: number): number {
  const products = rows * columns * taps;
  const loads = rows * (columns + taps - 1) + taps;
  // The products of one result form a dependency chain.
  return Math.max(Math.max(products, LATENCY_PRODUCTS * taps) / 2, loads / 2) + OVERHEAD;
}

/** The registers that a step may use: without spare ones, compilers spill an operand or load it for every product. */
export const availableRegisters = ({ registers }: Target): number => registers - (registers > 16 ? 2 : 1);

/** Whether accumulators, vector operands and one broadcast fit into the registers. */
export const fits = ({ rows, vectors }: Tile, target: Target): boolean =>
  rows * vectors + vectors + 1 <= target.registers;

/** The tile that covers `rows` × `vectors` results, by whole tiles, in the fewest cycles. */
export function chooseTile(
  target: Target,
  rows: number,
  vectors: number,
  allowed: (tile: Tile) => boolean = () => true,
): Tile {
  let best: Tile = { rows: 1, vectors: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let v = 1; v <= Math.min(4, vectors); v++) {
    for (let r = 1; r <= rows && r * v <= target.registers; r++) {
      const tile = { rows: r, vectors: v };
      if (!fits(tile, target) || !allowed(tile)) continue;
      const cycles = stepCycles(tile) * Math.ceil(rows / r) * Math.ceil(vectors / v);
      if (cycles < least - 1e-9) {
        least = cycles;
        best = tile;
      }
    }
  }
  return best;
}
