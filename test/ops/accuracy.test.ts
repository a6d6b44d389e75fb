/**
 * Scalar ops on f32 over the whole range of floats: every exponent, both signs, subnormal and special values, and what lies
 * around the bounds of each algorithm. The errors stay within the bound that the record states, on every device and vector
 * width; and a value has the same bits wherever it lies, in a vector, behind the last whole one, or alone.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Tensor, tensor, useDevice } from "../../src/index.js";
import { type ScalarName, scalarNames, scalarOps } from "../../src/ir/scalar/index.js";
import { graph } from "../../src/ops/index.js";
import { valuesOf } from "../support/devices.js";
import { everyExponent, exactSine, neighbours, specials } from "../support/floats.js";
import { randomSource } from "../support/numbers.js";
import { nativeWidths } from "../support/widths.js";

const LARGEST = 2 ** 128 - 2 ** 104;

/** Errors in units of the last place of the exact value, or of a larger term of it; ∞ stands for 2¹²⁸. */
function errorOf(found: number, exact: number, term = 0): number {
  if (Number.isNaN(found) || Number.isNaN(exact)) return Number.isNaN(found) === Number.isNaN(exact) ? 0 : Infinity;
  if (Object.is(found, exact)) return 0;
  const value = Math.abs(found) === Infinity ? Math.sign(found) * 2 ** 128 : found;
  const wanted = Math.abs(exact) > 2 ** 128 ? Math.sign(exact) * 2 ** 128 : exact;
  const size = Math.min(Math.max(Math.abs(wanted), term), LARGEST);
  const unit = 2 ** (Math.max(Math.floor(Math.log2(size || 1e-300)), -126) - 23);
  return Math.abs(value - wanted) / unit;
}

const angles = Array.from({ length: 400 }, (_, k) => neighbours(Math.fround((k * k + 1) * (Math.PI / 2)), 1)).flat();
const bounds = [
  [3200, 1, Math.SQRT2, Math.SQRT1_2, 0.625, 2 ** -12, 4, 10, Math.PI / 4, 2 ** 22, 2 ** 23, 2 ** 24, 2 ** 31],
  [88.72284, 89, -87.33655, -103.97208, -103.98, -104, 0.5, 1.5, 2.5, 16367173 * 2 ** 72, 255, 255.5, 2 ** -149],
].flat();
/** Evenly over the intervals in which functions bend: most exponents lie outside. */
const even = [1, 20, 100].flatMap((most) => {
  const random = randomSource(most);
  return Array.from({ length: 500 }, () => Math.fround((2 * random() - 1) * most));
});
const unary = [
  ...everyExponent(24, 1),
  ...angles,
  ...even,
  ...bounds.flatMap((x) => [x, -x].flatMap((y) => neighbours(y, 3))),
];

/** Pairs of anything, pairs of like size, and pairs whose power is within the range of floats. */
function pairsFor(name: ScalarName): number[][] {
  const random = randomSource(5);
  const pick = () => unary[Math.floor(random() * unary.length)];
  const near = [...specials, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 0.1, 5.5, 255, LARGEST, -LARGEST, 2 ** -149, 2 ** 31, 1e9];
  const pairs = near.flatMap((a) => near.map((b) => [a, b]));
  for (let k = 0; k < 6000; k++) {
    const [a, b] = [pick(), pick()];
    pairs.push([a, b], [a, Math.fround(a * (random() - 0.5) * 2 ** (-24 * random()))]);
    if (name !== "pow") continue;
    const base =
      k % 3 === 0 ? Math.abs(b) : k % 3 === 1 ? 0.25 + 4 * random() : 1 + (random() - 0.5) * 2 ** (-23 * random());
    const exponent = ((random() * 290 - 155) * Math.LN2) / Math.log(base);
    pairs.push([base, exponent].map(Math.fround), [-base, Math.round(exponent)].map(Math.fround));
  }
  return pairs.map((pair) => pair.map(Math.fround));
}

interface Sweep {
  readonly name: ScalarName;
  readonly tuples: readonly (readonly number[])[];
}

const isFloating = (name: ScalarName): boolean => {
  const { operands, result, arity } = scalarOps[name];
  return arity < 3 && operands !== "int" && operands !== "bool" && result !== "i32";
};
const sweeps: readonly Sweep[] = scalarNames
  .filter(isFloating)
  .map((name) => ({ name, tuples: scalarOps[name].arity === 1 ? unary.map((x) => [x]) : pairsFor(name) }));

function exactOf(name: ScalarName, tuple: readonly number[]): number {
  const [x] = tuple;
  if (Math.abs(x) <= 1000 || !Number.isFinite(x)) return scalarOps[name].meaning(...tuple);
  if (name === "sin" || name === "cos") return exactSine(x, name === "sin" ? 0 : 1);
  return name === "tan" ? exactSine(x, 0) / exactSine(x, 1) : scalarOps[name].meaning(...tuple);
}

const apply = ({ name }: Sweep, tuples: readonly (readonly number[])[]): Tensor => {
  const operands = Array.from({ length: scalarOps[name].arity }, (_, k) =>
    tensor(Float32Array.from(tuples, (tuple) => tuple[k])),
  );
  return new Tensor(graph.op(name, ...operands.map((x) => x.node)));
};

/** The sign of a zero is that of the record, but for the larger or smaller of two zeros. */
const signed = (name: ScalarName): boolean => !["max", "min", "relu", "sign"].includes(name);

it("reduces huge angles exactly", () => {
  // Of the float nearest to 10²²: the classical value of Payne and Hanek's paper is that of the double.
  expect(exactSine(1e22, 0)).toBeCloseTo(-0.8522008497671888, 14);
  expect(exactSine(1e22, 1)).toBeCloseTo(0.5232147853951389, 14);
  // The float nearest to a multiple of π/2.
  expect(Math.abs(exactSine(16367173 * 2 ** 72, 1)) / 1.6147697982476883e-9).toBeCloseTo(1, 6);
  for (const x of [0.5, -0.5, 3, -700.25, 12345.5, -1e5]) {
    expect(exactSine(x, 0)).toBeCloseTo(Math.sin(x), 13);
    expect(exactSine(x, 1)).toBeCloseTo(Math.cos(x), 13);
  }
});

/** No multiple of the number of lanes. */
const SHIFT = 5;
const starts = Array.from({ length: 40 }, (_, k) => 251 * k);

describe.each(["interp", "wasm", ...nativeWidths])("f32 on %s", (device) => {
  let results: number[][] = [];
  /** The same, each value some places further on. */
  let moved: number[][] = [];
  /** Of a few tuples, three at a time: less than a vector. */
  const short: number[][][] = [];
  const evaluate = (tuplesOf: (sweep: Sweep) => readonly (readonly number[])[]) =>
    valuesOf(sweeps.map((sweep) => apply(sweep, tuplesOf(sweep))));

  beforeAll(async () => {
    await useDevice(device);
    results = await evaluate(({ tuples }) => tuples);
    if (device === "interp") return;
    moved = await evaluate(({ tuples }) => [...tuples.slice(-SHIFT), ...tuples.slice(0, -SHIFT)]);
    for (const start of starts) short.push(await evaluate(({ tuples }) => tuples.slice(start, start + 3)));
  });

  // Only names and numbers are arguments of tests: vitest would format whole sweeps.
  const rows = sweeps.map(({ name }, i) => [name, i] as const);

  it.each(rows)("%s", (name, i) => {
    const { tuples } = sweeps[i];
    const { ulps, terms } = scalarOps[name];
    const worst = { error: 0, k: 0 };
    tuples.forEach((tuple, k) => {
      const exact = exactOf(name, tuple);
      const wanted = ulps === 0 ? Math.fround(exact) : exact;
      const found = Math.fround(results[i][k]);
      const zeros = signed(name) && found === 0 && wanted === 0 && !Object.is(found, wanted);
      const error = zeros ? Number.POSITIVE_INFINITY : errorOf(found, wanted, terms?.(...tuple));
      if (error > worst.error) Object.assign(worst, { error, k });
    });
    const tuple = tuples[worst.k];
    const text = `${name}(${tuple.join(", ")}) = ${results[i][worst.k]}, exactly ${exactOf(name, tuple)}`;
    expect(worst.error, text).toBeLessThanOrEqual(ulps);
  });

  it.skipIf(device === "interp").each(rows)("%s of a value does not depend on where it lies", (_, i) => {
    const { tuples } = sweeps[i];
    const placeOf = (k: number) => (k + tuples.length - SHIFT) % tuples.length;
    const shifted = moved[i].findIndex((found, k) => !Object.is(found, results[i][placeOf(k)]));
    expect(shifted, `${tuples[placeOf(shifted)]} in another lane`).toBe(-1);
    starts.forEach((start, k) => {
      const whole = results[i].slice(start, start + 3);
      const same = short[k][i].every((value, j) => Object.is(value, whole[j]));
      if (!same) expect(short[k][i], `${tuples.slice(start, start + 3).join(" | ")} alone`).toEqual(whole);
    });
  });
});
