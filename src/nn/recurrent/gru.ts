/** Gated recurrent units: their rule, the layer over sequences, the cell, and their entries. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { linear } from "../functional.js";
import { RecurrentCell, type RecurrentCellOptions, recurrentCellKinds } from "./cell.js";
import { RecurrentLayer, type RecurrentOptions, recurrentKinds } from "./layer.js";
import type { InitialState, RecurrentRule } from "./rule.js";

const sizes = { inputSize: count(), hiddenSize: count() };

const gruRule: RecurrentRule<"hidden"> = {
  gates: 3,
  states: ["hidden"],
  inputBias: ({ biasIh }) => biasIh, // r scales the hidden state's share of n with its bias, so biases are not summed
  step(input, { hidden }, { weightHh, biasHh }) {
    const [xr, xz, xn] = input.chunk(3, { dim: 1 });
    const [hr, hz, hn] = linear(hidden, weightHh, { bias: biasHh }).chunk(3, { dim: 1 }); // each [N, H]
    const r = xr.add(hr).sigmoid();
    const z = xz.add(hz).sigmoid();
    const n = xn.add(r.mul(hn)).tanh();
    return { hidden: n.add(z.mul(hidden.sub(n))) };
  },
};

const layerParameters = takes<RecurrentOptions>(sizes, recurrentKinds);
const checkLayer = checkedConstructor("GRU", layerParameters);

/**
 * Gated recurrent units over sequences.
 *
 * Shape: `[T, N, inputSize] -> output [T, N, directions · hiddenSize]`, `hidden [numLayers · directions, N, hiddenSize]`;
 * with batchFirst N comes first in x and output; without N in all for one sequence.
 * Formula: `r, z = σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)`, each with its own rows,
 * `n = tanh(W_in x_t + b_in + r · (W_hn h_{t−1} + b_hn))`, `h_t = (1 − z) · n + z · h_{t−1}`.
 *
 * Options of the call are the initial state `hidden`, default 0, and `lengths` (see docs/recurrent.md). Weights and
 * biases start as `U(−1/√hiddenSize, 1/√hiddenSize)`, PyTorch's default.
 *
 * @param inputSize features of an input step, ≥ 1
 * @param hiddenSize features of the hidden state, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", arXiv:1406.1078
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
 * @example
 * const gru = new GRU(3, 5, { numLayers: 2 });
 * const { output, hidden } = gru(zeros([7, 2, 3])); // shapes [7, 2, 5] and [2, 2, 5]
 */
export class GRU extends RecurrentLayer<"hidden"> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    checkLayer([inputSize, hiddenSize, options]);
    super(gruRule, inputSize, hiddenSize, options);
  }
}

export const gruEntry = layerEntry("GRU", layerParameters, GRU);

const cellParameters = takes<RecurrentCellOptions>(sizes, recurrentCellKinds);
const checkCell = checkedConstructor("GRUCell", cellParameters);

/**
 * One step of gated recurrent units: returns the next hidden state.
 *
 * Shape: `[N, inputSize] -> [N, hiddenSize]`, or `[inputSize] -> [hiddenSize]`.
 * Formula: that of `GRU`.
 *
 * The option `hidden` of the call is h, default 0.
 *
 * @param inputSize features of the input, ≥ 1
 * @param hiddenSize features of the hidden state, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError or DTypeError from the call if a tensor does not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html
 * @example
 * const cell = new GRUCell(3, 5);
 * let hidden = cell(zeros([2, 3])); // shape [2, 5]
 * hidden = cell(ones([2, 3]), { hidden });
 */
export class GRUCell extends RecurrentCell<"hidden", Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    checkCell([inputSize, hiddenSize, options]);
    super(gruRule, inputSize, hiddenSize, options);
  }

  override forward(x: Tensor, state: InitialState<"hidden"> = {}): Tensor {
    return this.next(x, state).hidden;
  }
}

export const gruCellEntry = layerEntry("GRUCell", cellParameters, GRUCell);
