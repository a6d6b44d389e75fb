/** Recurrent cells: single steps, for loops that a user writes. This file must not know the rule of any step. */
import type { Parameter, Tensor } from "../../tensor/index.js";
import { flag } from "../../util/kinds.js";
import { linear } from "../functional.js";
import { Module } from "../module.js";
import {
  byState,
  checkCall,
  checkInput,
  type InitialState,
  initialState,
  parameterMaker,
  type RecurrentRule,
  type RecurrentState,
  type StateName,
} from "./rule.js";

export interface RecurrentCellOptions {
  /** Whether the step has biases. Default true. */
  readonly bias?: boolean;
}

export const recurrentCellKinds = { bias: flag };

/** The base class of RNNCell, LSTMCell and GRUCell. */
export abstract class RecurrentCell<S extends StateName, Out> extends Module<
  [x: Tensor, state?: InitialState<S>],
  Out
> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** `[gates · hiddenSize, inputSize]`. */
  readonly weightIh: Parameter;
  /** `[gates · hiddenSize, hiddenSize]`. */
  readonly weightHh: Parameter;
  /** `[gates · hiddenSize]`; null without bias. */
  readonly biasIh: Parameter | null;
  /** `[gates · hiddenSize]`; null without bias. */
  readonly biasHh: Parameter | null;
  readonly #rule: RecurrentRule<S>;

  constructor(rule: RecurrentRule<S>, inputSize: number, hiddenSize: number, { bias = true }: RecurrentCellOptions) {
    super();
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.#rule = rule;
    const name = this.constructor.name;
    const make = parameterMaker(name[0].toLowerCase() + name.slice(1), hiddenSize);
    const rows = rule.gates * hiddenSize;
    this.weightIh = make("weightIh", [rows, inputSize]);
    this.weightHh = make("weightHh", [rows, hiddenSize]);
    this.biasIh = bias ? make("biasIh", [rows]) : null;
    this.biasHh = bias ? make("biasHh", [rows]) : null;
  }

  /** The state after a step. */
  protected next(x: Tensor, call: InitialState<S>): RecurrentState<S> {
    const op = this.constructor.name;
    const rule = this.#rule;
    const { weightIh, weightHh, biasIh, biasHh, hiddenSize } = this;
    const weights = { weightIh, weightHh, biasIh, biasHh, weightHr: null };
    checkCall(op, call, rule.states);
    checkInput(op, x, weights, [[], ["N"]]);
    const shape = [...x.shape.slice(0, -1), hiddenSize];
    const given = initialState(op, call, rule.states, () => shape, weights);
    if (x.rank === 2) return rule.step(linear(x, weightIh, { bias: rule.inputBias(weights) }), given, weights);
    const before = byState(rule.states, (name) => given[name].unsqueeze(0));
    const input = linear(x.unsqueeze(0), weightIh, { bias: rule.inputBias(weights) });
    const after = rule.step(input, before, weights);
    return byState(rule.states, (name) => after[name].squeeze({ dim: 0 }));
  }
}
