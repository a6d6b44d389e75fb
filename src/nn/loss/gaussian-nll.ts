/** The likelihood of a normal distribution. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { DataError } from "../../util/errors.js";
import { flag } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, positive, reduce, reductionKind, sameShaped } from "./reduction.js";
import { raised } from "./stable.js";
import { findKnown } from "./targets.js";

export interface GaussianNllLossOptions extends LossOptions {
  /** Whether to add the constant `log(2π) / 2`. Default false. */
  readonly full?: boolean;
  /** Smallest variance; smaller ones count as this, with the gradient of the variance itself. Default 1e-6, range > 0. */
  readonly eps?: number;
}

const parameters = takes<GaussianNllLossOptions>(
  { x: tensorKind, target: tensorKind, variance: tensorKind },
  { full: flag, eps: positive, reduction: reductionKind },
);

/**
 * Negative log-likelihood of targets under normal distributions whose means and variances are predicted.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`. `variance` has that shape, or the same
 * with 1 for the last axis, or without the last axis.
 * Formula: `loss = (log v + (x − target)² / v) / 2`, `v = max(variance, eps)`. A negative variance is an error where
 * its value is known, else NaN.
 *
 * @param variance predicted variances, ≥ 0
 * @throws ShapeError if the shapes do not fit together; DataError if a variance is negative
 * @see Nix & Weigend 1994, "Estimating the Mean and Variance of the Target Probability Distribution"
 * @example
 * const loss = gaussianNllLoss(tensor([[1, 2]]), tensor([[1, 4]]), tensor([[1, 2]])); // 0.6733
 */
export const gaussianNllLoss = checked(
  "gaussianNllLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, variance: Tensor, options: GaussianNllLossOptions = {}): Tensor => {
    const { full = false, eps = 1e-6, reduction = "mean" } = options;
    const { x, target } = sameShaped("gaussianNllLoss", prediction, expected);
    const given = fitVariance(variance, x);
    const v = given.lt(0).where(Number.NaN, raised(given, eps));
    const losses = v.log().add(x.sub(target).square().div(v)).mul(0.5);
    return reduce(full ? losses.add(Math.log(2 * Math.PI) / 2) : losses, reduction);
  },
);

/**
 * The layer of `gaussianNllLoss`.
 *
 * Shape: `x, target, variance of one shape -> []`.
 *
 * @example
 * const loss = new GaussianNLLLoss()(tensor([[1, 2]]), tensor([[1, 4]]), tensor([[1, 2]])); // 0.6733
 */
export const GaussianNLLLoss = lossLayer("GaussianNLLLoss", gaussianNllLoss, parameters);
export type GaussianNLLLoss = InstanceType<typeof GaussianNLLLoss>;

export const gaussianNllLossEntry = lossEntry("gaussianNllLoss", parameters, gaussianNllLoss, GaussianNLLLoss);

/** The variances as floats with as many axes as the predictions. */
function fitVariance(variance: Tensor, x: Tensor): Tensor {
  const negative = findKnown(variance, (value) => value < 0);
  if (negative) {
    throw new DataError(`[gaussianNllLoss] got a negative variance, ${negative.value}`, {
      hint: "Predict its logarithm, and take exp",
    });
  }
  const [full, short] = [shapeText(x.shape), shapeText(x.shape.slice(0, -1))];
  const one = x.rank > 0 && shapeText([...x.shape.slice(0, -1), 1]);
  const given = shapeText(variance.shape);
  if (given === full || given === one) return floats(variance);
  if (x.rank > 0 && given === short) return floats(variance).unsqueeze(-1);
  throw shapeError(
    "gaussianNllLoss",
    `variance ${given} does not fit x ${full}`,
    "Give one variance per element, or one per row",
  );
}
