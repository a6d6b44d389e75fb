/**
 * What recurrent layers and cells share: the rule of one step, the state that it takes and returns, and the checks of
 * calls. This file must not know any rule, nor how steps are arranged.
 */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { Parameter, Tensor, zeros } from "../../tensor/index.js";
import { configError } from "../../util/errors.js";
import { isPlain } from "../../util/kinds.js";
import { nearest, spell } from "../../util/spelling.js";
import { shapeText } from "../checks.js";
import { defaultGenerator } from "../random.js";

/** The parts of the state of a recurrent layer: the LSTM has both, the others have the hidden state alone. */
export type StateName = "hidden" | "cell";

/** The state between two steps, by name. */
export type RecurrentState<S extends StateName> = { readonly [Name in S | "hidden"]: Tensor };

/** States with which a call starts; those that are missing or null are zero. */
export type InitialState<S extends StateName> = { readonly [Name in S]?: Tensor | null };

/** Weights and biases of one layer in one direction; `gates` rows of each belong to one feature. */
export interface RecurrentWeights {
  /** `[gates · hiddenSize, features of the input]`. */
  readonly weightIh: Tensor;
  /** `[gates · hiddenSize, features of the hidden state]`. */
  readonly weightHh: Tensor;
  /** `[gates · hiddenSize]`; null without biases, as is biasHh. */
  readonly biasIh: Tensor | null;
  readonly biasHh: Tensor | null;
  /** Projection of the hidden state, `[projSize, hiddenSize]`; null without one. */
  readonly weightHr: Tensor | null;
}

/** The rule of a step. */
export interface RecurrentRule<S extends StateName> {
  /** Vectors of hiddenSize numbers that a step computes from the input and the hidden state. */
  readonly gates: number;
  readonly states: readonly S[];
  /** The bias of the product of inputs and weightIh; null if there is none. */
  inputBias(weights: RecurrentWeights): Tensor | null;
  /**
   * Computes the next state.
   *
   * @param input `x weightIhᵀ + inputBias` of the step, `[N, gates · hiddenSize]`
   */
  step(input: Tensor, state: RecurrentState<S>, weights: RecurrentWeights): RecurrentState<S>;
}

/** The sum of both biases, for rules that add the products of input and hidden state. */
export const sumOfBiases = ({ biasIh, biasHh }: RecurrentWeights): Tensor | null =>
  biasIh && biasHh ? biasIh.add(biasHh) : null;

/** A value for each part of a state, of which `hidden` is always one. */
export function byState<S extends StateName, T>(states: readonly S[], value: (name: S) => T): Record<S | "hidden", T> {
  return Object.fromEntries(states.map((name) => [name, value(name)])) as Record<S | "hidden", T>;
}

/** Creates parameters with values from `U(−1/√hiddenSize, 1/√hiddenSize)`, PyTorch's default. */
export function parameterMaker(
  owner: string,
  hiddenSize: number,
): (name: string, shape: readonly number[]) => Parameter {
  const bound = 1 / Math.sqrt(hiddenSize);
  const generator = defaultGenerator();
  return (name, shape) =>
    new Parameter(generator.uniform(shape, { low: -bound, high: bound }), { name: `${owner}.${name}` });
}

/** Throws unless the options of a call are a plain object with some of the known keys: `layer(x, h)` is refused. */
export function checkCall(op: string, call: unknown, known: readonly string[]): void {
  const usage = `Write the call as (x, { ${known.join(", ")} })`;
  if (!isPlain(call)) throw configError(op, `expected options as the second argument, got ${spell(call)}`, usage);
  for (const [name, value] of Object.entries(call)) {
    if (!known.includes(name)) {
      const meant = nearest(name, known);
      throw configError(op, `the call has no option ${spell(name)}`, meant ? `Did you mean ${meant}?` : usage);
    }
    if (value !== undefined && value !== null && !(value instanceof Tensor)) {
      throw configError(op, `${name} must be a tensor, got ${spell(value)}`);
    }
  }
}

/** Throws unless x has one of the ranks, the features and the dtype that a layer takes. */
export function checkInput(
  op: string,
  x: Tensor,
  { weightIh }: RecurrentWeights,
  shapes: readonly (readonly string[])[],
): void {
  const features = weightIh.shape[1];
  const expected = shapes.map((axes) => `[${[...axes, features].join(", ")}]`).join(" or ");
  if (!shapes.some((axes) => x.rank === axes.length + 1) || x.shape[x.rank - 1] !== features) {
    const hint = `Its last axis must have the ${features} features of inputSize`;
    throw shapeError(op, `expected x ${expected}, got x ${shapeText(x.shape)}`, hint);
  }
  checkDType(op, "x", x, weightIh);
}

/** The states with which a call starts, zeros where none are given; all are checked. */
export function initialState<S extends StateName>(
  op: string,
  given: InitialState<S>,
  states: readonly S[],
  shapeOf: (name: S) => readonly number[],
  { weightIh }: RecurrentWeights,
): RecurrentState<S> {
  return byState(states, (name) => {
    const shape = shapeOf(name);
    const state = given[name];
    if (!state) return zeros(shape, { dtype: weightIh.dtype });
    if (state.shape.join() !== shape.join()) {
      throw shapeError(op, `expected ${name} ${shapeText(shape)}, got ${name} ${shapeText(state.shape)}`);
    }
    checkDType(op, name, state, weightIh);
    return state;
  });
}

function checkDType(op: string, name: string, x: Tensor, weight: Tensor): void {
  if (x.dtype === weight.dtype) return;
  throw dtypeError(
    op,
    `${name} is ${x.dtype} and the weights are ${weight.dtype}`,
    `Use ${name}.to("${weight.dtype}")`,
  );
}
