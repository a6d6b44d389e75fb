/**
 * Philox 2×32 with ten rounds: random numbers as a pure function of a counter and a key, the same integers on every
 * device (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It must not know tensors.
 */

export const PHILOX_MULTIPLIER = 0xd256d193;
export const PHILOX_WEYL = 0x9e3779b9;
export const PHILOX_ROUNDS = 10;

/** The high 32 bits of the unsigned product of two 32-bit integers. */
export function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = al * bl;
  const mid1 = ah * bl + (low >>> 16);
  const mid2 = al * bh + (mid1 % 0x10000);
  return (ah * bh + Math.floor(mid1 / 0x10000) + Math.floor(mid2 / 0x10000)) >>> 0;
}

/**
 * Two random 32-bit integers for a 64-bit counter and a 32-bit key.
 *
 * @param low - low word of the counter, any 32-bit integer
 * @param high - high word of the counter, any 32-bit integer
 * @param key - the stream, any 32-bit integer
 * @returns two integers in [0, 2³²)
 */
export function philox2x32(low: number, high: number, key: number): [number, number] {
  let x = low >>> 0;
  let y = high >>> 0;
  let k = key >>> 0;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const top = mulHigh(PHILOX_MULTIPLIER, x);
    const bottom = Math.imul(PHILOX_MULTIPLIER, x) >>> 0;
    x = (top ^ k ^ y) >>> 0;
    y = bottom;
    k = (k + PHILOX_WEYL) >>> 0;
  }
  return [x, y];
}

/** The key of a named random stream: FNV-1a over the name, mixed with the seed. */
export function hashStream(seed: number, name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return philox2x32(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, hash)[0];
}
