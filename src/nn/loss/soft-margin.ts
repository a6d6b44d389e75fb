/** The logistic loss of signs. */

import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

const parameters = takes<LossOptions>(pair, { reduction: reductionKind });

/**
 * Logistic loss of scores whose targets are signs.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`. Formula: `loss = log(1 + exp(−t·x))`, t =
 * ±1.
 *
 * @throws ShapeError if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html
 * @example
 * const loss = softMarginLoss(tensor([2, -1]), tensor([1, -1])); // 0.2201
 */
export const softMarginLoss = checked(
  "softMarginLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: LossOptions = {}): Tensor => {
    const { x, target } = sameShaped("softMarginLoss", prediction, expected);
    return reduce(log1pExp(x.mul(target).neg()), options.reduction ?? "mean");
  },
);

/**
 * The layer of `softMarginLoss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new SoftMarginLoss()(tensor([2, -1]), tensor([1, -1])); // 0.2201
 */
export const SoftMarginLoss = lossLayer("SoftMarginLoss", softMarginLoss, parameters);
export type SoftMarginLoss = InstanceType<typeof SoftMarginLoss>;

export const softMarginLossEntry = lossEntry("softMarginLoss", parameters, softMarginLoss, SoftMarginLoss);
