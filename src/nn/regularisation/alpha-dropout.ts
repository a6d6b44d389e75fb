/** Dropout that keeps mean and variance behind SELU: functions, layers that own their random streams, and entries. */
import { shapeError } from "../../tensor/check.js";
import type { Generator, Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import {
  checkFloats,
  type DropFunctionOptions,
  type DropOptions,
  dropFunctionKinds,
  dropKinds,
  requiredGenerator,
} from "./checks.js";

const signature = takes<DropFunctionOptions>({ x: tensorKind, generator: requiredGenerator }, dropFunctionKinds);
/** The limit of SELU for x → −∞, negated: its scale times its alpha. */
const LIMIT = 1.7580993408473766;

/** Values where the mask is 0 become −LIMIT; then all are scaled and shifted to mean 0 and variance 1 again. */
function drop(x: Tensor, generator: Generator, p: number, shape: readonly number[]): Tensor {
  if (p === 1) return x.mul(0);
  const scale = 1 / Math.sqrt((LIMIT * LIMIT * p + 1) * (1 - p));
  const shift = LIMIT * scale * p;
  return generator.bernoulli(shape, 1 - p).where(x.mul(scale).add(shift), shift - LIMIT * scale);
}

/**
 * Alpha dropout: sets each value to the limit of SELU with probability p, then scales and shifts all, so that mean 0 and
 * variance 1 are preserved.
 *
 * Shape: any, unchanged. Formula: `y = a · (m · x + (1 − m) · α) + b`, `m ~ Bernoulli(1 − p)`, `α = −1.7581`,
 * `a = ((1 − p) (1 + p α²))^−½`, `b = −a · p · α`.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws DTypeError if x is no float tensor
 * @see Klambauer et al. 2017, "Self-Normalizing Neural Networks", arXiv:1706.02515
 * @example
 * const y = alphaDropout(zeros([100]), new Generator(1), { p: 0.1 });
 */
export const alphaDropout = checked(
  "alphaDropout",
  signature,
  (x: Tensor, generator: Generator, { p = 0.5, training = true }: DropFunctionOptions = {}): Tensor => {
    checkFloats("alphaDropout", x);
    return training && p > 0 ? drop(x, generator, p, x.shape) : x;
  },
);

/**
 * Alpha dropout of whole channels.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: that of `alphaDropout`, with one m per sample and channel.
 *
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x has fewer than two axes; DTypeError if x is no float tensor
 * @see Klambauer et al. 2017, "Self-Normalizing Neural Networks", arXiv:1706.02515
 * @example
 * const y = featureAlphaDropout(zeros([8, 16, 7, 7]), new Generator(1), { p: 0.1 });
 */
export const featureAlphaDropout = checked(
  "featureAlphaDropout",
  signature,
  (x: Tensor, generator: Generator, { p = 0.5, training = true }: DropFunctionOptions = {}): Tensor => {
    checkFloats("featureAlphaDropout", x);
    if (x.rank < 2) {
      const problem = `expected x of rank 2 or more [N, C, ...], got x ${shapeText(x.shape)}`;
      throw shapeError("featureAlphaDropout", problem, "Add the batch axis with x.unsqueeze(0)");
    }
    if (!training || p === 0) return x;
    const perChannel = x.shape.map((size, axis) => (axis < 2 ? size : 1));
    return drop(x, generator, p, perChannel);
  },
);

const parameters = takes<DropOptions>({}, dropKinds);
const checkAlpha = checkedConstructor("AlphaDropout", parameters);
const checkFeature = checkedConstructor("FeatureAlphaDropout", parameters);

/**
 * Alpha dropout: in training each value is set to the limit of SELU with probability p, and all are scaled and shifted
 * so that mean 0 and variance 1 are preserved; in evaluation the input is returned.
 *
 * Shape: any, unchanged. Formula: `y = a · (m · x + (1 − m) · α) + b`, `m ~ Bernoulli(1 − p)`, `α = −1.7581`,
 * `a = ((1 − p) (1 + p α²))^−½`, `b = −a · p · α`.
 *
 * @throws ConfigError if p is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html
 * @example
 * const y = new AlphaDropout({ p: 0.1 }).eval()(ones([4])); // [1, 1, 1, 1]
 */
export class AlphaDropout extends Module {
  readonly p: number;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(options: DropOptions = {}) {
    checkAlpha([options]);
    super();
    this.p = options.p ?? 0.5;
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    return alphaDropout(x, this.generator, { p: this.p, training: this.training });
  }
}

/**
 * Alpha dropout of whole channels; in evaluation the input is returned.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: that of `AlphaDropout`, with one m per sample and channel.
 *
 * @throws ConfigError if p is out of range; ShapeError from the call if the input has fewer than two axes
 * @see https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html
 * @example
 * const y = new FeatureAlphaDropout({ p: 0.1 })(zeros([8, 16, 7, 7]));
 */
export class FeatureAlphaDropout extends Module {
  readonly p: number;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(options: DropOptions = {}) {
    checkFeature([options]);
    super();
    this.p = options.p ?? 0.5;
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.generator, { p: this.p, training: this.training });
  }
}

export const alphaDropoutEntry = layerEntry("AlphaDropout", parameters, AlphaDropout);
export const featureAlphaDropoutEntry = layerEntry("FeatureAlphaDropout", parameters, FeatureAlphaDropout);
