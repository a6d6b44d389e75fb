/** Long short-term memory: its rule, the layer over sequences, the cell, and their entries. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { RecurrentCell, type RecurrentCellOptions, recurrentCellKinds } from "./cell.js";
import { RecurrentLayer, type RecurrentOptions, recurrentKinds } from "./layer.js";
import { type InitialState, type RecurrentRule, type RecurrentState, sumOfBiases } from "./rule.js";

const sizes = { inputSize: count(), hiddenSize: count() };

const lstmRule: RecurrentRule<"hidden" | "cell"> = {
  gates: 4,
  states: ["hidden", "cell"],
  inputBias: sumOfBiases,
  step(input, { hidden, cell }, { weightHh, weightHr }) {
    const gates = input.add(hidden.matmul(weightHh.transpose())); // [N, 4 H]
    const [i, f, g, o] = gates.chunk(4, { dim: 1 });
    const next = f.sigmoid().mul(cell).add(i.sigmoid().mul(g.tanh())); // [N, H]
    const h = o.sigmoid().mul(next.tanh());
    return { hidden: weightHr ? h.matmul(weightHr.transpose()) : h, cell: next };
  },
};

export interface LSTMOptions extends RecurrentOptions {
  /** Features that the hidden state is projected to, below hiddenSize; 0 is no projection. Default 0. */
  readonly projSize?: number;
}

const layerParameters = takes<LSTMOptions>(sizes, { ...recurrentKinds, projSize: count(0) });
const checkLayer = checkedConstructor("LSTM", layerParameters);

/**
 * Long short-term memory over sequences.
 *
 * Shape: `[T, N, inputSize] -> output [T, N, directions · P]`, `hidden [numLayers · directions, N, P]`,
 * `cell [numLayers · directions, N, hiddenSize]` with P = projSize, or hiddenSize without; with batchFirst N comes first
 * in x and output; without N in all for one sequence.
 * Formula: `i, f, o = σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)`, `g = tanh(…)` likewise, each with its own rows,
 * `c_t = f · c_{t−1} + i · g`, `h_t = W_hr (o · tanh(c_t))`, W_hr only with projSize.
 *
 * Options of the call are the initial states `hidden` and `cell`, default 0, and `lengths` (see docs/recurrent.md).
 * Weights and biases start as `U(−1/√hiddenSize, 1/√hiddenSize)`, PyTorch's default.
 *
 * @param inputSize features of an input step, ≥ 1
 * @param hiddenSize features of the cell state, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; Sak et al. 2014, arXiv:1402.1128, for the projection
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
 * @example
 * const lstm = new LSTM(3, 5, { bidirectional: true });
 * const { output, hidden, cell } = lstm(zeros([7, 2, 3])); // shapes [7, 2, 10], [2, 2, 5] and [2, 2, 5]
 */
export class LSTM extends RecurrentLayer<"hidden" | "cell"> {
  readonly projSize: number;

  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    checkLayer([inputSize, hiddenSize, options]);
    const { projSize = 0 } = options;
    if (projSize >= hiddenSize) {
      throw configError("LSTM", `projSize ${projSize} is not below hiddenSize ${hiddenSize}`, "Leave projSize out");
    }
    super(lstmRule, inputSize, hiddenSize, options);
    this.projSize = projSize;
  }
}

export const lstmEntry = layerEntry("LSTM", layerParameters, LSTM);

const cellParameters = takes<RecurrentCellOptions>(sizes, recurrentCellKinds);
const checkCell = checkedConstructor("LSTMCell", cellParameters);

/**
 * One step of long short-term memory: returns the next hidden state and cell state.
 *
 * Shape: `[N, inputSize] -> hidden [N, hiddenSize], cell [N, hiddenSize]`, or all without N.
 * Formula: that of `LSTM`.
 *
 * Options of the call are the states `hidden` and `cell`, default 0: the result of a call is an option of the next.
 *
 * @param inputSize features of the input, ≥ 1
 * @param hiddenSize features of the states, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html
 * @example
 * const cell = new LSTMCell(3, 5);
 * let state = cell(zeros([2, 3])); // hidden and cell, both of shape [2, 5]
 * state = cell(ones([2, 3]), state);
 */
export class LSTMCell extends RecurrentCell<"hidden" | "cell", RecurrentState<"hidden" | "cell">> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    checkCell([inputSize, hiddenSize, options]);
    super(lstmRule, inputSize, hiddenSize, options);
  }

  override forward(x: Tensor, state: InitialState<"hidden" | "cell"> = {}): RecurrentState<"hidden" | "cell"> {
    return this.next(x, state);
  }
}

export const lstmCellEntry = layerEntry("LSTMCell", cellParameters, LSTMCell);
