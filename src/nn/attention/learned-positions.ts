/** Learned vectors for positions, added to sequences. */
import { shapeError } from "../../tensor/check.js";
import { type Generator, Parameter, type Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { count, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { defaultGenerator } from "../random.js";
import { checkSequence } from "./waves.js";

export interface LearnedPositionalEncodingOptions {
  /** Standard deviation of the initial values. Default 0.02, range ≥ 0. */
  readonly std?: number;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<LearnedPositionalEncodingOptions>(
  { maxLength: count(), features: count() },
  { std: range(0, Number.POSITIVE_INFINITY), generator: generatorKind },
);
const check = checkedConstructor("LearnedPositionalEncoding", parameters);

/**
 * Adds a vector of parameters for each position.
 *
 * Shape: `[..., T, D]`, unchanged, T at most maxLength. Formula: `y[t] = x[t] + weight[t]`.
 *
 * @param maxLength positions that have a vector, ≥ 1
 * @param features D, ≥ 1
 * @throws ShapeError from the call if x is longer, or its last axis has another size
 * @see Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929
 * @example
 * const y = new LearnedPositionalEncoding(197, 64)(zeros([8, 197, 64])); // shape [8, 197, 64]
 */
export class LearnedPositionalEncoding extends Module {
  readonly maxLength: number;
  readonly features: number;
  /** Vectors by position, `[maxLength, features]`. */
  readonly weight: Parameter;

  constructor(maxLength: number, features: number, options: LearnedPositionalEncodingOptions = {}) {
    check([maxLength, features, options]);
    super();
    const { std = 0.02, generator = defaultGenerator() } = options;
    this.maxLength = maxLength;
    this.features = features;
    this.weight = new Parameter(generator.normal([maxLength, features], { std }), {
      name: "learnedPositionalEncoding.weight",
    });
  }

  override forward(x: Tensor): Tensor {
    checkSequence("LearnedPositionalEncoding", x, this.features);
    const T = x.shape[x.rank - 2];
    if (T > this.maxLength) {
      const problem = `x ${shapeText(x.shape)} is longer than maxLength ${this.maxLength}`;
      throw shapeError("LearnedPositionalEncoding", problem, "Give the layer a larger maxLength");
    }
    return x.add(this.weight.slice(0, 0, T));
  }
}

export const learnedPositionalEncodingEntry = layerEntry(
  "LearnedPositionalEncoding",
  parameters,
  LearnedPositionalEncoding,
);
