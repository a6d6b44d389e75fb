/**
 * Recurrent layers over whole sequences: several layers, both directions, sequences of different lengths. The steps are
 * unrolled into the graph; callers must not depend on that. This file must not know the rule of any step.
 */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { arange, concat, type Generator, type Parameter, stack, type Tensor } from "../../tensor/index.js";
import { configError } from "../../util/errors.js";
import { flag, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { linear } from "../functional.js";
import { generatorKind, layersKind } from "../kinds.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import { dropped } from "../regularisation/checks.js";
import {
  byState,
  checkCall,
  checkInput,
  type InitialState,
  initialState,
  parameterMaker,
  type RecurrentRule,
  type RecurrentState,
  type RecurrentWeights,
  type StateName,
} from "./rule.js";
import { reportSteps } from "./step-observer.js";

export interface RecurrentOptions {
  /** Layers, each of which reads the output of the one before. Default 1, range 1 to 1000. */
  readonly numLayers?: number;
  /** Whether the steps have biases. Default true. */
  readonly bias?: boolean;
  /** Whether inputs and outputs are `[N, T, D]`; else they are `[T, N, D]`. Default false. */
  readonly batchFirst?: boolean;
  /** Probability of dropping an output of each layer but the last in training. Default 0, range 0 to 1. */
  readonly dropout?: number;
  /** Whether further weights process each sequence from its end to its start. Default false. */
  readonly bidirectional?: boolean;
  /** Source of the dropout masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

export const recurrentKinds = {
  numLayers: layersKind,
  bias: flag,
  batchFirst: flag,
  dropout: range(0, 1),
  bidirectional: flag,
  generator: generatorKind,
};

/** What a call of a recurrent layer takes beside the sequences. */
export type RecurrentCall<S extends StateName> = InitialState<S> & {
  /**
   * Number of valid steps of each sequence, `[N]`, i32, from 0 to T. Steps behind them are ignored in both directions:
   * their outputs are 0, and the final state is that of the last valid step. Default: all steps are valid.
   */
  readonly lengths?: Tensor | null;
};

/** What a call of a recurrent layer returns. */
export type RecurrentResult<S extends StateName> = RecurrentState<S> & {
  /** Hidden states of the last layer at every step, `[T, N, directions · features]`, with batchFirst N first. */
  readonly output: Tensor;
};

/** What one layer computes in one direction; lists are ordered by time in both. */
interface DirectionResult<S extends StateName> {
  readonly outputs: readonly Tensor[];
  readonly final: RecurrentState<S>;
  /** The state that each step computes, before steps behind the end of a sequence are discarded. */
  readonly steps: readonly RecurrentState<S>[];
}

/** The base class of RNN, LSTM and GRU. */
export abstract class RecurrentLayer<S extends StateName> extends Module<
  [x: Tensor, call?: RecurrentCall<S>],
  RecurrentResult<S>
> {
  /** Weights by layer and direction, such as `weightIhL0` and `weightHhL1Reverse`. */
  readonly [weight: `weight${string}`]: Parameter;
  /** Biases by layer and direction, such as `biasIhL0`; none without bias. */
  readonly [bias: `bias${"Ih" | "Hh"}${string}`]: Parameter;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  /** The random stream of the dropout masks. */
  readonly generator: Generator;
  readonly #rule: RecurrentRule<S>;
  /** Features of the hidden state: hiddenSize, unless it is projected. */
  readonly #features: number;

  constructor(
    rule: RecurrentRule<S>,
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions & { readonly projSize?: number },
  ) {
    super();
    const {
      numLayers = 1,
      bias = true,
      batchFirst = false,
      dropout = 0,
      bidirectional = false,
      projSize = 0,
    } = options;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.#rule = rule;
    this.#features = projSize || hiddenSize;
    const rows = rule.gates * hiddenSize;
    const make = parameterMaker(this.constructor.name.toLowerCase(), hiddenSize);
    for (let layer = 0; layer < numLayers; layer++) {
      const columns = layer === 0 ? inputSize : this.#features * this.#directions.length;
      for (const direction of this.#directions) {
        const at = `L${layer}${direction}`;
        const add = (name: string, shape: readonly number[]) => Object.assign(this, { [name]: make(name, shape) });
        add(`weightIh${at}`, [rows, columns]);
        add(`weightHh${at}`, [rows, this.#features]);
        if (bias) {
          add(`biasIh${at}`, [rows]);
          add(`biasHh${at}`, [rows]);
        }
        if (projSize > 0) add(`weightHr${at}`, [projSize, hiddenSize]);
      }
    }
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  /** The suffixes of the names of weights, forward direction first. */
  get #directions(): readonly ("" | "Reverse")[] {
    return this.bidirectional ? ["", "Reverse"] : [""];
  }

  override forward(x: Tensor, call: RecurrentCall<S> = {}): RecurrentResult<S> {
    const op = this.constructor.name;
    const { states } = this.#rule;
    checkCall(op, call, [...states, "lengths"]);
    // Read once: a parametrised weight is computed at each access, and spectral normalisation takes a step then.
    const weights = Array.from({ length: this.numLayers }, (_, layer) =>
      this.#directions.map((direction) => this.#weights(`L${layer}${direction}`)),
    );
    const [[first]] = weights;
    checkInput(op, x, first, [["T"], this.batchFirst ? ["N", "T"] : ["T", "N"]]);
    const isBatch = x.rank === 3;
    let sequences = isBatch ? (this.batchFirst ? x.transpose(0, 1) : x) : x.unsqueeze(1); // [T, N, D]
    const [T, N] = sequences.shape;
    if (T === 0) throw shapeError(op, `x ${shapeText(x.shape)} has no steps`, "A sequence needs at least one step");
    const places = this.numLayers * this.#directions.length;
    const shapeOf = (name: S): number[] => {
      const features = name === "hidden" ? this.#features : this.hiddenSize;
      return isBatch ? [places, N, features] : [places, features];
    };
    const given = initialState(op, call, states, shapeOf, first);
    const initial = byState(states, (name) => (isBatch ? given[name] : given[name].unsqueeze(1)));
    const valid = this.#validSteps(call.lengths, T, isBatch ? N : null);
    // Values behind the end of a sequence may be anything, NaN included; products with them would reach the gradients.
    if (valid) sequences = valid.where(sequences, 0);

    const results: DirectionResult<S>[] = [];
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.training && this.dropout > 0) {
        sequences = dropped(sequences, this.generator, this.dropout, sequences.shape);
      }
      const found = this.#directions.map((direction, i) => {
        const place = layer * this.#directions.length + i;
        const start = byState(states, (name) => initial[name].select(0, place));
        return this.#run(sequences, start, weights[layer][i], valid, direction === "Reverse");
      });
      const outputs = found.map((one) => stack(one.outputs)); // each [T, N, features]
      sequences = outputs.length === 1 ? outputs[0] : concat(outputs, { dim: 2 });
      results.push(...found);
    }
    reportSteps(
      this,
      results.map(({ steps }) => steps),
    );
    const final = byState(states, (name) => {
      const state = stack(results.map((one) => one.final[name])); // [layers · directions, N, features]
      return isBatch ? state : state.squeeze({ dim: 1 });
    });
    const output = isBatch && this.batchFirst ? sequences.transpose(0, 1) : sequences;
    return { output: isBatch ? output : output.squeeze({ dim: 1 }), ...final };
  }

  #weights(at: string): RecurrentWeights {
    return {
      weightIh: this[`weightIh${at}`],
      weightHh: this[`weightHh${at}`],
      biasIh: this.bias ? this[`biasIh${at}`] : null,
      biasHh: this.bias ? this[`biasHh${at}`] : null,
      weightHr: this[`weightHr${at}`] ?? null,
    };
  }

  /** Whether each step is within its sequence, `[T, N, 1]`; null if all are. */
  #validSteps(lengths: Tensor | null | undefined, T: number, N: number | null): Tensor | null {
    if (!lengths) return null;
    const op = this.constructor.name;
    if (N === null) throw configError(op, "lengths are for batches, and x is one sequence", "Cut x to its valid steps");
    if (lengths.shape.join() !== `${N}`) {
      throw shapeError(op, `expected lengths [${N}], got lengths ${shapeText(lengths.shape)}`);
    }
    if (lengths.dtype !== "i32") throw dtypeError(op, `lengths are ${lengths.dtype}`, 'Use dtype: "i32"');
    return arange(T)
      .reshape([T, 1, 1])
      .lt(lengths.reshape([1, N, 1]));
  }

  /** Runs one layer in one direction over sequences `[T, N, D]`. */
  #run(
    sequences: Tensor,
    initial: RecurrentState<S>,
    weights: RecurrentWeights,
    valid: Tensor | null,
    isReverse: boolean,
  ): DirectionResult<S> {
    const rule = this.#rule;
    const inputs = linear(sequences, weights.weightIh, { bias: rule.inputBias(weights) }); // [T, N, gates · hiddenSize]
    const T = sequences.shape[0];
    const outputs: Tensor[] = new Array(T);
    const steps: RecurrentState<S>[] = new Array(T);
    let state = initial;
    for (let k = 0; k < T; k++) {
      const t = isReverse ? T - 1 - k : k;
      const before = state;
      const after = rule.step(inputs.select(0, t), before, weights);
      const isValid = valid?.select(0, t); // [N, 1]
      state = isValid ? byState(rule.states, (name) => isValid.where(after[name], before[name])) : after;
      steps[t] = after;
      outputs[t] = isValid ? isValid.where(after.hidden, 0) : after.hidden;
    }
    return { outputs, final: state, steps };
  }
}
