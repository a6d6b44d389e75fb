/**
 * Functions made of several scalar ops, and derivatives, on f32 over the whole range of floats, against closed forms in
 * float64; and sums of products, whose value must not depend on where it lies either.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { grad, type Tensor, tensor, useDevice } from "../../src/index.js";
import { valuesOf } from "../support/devices.js";
import { everyExponent, exactSine } from "../support/floats.js";
import { nativeWidths } from "../support/widths.js";

interface Closed {
  readonly f: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  /** Largest error in units of 2⁻²³ of the exact value, and what may be added to it. */
  readonly units: number;
  readonly absolute?: number;
}

const derivative = (f: (x: Tensor) => Tensor) => (x: Tensor) => grad(f(x).sum(), [x])[0];
const sine = (quarter: 0 | 1) => (x: number) => (Number.isFinite(x) ? exactSine(x, quarter) : Number.NaN);
/** Rounding of terms of size 1. */
const ofOne = 2 ** -22;

const functions: Readonly<Record<string, Closed>> = {
  sigmoid: { f: (x) => x.sigmoid(), exact: (x) => 1 / (1 + Math.exp(-x)), units: 3 },
  rsqrt: { f: (x) => x.rsqrt(), exact: (x) => 1 / Math.sqrt(x), units: 2 },
  reciprocal: { f: (x) => x.reciprocal(), exact: (x) => 1 / x, units: 1 },
  "d sin": { f: derivative((x) => x.sin()), exact: sine(1), units: 2 },
  "d cos": { f: derivative((x) => x.cos()), exact: (x) => -sine(0)(x), units: 2 },
  "d exp": { f: derivative((x) => x.exp()), exact: Math.exp, units: 2 },
  "d log": { f: derivative((x) => x.log()), exact: (x) => 1 / x, units: 1 },
  "d sqrt": { f: derivative((x) => x.sqrt()), exact: (x) => 0.5 / Math.sqrt(x), units: 2 },
  "d tanh": { f: derivative((x) => x.tanh()), exact: (x) => 1 / Math.cosh(x) ** 2, units: 2, absolute: ofOne },
  "d sigmoid": {
    f: derivative((x) => x.sigmoid()),
    exact: (x) => 1 / (2 + Math.exp(x) + Math.exp(-x)),
    units: 6,
    absolute: ofOne,
  },
  // The exponent x² is rounded, which multiplies the result by up to 1 + 88 units.
  "d erf": {
    f: derivative((x) => x.erf()),
    exact: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    units: 100,
  },
  "d expm1": { f: derivative((x) => x.expm1()), exact: Math.exp, units: 2, absolute: ofOne },
  "d log1p": { f: derivative((x) => x.log1p()), exact: (x) => 1 / (1 + x), units: 2 },
  "d tan": { f: derivative((x) => x.tan()), exact: (x) => 1 / sine(1)(x) ** 2, units: 8 },
  // x² overflows where the derivative is subnormal.
  "d atan": { f: derivative((x) => x.atan()), exact: (x) => 1 / (1 + x * x), units: 3, absolute: 2 ** -127 },
  "d asin": { f: derivative((x) => x.asin()), exact: (x) => 1 / Math.sqrt((1 - x) * (1 + x)), units: 4 },
  "d sinh": { f: derivative((x) => x.sinh()), exact: Math.cosh, units: 2 },
  frac: { f: (x) => x.frac(), exact: (x) => x - Math.trunc(x), units: 0 },
  "d pow 2.5": { f: derivative((x) => x.pow(2.5)), exact: (x) => 2.5 * x ** 1.5, units: 4 },
  "d pow -1.5": { f: derivative((x) => x.pow(-1.5)), exact: (x) => -1.5 * x ** -2.5, units: 4 },
};

/** The error as a multiple of what is allowed. */
function excess(found: number, exact: number, { units, absolute = 0 }: Closed): number {
  const wanted = Math.fround(exact);
  if (Object.is(found, wanted) || found === wanted) return 0;
  // Below the smallest normal number there are fewer digits; next to the largest, either side is right.
  if (Math.abs(exact) > 3.4028e38 && Math.abs(found) > 3.4028e38) return Math.sign(found) === Math.sign(exact) ? 0 : 2;
  const allowed = units * Math.max(Math.abs(exact) * 2 ** -23, 2 ** -149) + absolute;
  const error = Math.abs(found - exact) / allowed;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

const numbers = everyExponent(24, 3);

describe.each(["wasm", ...nativeWidths])("on %s", (device) => {
  let results: number[][] = [];
  beforeAll(async () => {
    await useDevice(device);
    results = await valuesOf(Object.values(functions).map(({ f }) => f(tensor(numbers))));
  });

  it.each(Object.keys(functions).map((name, i) => [name, i] as const))("%s", (name, i) => {
    const closed = functions[name];
    let worst = 0;
    numbers.forEach((x, k) => {
      if (
        excess(results[i][k], closed.exact(x), closed) > excess(results[i][worst], closed.exact(numbers[worst]), closed)
      )
        worst = k;
    });
    const text = `at ${numbers[worst]}: ${results[i][worst]}, exactly ${closed.exact(numbers[worst])}`;
    expect(excess(results[i][worst], closed.exact(numbers[worst]), closed), text).toBeLessThanOrEqual(1);
  });

  it("sums of products have the same bits in a vector and behind the last one", async () => {
    const sums: readonly ((a: Tensor, b: Tensor, c: Tensor) => Tensor)[] = [
      (a, b, c) => a.mul(b).add(c),
      (a, b, c) => c.sub(a.mul(b)),
      (a, b, c) => a.mul(b).add(c).mul(a.mul(b)),
    ];
    const column = (length: number, seed: number) => tensor(Array.from({ length }, () => Math.fround(Math.PI / seed)));
    for (const sum of sums) {
      const [values] = await valuesOf([sum(column(67, 1.7), column(67, 2.3), column(67, -0.4))]);
      expect(new Set(values).size).toBe(1);
    }
  });
});
