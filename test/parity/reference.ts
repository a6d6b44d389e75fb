/**
 * Reads the references that make.py has written and compares results with them. It knows their format and their
 * tolerances, but no op: what a case's op name means is operations.ts's business.
 */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { z } from "zod";
import { integers, uniform } from "../../bench/pattern.js";
import { type DType, type Tensor, type TypedArray, tensor } from "../../src/tensor/index.js";

const shape = z.array(z.number());
const input = z.union([
  z.object({ shape, uniform: z.tuple([z.number(), z.number(), z.number()]) }),
  z.object({ shape, integers: z.tuple([z.number(), z.number()]), dtype: z.enum(["f32", "i32"]) }),
  z.object({ shape, values: z.string() }),
]);
const tolerance = z.union([z.object({ absolute: z.number() }), z.object({ ulps: z.number() })]);
const output = z.object({ dtype: z.enum(["f32", "f64", "i32", "bool"]), shape, values: z.string() }).and(tolerance);
const referenceCase = z.object({
  name: z.string(),
  op: z.string(),
  dtype: z.enum(["f32", "f64"]),
  options: z.record(z.string(), z.unknown()),
  /** The reason for the tolerance. */
  why: z.string(),
  signedZero: z.boolean().default(false),
  inputs: z.record(z.string(), input),
  grads: z.array(z.string()).default([]),
  gradient: input.optional(),
  outputs: z.record(z.string(), output),
});

export type ReferenceCase = z.infer<typeof referenceCase>;
type Output = ReferenceCase["outputs"][string];

/** Relative to the smallest normal number, everything below it may be lost by vector code for elementary functions. */
const SMALLEST_NORMAL = 2 ** -126;

/** The text of a file in references/. */
export function readReferences(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`references/${name}.json`, import.meta.url), "utf8"));
}

/** The cases of a file. */
export function readCases(name: string): readonly ReferenceCase[] {
  return z.object({ cases: z.array(referenceCase) }).parse(readReferences(name)).cases;
}

/** The values behind a base64 string, little endian as every machine that Node runs on. */
export function decode(values: string, dtype: DType): TypedArray {
  const { buffer } = Uint8Array.from(Buffer.from(values, "base64"));
  if (dtype === "f64") return new Float64Array(buffer);
  if (dtype === "i32") return new Int32Array(buffer);
  return dtype === "f32" ? new Float32Array(buffer) : new Uint8Array(buffer);
}

/** An input as a tensor; floating-point ones in the dtype of the case. */
export function makeInput(spec: z.infer<typeof input>, floats: "f32" | "f64"): Tensor {
  if ("integers" in spec && spec.dtype === "i32") {
    return tensor(integers(spec.shape, ...spec.integers), { shape: spec.shape });
  }
  const values = floatValues(spec);
  return tensor(floats === "f64" ? Float64Array.from(values) : Float32Array.from(values), { shape: spec.shape });
}

function floatValues(spec: z.infer<typeof input>): TypedArray {
  if ("uniform" in spec) return uniform(spec.shape, ...spec.uniform);
  return "values" in spec ? decode(spec.values, "f32") : integers(spec.shape, ...spec.integers);
}

/** Fails unless `actual` is what the reference says, within its tolerance. */
export async function expectReference(actual: Tensor, name: string, { why, outputs, signedZero }: ReferenceCase) {
  const reference = outputs[name];
  expect(actual.shape, `shape of ${name}`).toEqual(reference.shape);
  expect(actual.dtype, `dtype of ${name}`).toBe(reference.dtype);
  const wanted = decode(reference.values, reference.dtype);
  const values = await actual.data();
  expect(values.length, `length of ${name}`).toBe(wanted.length);
  const worst = Array.from(wanted, (value, index) => ({
    index,
    value,
    excess: excess(values[index], value, reference),
  }))
    .map((entry) => (signedZero && !Object.is(values[entry.index], entry.value) ? strictZero(entry) : entry))
    .reduce((a, b) => (b.excess > a.excess ? b : a), { index: 0, value: 0, excess: 0 });
  const where = `${name}[${worst.index}] is ${values[worst.index]}, PyTorch has ${worst.value}`;
  expect(worst.excess, `${where}; multiples of the tolerance (${why})`).toBeLessThanOrEqual(1);
}

function strictZero<Entry extends { value: number; excess: number }>(entry: Entry): Entry {
  return entry.value === 0 ? { ...entry, excess: Number.POSITIVE_INFINITY } : entry;
}

/** The error as a multiple of what is allowed. */
function excess(actual: number, wanted: number, reference: Output): number {
  if (Object.is(actual, wanted) || actual === wanted) return 0;
  if (!Number.isFinite(wanted) || !Number.isFinite(actual)) return Number.POSITIVE_INFINITY;
  const error = Math.abs(actual - wanted);
  if ("absolute" in reference) return error / reference.absolute;
  const floor = reference.ulps > 0 ? SMALLEST_NORMAL : 0;
  return error / (reference.ulps * ulp(wanted, reference.dtype) + floor);
}

/** The distance from a number to the next larger magnitude. */
function ulp(value: number, dtype: DType): number {
  const [digits, smallest] = dtype === "f64" ? [52, -1022] : [23, -126];
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), smallest);
  return 2 ** (exponent - digits);
}
