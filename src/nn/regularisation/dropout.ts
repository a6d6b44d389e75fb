/** Dropout of single values: as a function, as a layer that owns the random stream of its masks, and as an entry. */
import type { Generator, Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { word } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import {
  checkFloats,
  type DropFunctionOptions,
  type DropOptions,
  dropFunctionKinds,
  dropKinds,
  dropped,
  requiredGenerator,
} from "./checks.js";

interface Scaling {
  /**
   * When values are scaled so that training and evaluation have the same expectation: in `training` by 1/(1−p), called
   * inverted dropout, or in `evaluation` by 1−p, as in the original paper. Default `training`.
   */
  readonly scaling?: "training" | "evaluation";
}

const scalingKind = word(["training", "evaluation"]);

export interface DropoutFunctionOptions extends DropFunctionOptions, Scaling {}

/**
 * Dropout: zeroes each value with probability p and scales the others by 1/(1−p), or all in evaluation by 1−p.
 *
 * Shape: any, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`; with `scaling: "evaluation"`,
 * `y = x · m` in training, else `x · (1 − p)`.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ConfigError if p is out of range; DTypeError if x is no float tensor
 * @see Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting"
 * @example
 * const y = dropout(ones([100]), new Generator(1), { p: 0.2 }); // about 80 values 1.25, 20 zeros
 */
export const dropout = checked(
  "dropout",
  takes<DropoutFunctionOptions>(
    { x: tensorKind, generator: requiredGenerator },
    { ...dropFunctionKinds, scaling: scalingKind },
  ),
  (x: Tensor, generator: Generator, options: DropoutFunctionOptions = {}): Tensor => {
    const { p = 0.5, training = true, scaling = "training" } = options;
    checkFloats("dropout", x);
    if (p === 0) return x;
    if (scaling === "training") return training ? dropped(x, generator, p, x.shape) : x;
    return training ? generator.bernoulli(x.shape, 1 - p).where(x, 0) : x.mul(1 - p);
  },
);

export interface DropoutOptions extends DropOptions, Scaling {}

const parameters = takes<DropoutOptions>({}, { ...dropKinds, scaling: scalingKind });
const check = checkedConstructor("Dropout", parameters);

/**
 * Dropout: in training each value is zeroed with probability p and the others are scaled by 1/(1−p), which preserves
 * the expectation; in evaluation the input is returned. With `scaling: "evaluation"` it is the other way round.
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
  readonly scaling: "training" | "evaluation";
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(options: DropoutOptions = {}) {
    check([options]);
    super();
    this.p = options.p ?? 0.5;
    this.scaling = options.scaling ?? "training";
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    const { p, scaling, training } = this;
    return dropout(x, this.generator, { p, scaling, training });
  }
}

export const dropoutEntry = layerEntry("Dropout", parameters, Dropout);
