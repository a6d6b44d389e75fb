/**
 * The cases and the PyTorch results that reference.py wrote, and how tensors are compared with them. Knows the layout of
 * those files; must not know what any layer computes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import * as nn from "../../src/nn/index.js";
import { type DType, type Tensor, tensor } from "../../src/tensor/index.js";

export interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface LayerCase {
  readonly name: string;
  readonly layer: string;
  readonly args: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** The layer draws random numbers in training, so that only evaluation can be compared. */
  readonly random?: boolean;
  /** The only device to run on; default all. On `interp` formulas are compared, on the others kernels that they bring. */
  readonly device?: "interp";
}

export interface LayerReference {
  readonly name: string;
  readonly state: Readonly<Record<string, Values>>;
  readonly input: Values;
  readonly train?: {
    readonly output: Values;
    readonly probe: Values;
    readonly inputGradient: Values;
    readonly gradients: Readonly<Record<string, Values>>;
    readonly buffers: Readonly<Record<string, Values>>;
  };
  readonly eval: { readonly output: Values };
}

export interface LossCase {
  readonly name: string;
  readonly loss: string;
  /** Plain values; a tensor is an object that says how to make it, and its values are in the reference. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly inputs: readonly (readonly number[] | { readonly classes?: number; readonly whole?: boolean })[];
  /** Indices of the inputs with a gradient; default the first. */
  readonly gradients?: readonly number[];
  /** Axis of the log-softmax that is applied to the first input. */
  readonly logSoftmax?: number;
}

export interface LossReference {
  readonly name: string;
  readonly inputs: readonly Values[];
  readonly options: Readonly<Record<string, Values>>;
  readonly loss: Values;
  readonly gradients: readonly Values[];
}

export function readReference<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as T;
}

/** Families of layers: each has a file of cases and one of references in the folder `layers`. */
export const families = readdirSync(new URL("layers", import.meta.url))
  .filter((file) => file.endsWith(".cases.json"))
  .map((file) => file.slice(0, -".cases.json".length))
  .sort();

/** Builds the layer of a case through the registry; arguments that are cases themselves are built first. */
export function build({ layer, args, options }: LayerCase): nn.Module {
  if (layer === "Sequential") return new nn.Sequential(...args.map((arg) => build(arg as LayerCase)));
  const entry = nn.layers.get(layer);
  const places = Object.keys(entry.schema);
  return entry.make({ ...Object.fromEntries(args.map((arg, i) => [places[i], arg])), ...options }) as nn.Module;
}

export function toTensor({ shape, data }: Values, options: { dtype?: DType; requiresGrad?: boolean } = {}): Tensor {
  return tensor(Float64Array.from(data), { dtype: "f32", ...options, shape });
}

/**
 * Compares with float64 results. The bound is 2e-6 of the largest value of the tensor (32 units in the last place of
 * f32): the longest sum in the cases has 48 terms, and normalisation divides by spreads near 1.
 */
export async function expectClose(actual: Tensor, expected: Values, what: string, relative = 2e-6): Promise<void> {
  expect(actual.shape, what).toEqual(expected.shape);
  const data = await actual.data();
  const scale = Math.max(1, ...expected.data.map(Math.abs));
  const errors = expected.data.map((value, index) => Math.abs(data[index] - value) / scale);
  expect(Math.max(0, ...errors), `${what}: largest error relative to ${scale}`).toBeLessThan(relative);
  expect(errors.every(Number.isFinite), `${what}: finite`).toBe(true);
}
