/** The dropout layer: it owns the random stream of its masks; the arithmetic is in functional.ts. */
import type { Generator, Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { range } from "../util/kinds.js";
import { layerEntry } from "./entries.js";
import { dropout } from "./functional.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { nextDropoutGenerator } from "./random.js";

export interface DropoutOptions {
  /** Probability of zeroing a value. Default 0.5, range 0 to 1. */
  readonly p?: number;
  /** Source of the masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<DropoutOptions>({}, { p: range(0, 1), generator: generatorKind });
const check = checkedConstructor("Dropout", parameters);

/**
 * Inverted dropout: in training each value is zeroed with probability p and the others are scaled by 1/(1−p), which
 * preserves the expectation; in evaluation the input is returned.
 *
 * Shape: any, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`.
 *
 * @throws ConfigError if p is out of range
 * @see Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting"
 * @example
 * const y = new Dropout({ p: 0.2 }).eval()(ones([4])); // [1, 1, 1, 1]
 */
export class Dropout extends Module {
  readonly p: number;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(options: DropoutOptions = {}) {
    check([options]);
    super();
    this.p = options.p ?? 0.5;
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    return dropout(x, this.generator, { p: this.p, training: this.training });
  }
}

export const dropoutEntry = layerEntry("Dropout", parameters, Dropout);
