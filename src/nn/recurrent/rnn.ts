/** The Elman network: its rule, the layer over sequences, the cell, and their entries. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { count, word } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { RecurrentCell, type RecurrentCellOptions, recurrentCellKinds } from "./cell.js";
import { RecurrentLayer, type RecurrentOptions, recurrentKinds } from "./layer.js";
import { type InitialState, type RecurrentRule, sumOfBiases } from "./rule.js";

/** The function that an RNN applies in every step. */
export type RNNNonlinearity = "tanh" | "relu";

const nonlinearityKind = word(["tanh", "relu"]);
const sizes = { inputSize: count(), hiddenSize: count() };

const rnnRule = (nonlinearity: RNNNonlinearity): RecurrentRule<"hidden"> => ({
  gates: 1,
  states: ["hidden"],
  inputBias: sumOfBiases,
  step(input, { hidden }, { weightHh }) {
    const sum = input.add(hidden.matmul(weightHh.transpose())); // [N, H]
    return { hidden: nonlinearity === "tanh" ? sum.tanh() : sum.relu() };
  },
});

export interface RNNOptions extends RecurrentOptions {
  /** Function applied in every step. Default `tanh`. */
  readonly nonlinearity?: RNNNonlinearity;
}

const layerParameters = takes<RNNOptions>(sizes, { ...recurrentKinds, nonlinearity: nonlinearityKind });
const checkLayer = checkedConstructor("RNN", layerParameters);

/**
 * Elman's recurrent network over sequences.
 *
 * Shape: `[T, N, inputSize] -> output [T, N, directions · hiddenSize]`, `hidden [numLayers · directions, N, hiddenSize]`;
 * with batchFirst N comes first in x and output; without N in all for one sequence.
 * Formula: `h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)`, or relu.
 *
 * Options of the call are the initial state `hidden`, default 0, and `lengths` (see docs/recurrent.md). Weights and
 * biases start as `U(−1/√hiddenSize, 1/√hiddenSize)`, PyTorch's default.
 *
 * @param inputSize features of an input step, ≥ 1
 * @param hiddenSize features of the hidden state, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
 * @example
 * const rnn = new RNN(3, 5, { batchFirst: true });
 * const { output, hidden } = rnn(zeros([2, 7, 3])); // shapes [2, 7, 5] and [1, 2, 5]
 */
export class RNN extends RecurrentLayer<"hidden"> {
  readonly nonlinearity: RNNNonlinearity;

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    checkLayer([inputSize, hiddenSize, options]);
    const { nonlinearity = "tanh" } = options;
    super(rnnRule(nonlinearity), inputSize, hiddenSize, options);
    this.nonlinearity = nonlinearity;
  }
}

export const rnnEntry = layerEntry("RNN", layerParameters, RNN);

export interface RNNCellOptions extends RecurrentCellOptions {
  /** Function applied in every step. Default `tanh`. */
  readonly nonlinearity?: RNNNonlinearity;
}

const cellParameters = takes<RNNCellOptions>(sizes, { ...recurrentCellKinds, nonlinearity: nonlinearityKind });
const checkCell = checkedConstructor("RNNCell", cellParameters);

/**
 * One step of Elman's recurrent network: returns the next hidden state.
 *
 * Shape: `[N, inputSize] -> [N, hiddenSize]`, or `[inputSize] -> [hiddenSize]`.
 * Formula: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu.
 *
 * The option `hidden` of the call is h, default 0.
 *
 * @param inputSize features of the input, ≥ 1
 * @param hiddenSize features of the hidden state, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html
 * @example
 * const cell = new RNNCell(3, 5);
 * let hidden = cell(zeros([2, 3])); // shape [2, 5]
 * hidden = cell(ones([2, 3]), { hidden });
 */
export class RNNCell extends RecurrentCell<"hidden", Tensor> {
  readonly nonlinearity: RNNNonlinearity;

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    checkCell([inputSize, hiddenSize, options]);
    const { nonlinearity = "tanh" } = options;
    super(rnnRule(nonlinearity), inputSize, hiddenSize, options);
    this.nonlinearity = nonlinearity;
  }

  override forward(x: Tensor, state: InitialState<"hidden"> = {}): Tensor {
    return this.next(x, state).hidden;
  }
}

export const rnnCellEntry = layerEntry("RNNCell", cellParameters, RNNCell);
