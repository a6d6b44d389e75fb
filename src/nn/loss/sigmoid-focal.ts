/** The focal loss of yes or no decisions. */

import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable, range } from "../../util/kinds.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";
import { powerOf } from "./stable.js";

export interface SigmoidFocalLossOptions extends LossOptions {
  /** Weight of yes; no has 1 − α. Null: 1 for both. Default 0.25, range 0 to 1. */
  readonly alpha?: number | null;
  /** Exponent γ of the factor that lowers the loss of what is right already. Default 2, range ≥ 0. */
  readonly gamma?: number;
}

const parameters = takes<SigmoidFocalLossOptions>(pair, {
  alpha: nullable(range(0, 1)),
  gamma: range(0, Number.POSITIVE_INFINITY),
  reduction: reductionKind,
});

/**
 * Cross-entropy of independent yes or no decisions in which easy samples count little, so that the many easy ones of a
 * detector do not hide the few hard ones.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = −α_t · (1 − p_t)^γ · log p_t`, where `p_t = σ(x)` for yes and `1 − σ(x)` for no, `α_t` α and 1 − α.
 *
 * @param prediction x, logits
 * @param expected target, 1 or 0, or probabilities between them, for which p_t, α_t and the cross-entropy are interpolated
 * @throws ShapeError if the shapes differ; ConfigError if an option is out of range
 * @see Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002
 * @example
 * const loss = sigmoidFocalLoss(tensor([0, 2]), tensor([1, 0])); // 0.6404
 */
export const sigmoidFocalLoss = checked(
  "sigmoidFocalLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: SigmoidFocalLossOptions = {}): Tensor => {
    const { alpha = 0.25, gamma = 2, reduction = "mean" } = options;
    const { x, target } = sameShaped("sigmoidFocalLoss", prediction, expected);
    const no = target.neg().add(1);
    const entropy = target.mul(log1pExp(x.neg())).add(no.mul(log1pExp(x)));
    const wrong = target.mul(x.neg().sigmoid()).add(no.mul(x.sigmoid())); // 1 − p_t without cancellation
    const losses = powerOf(wrong, gamma).mul(entropy);
    return reduce(alpha === null ? losses : losses.mul(target.mul(alpha).add(no.mul(1 - alpha))), reduction);
  },
);

export const sigmoidFocalLossEntry = lossEntry("sigmoidFocalLoss", parameters, sigmoidFocalLoss);
