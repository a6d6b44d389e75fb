/**
 * The two problems on which every optimizer takes twenty steps: stored gradients, of which a parameter has none in two
 * steps, and a small network. Their numbers are those of optimizers.reference.json.
 */
import { readFileSync } from "node:fs";
import type * as optim from "../../src/optim/index.js";
import { compile, Parameter, type Tensor, tensor } from "../../src/tensor/index.js";

/** Values of the parameters, one array each. */
export type Values = readonly (readonly number[])[];
/** Gradients of the parameters; null where a parameter has none. */
export type Gradients = readonly (readonly number[] | null)[];
export type Problem = "noise" | "network";
export const problems: readonly Problem[] = ["noise", "network"];

/** One row of optimizers.cases.json. */
export interface Case {
  readonly name: string;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of the parameters, where they are not those of the reference: the same values in other rows. */
  readonly shapes?: readonly number[][];
  /** One group of settings per parameter, instead of one group of all. */
  readonly groups?: readonly Readonly<Record<string, unknown>>[];
  /** Steps in front of the optimizer's own. */
  readonly before?: readonly (readonly [step: string, value: number])[];
}

interface CaseReference extends Readonly<Record<Problem, readonly number[][][]>> {
  readonly name: string;
  readonly optimizer: string;
  readonly state: Readonly<Record<string, readonly number[]>>;
}

export interface Reference {
  readonly shapes: readonly number[][];
  readonly start: Values;
  /** By step and parameter. */
  readonly gradients: readonly Gradients[];
  /** Numbers of steps after which the parameters are stored. */
  readonly stored: readonly number[];
  /** Of the network: x [5, 3] and y [5, 2]. */
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly cases: readonly CaseReference[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
export const cases: readonly Case[] = read("optimizers.cases.json");
export const reference: Reference = read("optimizers.reference.json");
export const STEPS = 20;

/** The stored values are float32 with nine digits. */
const exact = (values: readonly number[]) => Float64Array.from(values, Math.fround);
/** The start values in float64. */
export const start: Values = reference.start.map((values) => [...exact(values)]);

export type Float = "f32" | "f64";
export const floats = (values: readonly number[], shape: readonly number[], dtype: Float = "f32"): Tensor =>
  tensor(dtype === "f32" ? Float32Array.from(values) : exact(values), { shape, dtype });
export const startParameters = ({ shapes = reference.shapes }: Partial<Case> = {}, dtype: Float = "f32") =>
  reference.start.map((values, i) => new Parameter(floats(values, shapes[i], dtype)));

/** The loss of the network: mean of `(tanh(x · s) · Wᵀ − y)²` with W [2, 3] and s [3], whatever the shapes. */
export function networkLoss([weight, scale]: readonly Tensor[]): Tensor {
  const x = floats(reference.inputs, [5, 3], "f64").to(weight.dtype);
  const y = floats(reference.targets, [5, 2], "f64").to(weight.dtype);
  const hidden = x.mul(scale.reshape([3])).tanh();
  return hidden
    .matmul(weight.reshape([2, 3]).transpose())
    .sub(y)
    .square()
    .mean();
}

/** The same gradient written plainly, for formulas. */
function networkGradient([weight, scale]: Values): number[][] {
  const [x, y] = [exact(reference.inputs), exact(reference.targets)];
  const [dw, ds] = [new Array<number>(6).fill(0), new Array<number>(3).fill(0)];
  for (let n = 0; n < 5; n++) {
    const h = [0, 1, 2].map((c) => Math.tanh(x[3 * n + c] * scale[c]));
    for (let o = 0; o < 2; o++) {
      const out = h.reduce((sum, value, c) => sum + value * weight[3 * o + c], 0);
      const error = (out - y[2 * n + o]) / 5; // mean over 10 of the square
      for (let c = 0; c < 3; c++) {
        dw[3 * o + c] += error * h[c];
        ds[c] += error * weight[3 * o + c] * (1 - h[c] ** 2) * x[3 * n + c];
      }
    }
  }
  return [dw, ds];
}

/** The gradients of a problem at given parameters, in float64. */
export function gradientsOf(problem: Problem, step: number, values: Values): Gradients {
  return problem === "network"
    ? networkGradient(values)
    : reference.gradients[step].map((g) => (g ? [...exact(g)] : null));
}

/** Sets the gradients of one step of a problem. */
export function setGradients(problem: Problem, parameters: readonly Parameter[], step: number): void {
  for (const parameter of parameters) parameter.grad = null;
  if (problem === "network") networkLoss(parameters).backward();
  else
    for (const [i, parameter] of parameters.entries()) {
      const values = reference.gradients[step][i];
      parameter.grad = values && floats(values, parameter.shape, parameter.dtype as Float);
    }
}

/** The step of a problem: compiled for the network, eager for stored gradients. */
export function stepper(optimizer: optim.Optimizer, problem: Problem, parameters: readonly Parameter[]) {
  const take = (step: number) => {
    if (optimizer.needsClosure) optimizer.step(() => setGradients(problem, parameters, step));
    else {
      setGradients(problem, parameters, step);
      optimizer.step();
    }
    for (const parameter of parameters) parameter.grad = null;
  };
  if (problem === "noise") return async (step: number) => take(step);
  const compiled = compile(() => take(0));
  return async (_step: number) => compiled();
}

/** Largest error of any value relative to the largest of the expected ones and 1. */
export function errorOf(actual: ArrayLike<number>, expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value) / scale));
}
