/**
 * Methods and functions of tensors against PyTorch, values and gradients in float64: every case of the families that
 * make.py has written.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import * as fovea from "../../../src/index.js";
import { type DType, grad, Tensor, tensor, useDevice } from "../../../src/index.js";

interface Values {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Infinities and NaN are strings. */
  readonly data: readonly (number | string)[];
}

interface Case {
  readonly name: string;
  /** The method of the first input, or "fn" and the name of a function, and their arguments. */
  readonly call: readonly unknown[];
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: readonly Values[];
  readonly probes?: readonly Values[];
  readonly gradients?: Readonly<Record<string, Values>>;
  /** Largest error relative to the largest value; default 1e-12. */
  readonly tolerance?: number;
}

type Call = (...args: unknown[]) => unknown;

const numbers = ({ data }: Values): number[] => data.map((v) => Number(String(v).replace("inf", "Infinity")));
const make = (values: Values): Tensor =>
  tensor(Float64Array.from(numbers(values)), { shape: values.shape, dtype: values.dtype });

/** The tensors of a result, in order. */
function tensorsOf(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  return Object.values(result as object).flatMap(tensorsOf);
}

function run({ call }: Case, inputs: Readonly<Record<string, Tensor>>): unknown {
  const filled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(filled);
    if (value === "Infinity" || value === "-Infinity") return Number(value);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each)]));
    }
    return typeof value === "string" && value.startsWith("$") ? inputs[value.slice(1)] : value;
  };
  const [name, ...args] = call.map(filled);
  if (name === "fn") {
    const [callee, ...rest] = args;
    // A function of the package, or of a namespace: "linalg.qr".
    const found = String(callee)
      .split(".")
      .reduce<unknown>((names, each) => (names as Record<string, unknown>)[each], fovea);
    return (found as Call)(...rest);
  }
  const [self] = Object.values(inputs);
  return (self as unknown as Record<string, Call>)[String(name)](...args);
}

async function expectValues(actual: Tensor, expected: Values, what: string, tolerance = 1e-12): Promise<void> {
  expect(actual.shape, what).toEqual(expected.shape);
  if (expected.dtype !== "f64") expect(actual.dtype, what).toBe(expected.dtype);
  const data = await actual.data();
  const wanted = numbers(expected);
  const scale = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
  wanted.forEach((value, i) => {
    if (Number.isFinite(value)) expect(Math.abs(data[i] - value) / scale, `${what} at ${i}`).toBeLessThan(tolerance);
    else expect(data[i], `${what} at ${i}`).toBe(value);
  });
}

const families = readdirSync(new URL(".", import.meta.url))
  .filter((file) => file.endsWith(".reference.json"))
  .map((file) => file.replace(".reference.json", ""));

beforeAll(() => useDevice("interp"));

describe.each(families)("%s", (family) => {
  const cases = JSON.parse(readFileSync(new URL(`${family}.reference.json`, import.meta.url), "utf8")) as Case[];

  it.each(cases.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const inputs = Object.fromEntries(Object.entries(each.inputs).map(([name, values]) => [name, make(values)]));
    const outputs = tensorsOf(await run(each, inputs));
    expect(outputs.length).toBe(each.outputs.length);
    // Gradients first: what is read forgets what it was computed from.
    const names = Object.keys(each.gradients ?? {});
    const gradients = gradientsOf(
      each,
      outputs,
      names.map((name) => inputs[name]),
    );
    for (const [i, expected] of each.outputs.entries()) {
      await expectValues(outputs[i], expected, `output ${i}`, each.tolerance);
    }
    for (const [i, gradient] of gradients.entries()) {
      const expected = each.gradients?.[names[i]];
      if (expected) await expectValues(gradient, expected, `gradient of ${names[i]}`, each.tolerance);
    }
  });
});

/** Gradients of Σ probe · output. */
function gradientsOf({ probes }: Case, outputs: readonly Tensor[], inputs: readonly Tensor[]): Tensor[] {
  if (!probes) return [];
  const floats = outputs.filter(({ dtype }) => dtype === "f64");
  const terms = floats.map((y, i) => y.mul(make(probes[i])).sum());
  return grad(
    terms.reduce((a, b) => a.add(b)),
    inputs,
  );
}
