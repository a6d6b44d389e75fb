/**
 * Deterministic numbers that TypeScript and Python (pattern.py) compute bit for bit alike, so that benchmarks and
 * parity files start from the same weights and data without storing them. It knows nothing of tensors or models.
 */

/**
 * Fills an array with what becomes of 32-bit words, the murmur3 finaliser of index and stream. A plain loop: starts are
 * timed.
 */
function fill<T extends Float32Array | Int32Array>(result: T, stream: number, numberOf: (word: number) => number): T {
  const offset = Math.imul(stream, 0x85ebca77);
  for (let i = 0; i < result.length; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + offset) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    result[i] = numberOf((h ^ (h >>> 16)) >>> 0);
  }
  return result;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Float32 values in [low, high): 24 bits of each word, scaled in float64, rounded once. */
export function uniform(shape: readonly number[], stream: number, low = -1, high = 1): Float32Array {
  return fill(new Float32Array(sizeOf(shape)), stream, (word) => low + (high - low) * ((word >>> 8) / 2 ** 24));
}

/** Numbers 0 … below − 1. */
export function integers(shape: readonly number[], stream: number, below: number): Int32Array {
  return fill(new Int32Array(sizeOf(shape)), stream, (word) => word % below);
}
