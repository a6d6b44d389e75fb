/** Softmax and its relatives: functions, layers, and entries of the registry. */

import { axisOf } from "../../tensor/check.js";
import { arange, Generator, type Tensor } from "../../tensor/index.js";
import { dimKind } from "../../tensor/kinds.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { flag, instance, type Kind } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

const alongAxis = { dim: dimKind };
const ofAxis = takes({ x: tensorKind, ...alongAxis });
const parameters = takes(alongAxis);
interface Axis {
  readonly dim: number;
}

/**
 * Exponentials divided by their sum along an axis; the maximum is subtracted first, so that nothing overflows.
 *
 * Shape: any, unchanged. Formula: `y_i = exp(x_i) / Σ_j exp(x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError if x has no such axis
 * @example
 * const probabilities = softmax(tensor([[1, 2, 3]]), 1); // [[0.0900, 0.2447, 0.6652]]
 */
export const softmax = checked("softmax", ofAxis, (x: Tensor, dim: number): Tensor => x.softmax(dim));

/**
 * Softmax of −x: the smallest values get the largest probabilities.
 *
 * Shape: any, unchanged. Formula: `y_i = exp(−x_i) / Σ_j exp(−x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError if x has no such axis
 * @example
 * const probabilities = softmin(tensor([[1, 2, 3]]), 1); // [[0.6652, 0.2447, 0.0900]]
 */
export const softmin = checked("softmin", ofAxis, (x: Tensor, dim: number): Tensor => floats(x).neg().softmax(dim));

/**
 * Logarithm of softmax, computed without its exponentials' quotient, so that small probabilities stay accurate.
 *
 * Shape: any, unchanged. Formula: `y_i = x_i − ln Σ_j exp(x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError if x has no such axis
 * @example
 * const y = logSoftmax(tensor([[1, 2, 3]]), 1); // [[-2.4076, -1.4076, -0.4076]]
 */
export const logSoftmax = checked("logSoftmax", ofAxis, (x: Tensor, dim: number): Tensor => x.logSoftmax(dim));

export interface GumbelSoftmaxOptions {
  /** Temperature τ: the smaller, the nearer to one-hot. Default 1, range > 0. */
  readonly tau?: number;
  /** Whether the result is one-hot, with the gradient of the soft one. Default false. */
  readonly hard?: boolean;
  /** The axis of the classes; negative counts from the end. Default −1. */
  readonly dim?: number;
}

const temperature: Kind = {
  name: "a finite number > 0",
  accepts: (value) => Number.isFinite(value) && (value as number) > 0,
};

/**
 * A differentiable draw from the categorical distribution with the given logits.
 *
 * Shape: any, unchanged. Formula: `y = softmax((x + g) / τ)`, `g = −ln(−ln u)`, `u ~ U(0, 1)`. With `hard`, the one-hot
 * vector of the largest y, whose gradient is that of y (straight-through).
 *
 * @param generator source of the noise; its counter advances at every call
 * @throws ConfigError if tau is no number > 0; ShapeError if x has no such axis
 * @see Jang, Gu & Poole 2016, "Categorical Reparameterization with Gumbel-Softmax", arXiv:1611.01144
 * @example
 * const draw = gumbelSoftmax(zeros([2, 3]), new Generator(1), { hard: true }); // rows of two zeros and a one
 */
export const gumbelSoftmax = checked(
  "gumbelSoftmax",
  takes<GumbelSoftmaxOptions>(
    { x: tensorKind, generator: instance(Generator, "a Generator") },
    { tau: temperature, hard: flag, dim: dimKind },
  ),
  (x: Tensor, generator: Generator, options: GumbelSoftmaxOptions = {}): Tensor => {
    const { tau = 1, hard = false, dim = -1 } = options;
    const logits = floats(x);
    const axis = axisOf("gumbelSoftmax", dim, logits.shape);
    // u = 0 gives −∞, a class that is not drawn; u = 1, which would give ∞, does not occur.
    const noise = generator.uniform(logits.shape).log().neg().log().neg();
    const soft = logits.add(noise).div(tau).softmax(axis);
    if (!hard) return soft;
    const size = logits.shape[axis];
    const position = arange(size).reshape(logits.shape.map((_, i) => (i === axis ? size : 1)));
    const oneHot = soft.argmax({ dim: axis, keepdim: true }).eq(position).to(soft.dtype);
    return soft.add(oneHot.sub(soft).detach());
  },
);

abstract class AlongAxis extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    this.dim = dim;
  }
}

const softmaxCheck = checkedConstructor("Softmax", parameters);
const softminCheck = checkedConstructor("Softmin", parameters);
const logSoftmaxCheck = checkedConstructor("LogSoftmax", parameters);

/**
 * Exponentials divided by their sum along an axis.
 *
 * Shape: any, unchanged. Formula: `y_i = exp(x_i) / Σ_j exp(x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError from the call if the input has no such axis
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html
 * @example
 * const y = new Softmax(1)(tensor([[1, 2, 3]])); // [[0.0900, 0.2447, 0.6652]]
 */
export class Softmax extends AlongAxis {
  constructor(dim: number) {
    softmaxCheck([dim]);
    super(dim);
  }

  override forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }
}

/**
 * Softmax of −x along an axis.
 *
 * Shape: any, unchanged. Formula: `y_i = exp(−x_i) / Σ_j exp(−x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError from the call if the input has no such axis
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Softmin.html
 * @example
 * const y = new Softmin(1)(tensor([[1, 2, 3]])); // [[0.6652, 0.2447, 0.0900]]
 */
export class Softmin extends AlongAxis {
  constructor(dim: number) {
    softminCheck([dim]);
    super(dim);
  }

  override forward(x: Tensor): Tensor {
    return softmin(x, this.dim);
  }
}

/**
 * Logarithm of softmax along an axis.
 *
 * Shape: any, unchanged. Formula: `y_i = x_i − ln Σ_j exp(x_j)`.
 *
 * @param dim the axis; negative counts from the end
 * @throws ShapeError from the call if the input has no such axis
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html
 * @example
 * const y = new LogSoftmax(1)(tensor([[1, 2, 3]])); // [[-2.4076, -1.4076, -0.4076]]
 */
export class LogSoftmax extends AlongAxis {
  constructor(dim: number) {
    logSoftmaxCheck([dim]);
    super(dim);
  }

  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim);
  }
}

export const softmaxEntry = activationEntry({
  name: "softmax",
  schema: alongAxis,
  make:
    ({ dim }: Axis) =>
    (x) =>
      softmax(x, dim),
  layer: layerEntry("Softmax", parameters, Softmax),
});

export const softminEntry = activationEntry({
  name: "softmin",
  schema: alongAxis,
  make:
    ({ dim }: Axis) =>
    (x) =>
      softmin(x, dim),
  layer: layerEntry("Softmin", parameters, Softmin),
});

export const logSoftmaxEntry = activationEntry({
  name: "logSoftmax",
  schema: alongAxis,
  make:
    ({ dim }: Axis) =>
    (x) =>
      logSoftmax(x, dim),
  layer: layerEntry("LogSoftmax", parameters, LogSoftmax),
});
