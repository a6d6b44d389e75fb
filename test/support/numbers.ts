/**
 * Plain float64 numbers for tests: reproducible values, errors in units of the last place, central differences. Knows
 * nothing of tensors, so that references stay independent of the engine.
 */
import { expect } from "vitest";

/** A small generator of reproducible values (mulberry32), independent of the engine's own random numbers. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values in [-2, 2], no two alike and none near zero, exact in f32. */
export function spreadValues(count: number, seed = 1): number[] {
  const random = randomSource(seed);
  const values = Array.from({ length: count }, (_, i) => {
    const magnitude = 0.125 + (1.75 * (i + 0.25 + 0.5 * random())) / Math.max(1, count);
    return Math.fround(random() < 0.5 ? -magnitude : magnitude);
  });
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The f32 numbers in order: neighbours differ by one, both zeros are 0. */
function ordinal(x: number): number {
  scratch.setFloat32(0, x);
  const bits = scratch.getInt32(0);
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

/** How many f32 numbers lie between two values; infinite if only one of them is NaN. */
export function ulpsBetween(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(ordinal(a) - ordinal(b));
}

/**
 * Elementary functions of f64: two libraries, the device's and the JavaScript engine's, each within two units of the
 * last place.
 */
export const DOUBLE_ULPS = 4;

/** The distance of two f64 numbers in units of the last place of the larger; infinite if only one of them is NaN. */
export function doublesBetween(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const size = Math.max(Math.abs(a), Math.abs(b));
  // Zeros of other signs differ.
  if (size === 0 || !Number.isFinite(size)) return Number.POSITIVE_INFINITY;
  const unit = Math.max(2 ** (Math.floor(Math.log2(size)) - 52), Number.MIN_VALUE);
  return Math.abs(a - b) / unit;
}

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** Whether two values agree: NaN with NaN, infinities with themselves, the rest within the tolerance. */
function agrees(a: number, b: number, { relative, absolute }: Tolerance): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.isNaN(a) && Number.isNaN(b);
  return Math.abs(a - b) <= absolute + relative * Math.max(Math.abs(a), Math.abs(b));
}

/** Fails with the first element that disagrees. */
export function expectAgreement(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what = "",
): void {
  expect(actual.length, `${what} length`).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (agrees(actual[i], expected[i], tolerance)) continue;
    expect.fail(`${what} element ${i}: ${actual[i]}, expected ${expected[i]}`);
  }
}

/** df/dx[k] for the chosen k (every k by default), by central differences. */
export function centralDifferences(
  f: (x: readonly number[]) => number,
  x: readonly number[],
  step = 1e-5,
  chosen: readonly number[] = x.map((_, k) => k),
): number[] {
  return chosen.map((k) => {
    const h = step * (Math.abs(x[k]) || 1);
    const at = (moved: number) => f(x.with(k, moved));
    return (at(x[k] + h) - at(x[k] - h)) / (2 * h);
  });
}

/** At most `count` positions spread over a length, the first and the last among them. */
export function spreadPositions(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}
