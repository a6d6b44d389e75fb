/**
 * The cases and the PyTorch results that reference.py wrote, and how tensors are compared with them. Knows the layout of
 * those files; must not know what any layer computes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import * as nn from "../../src/nn/index.js";
import { currentDevice, type DType, Tensor, tensor, useDevice } from "../../src/tensor/index.js";
import { conditionedNodes, expectRounded } from "../support/terms.js";

export interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  /** Integers, which have no gradient. */
  readonly whole?: boolean;
}

export interface LayerCase {
  readonly name: string;
  readonly layer: string;
  readonly args: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** The layer draws random numbers in training, so that only evaluation can be compared. */
  readonly random?: boolean;
  /** Further inputs: shapes, what reference.py makes of an object, or the place of an earlier one to pass again. */
  readonly more?: readonly (readonly number[] | object | number)[];
  /** Further inputs that are options of the call, by name: their shapes. */
  readonly named?: Readonly<Record<string, readonly number[]>>;
  /** Options of the call; a tensor is an object with its rows, and bool if they are, else of `dtype`, default f32. */
  readonly call?: Readonly<Record<string, unknown>>;
  /** The function that parametrises the weight, and its options. */
  readonly parametrization?: { readonly name: "weightNorm" | "spectralNorm"; readonly dim?: number };
  /** The only device to run on; default all. On `interp` formulas are compared, on the others kernels that they bring. */
  readonly device?: "interp";
}

export interface LayerReference {
  readonly name: string;
  readonly state: Readonly<Record<string, Values>>;
  readonly input: Values;
  readonly more?: readonly Values[];
  readonly named?: Readonly<Record<string, Values>>;
  readonly train?: {
    readonly output: Values;
    readonly probe: Values;
    /** Results behind the first of layers that return an object, and what each is multiplied by. */
    readonly others?: Readonly<Record<string, { readonly output: Values; readonly probe: Values }>>;
    /** Null if the input is whole; so are those of further ones. */
    readonly inputGradient: Values | null;
    readonly moreGradients?: readonly (Values | null)[];
    readonly namedGradients?: Readonly<Record<string, Values>>;
    readonly gradients: Readonly<Record<string, Values>>;
    readonly buffers: Readonly<Record<string, Values>>;
  };
  /** The first result as `output`, the others by name. */
  readonly eval: { readonly output: Values } & Readonly<Record<string, Values>>;
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

/** Builds the layer of a case, with its parametrisation. */
export function build(layerCase: Pick<LayerCase, "layer" | "args" | "options" | "parametrization">): nn.Module {
  const layer = plain(layerCase);
  const { name, ...options } = layerCase.parametrization ?? {};
  if (name === "weightNorm") nn.weightNorm(layer, options);
  if (name === "spectralNorm") nn.spectralNorm(layer, options);
  return layer;
}

/** Builds a layer through the registry; arguments and options that are cases themselves are built first. */
function plain({ layer, args, options }: Pick<LayerCase, "layer" | "args" | "options">): nn.Module {
  const built = (value: unknown): unknown =>
    typeof value === "object" && value !== null && "layer" in value ? build(value as LayerCase) : value;
  if (layer === "Sequential") return new nn.Sequential(...args.map((arg) => built(arg) as nn.Module));
  const entry = nn.layers.get(layer);
  const places = Object.keys(entry.schema);
  const values = [...args.map((arg, i) => [places[i], arg] as const), ...Object.entries(options ?? {})];
  return entry.make(Object.fromEntries(values.map(([name, value]) => [name, built(value)]))) as nn.Module;
}

interface CallResult {
  readonly inputs: readonly Tensor[];
  readonly named: Readonly<Record<string, Tensor>>;
  readonly output: Tensor;
  /** Results behind the first by name; that of attention is `weights`. */
  readonly others: Readonly<Record<string, Tensor>>;
}

/** The inputs of a case, in order and by name, and the results of its layer for them. */
export function call(
  layer: nn.AnyModule,
  { more = [], call: options, named: names }: Pick<LayerCase, "more" | "named" | "call">,
  reference: LayerReference,
  requiresGrad: boolean,
): CallResult {
  const inputs = [toTensor(reference.input, { requiresGrad })];
  more.forEach((given, i) => {
    const values = reference.more?.[i] ?? reference.input;
    inputs.push(typeof given === "number" ? inputs[given] : toTensor(values, { requiresGrad }));
  });
  const named = mapValues(reference.named ?? {}, (values) => toTensor(values, { requiresGrad }));
  const settings = options || names ? [{ ...mapValues(options ?? {}, settingOf), ...named }] : [];
  const run = layer as unknown as (...args: readonly unknown[]) => Tensor | [Tensor, Tensor | null] | Tensors;
  const results = run(...inputs, ...settings);
  if (results instanceof Tensor) return { inputs, named, output: results, others: {} };
  if (Array.isArray(results)) {
    const [output, weights] = results;
    return { inputs, named, output, others: weights ? { weights } : {} };
  }
  const [[, output], ...others] = Object.entries(results);
  return { inputs, named, output, others: Object.fromEntries(others) };
}

type Tensors = Readonly<Record<string, Tensor>>;

const mapValues = <A, B>(values: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));

type Nested<T> = (T | Nested<T>)[];

/** A setting of a call: a tensor where the case has its rows. */
export function settingOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("tensor" in value)) return value;
  let isBool = true;
  const numbers = (each: Nested<boolean | number>): Nested<number> =>
    each.map((x) => {
      if (typeof x === "object") return numbers(x);
      isBool &&= typeof x === "boolean";
      return Number(x);
    });
  const rows = numbers(value.tensor as Nested<boolean | number>);
  return tensor(rows, { dtype: isBool ? "bool" : ((value as { readonly dtype?: DType }).dtype ?? "f32") });
}

export function toTensor(
  { shape, data, whole }: Values,
  options: { dtype?: DType; requiresGrad?: boolean } = {},
): Tensor {
  if (whole) return tensor(Int32Array.from(data), { dtype: "i32", shape });
  return tensor(Float64Array.from(data), { dtype: "f32", ...options, shape });
}

/** A tensor, the float64 results that it should have, and its name in messages. */
export type Check = readonly [actual: Tensor, expected: Values, what: string];

/**
 * Compares with float64 results: within `relative` of the largest value of the tensor (2e-6 are 32 units in the last
 * place of f32). That suffices where sums are short; where terms cancel on a device that rounds, the bound follows from
 * Σ|terms|. Tensors of one graph must be compared by one call: reading one of them may release the graph of the others.
 */
export async function expectAllClose(checks: readonly Check[], relative = 2e-6): Promise<void> {
  const nodes = checks.map(([actual]) => actual.version().node);
  for (const [i, [actual, { shape, data: expected }, what]] of checks.entries()) {
    expect(actual.shape, what).toEqual(shape);
    const data = await actual.data();
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const errors = expected.map((value, k) => Math.abs(data[k] - value) / scale);
    const { name } = await currentDevice();
    if (name === "interp" || errors.every((error) => error <= relative)) {
      expect(Math.max(0, ...errors), `${what}: largest error relative to ${scale}`).toBeLessThanOrEqual(relative);
      continue;
    }
    const [{ terms }] = await conditionedNodes([nodes[i]]);
    await useDevice(name);
    expectRounded(data, { values: expected, terms }, what);
  }
}

/** As {@link expectAllClose}, for one tensor. */
export const expectClose = (actual: Tensor, expected: Values, what: string, relative?: number): Promise<void> =>
  expectAllClose([[actual, expected, what]], relative);
