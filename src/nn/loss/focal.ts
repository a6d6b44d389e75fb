/** The focal loss of a classifier. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable, range, whole } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { classLosses } from "./nll.js";
import { type LossOptions, reduceWeighted, reductionKind } from "./reduction.js";
import { powerOf } from "./stable.js";
import { checkTargets, classMask } from "./targets.js";

export interface FocalLossOptions extends LossOptions {
  /** Exponent γ of the factor that lowers the loss of what is right already. Default 2, range ≥ 0. */
  readonly gamma?: number;
  /** Weights of the classes, `[K]`; the mean divides by the number of samples. Default 1 each. */
  readonly weight?: Tensor | null;
  /** Target of samples that have no loss and do not count in the mean. Default −100. */
  readonly ignoreIndex?: number;
}

const parameters = takes<FocalLossOptions>(
  { logits: tensorKind, targets: tensorKind },
  {
    gamma: range(0, Number.POSITIVE_INFINITY),
    weight: nullable(tensorKind),
    ignoreIndex: whole,
    reduction: reductionKind,
  },
);

/**
 * Cross-entropy of a softmax in which easy samples count little.
 *
 * Shape: `logits [N, K], targets [N] -> []`, or `[N]` with reduction `none`; further axes as in `crossEntropy`.
 * Formula: `loss_n = −w[t_n] · (1 − p_n[t_n])^γ · log p_n[t_n]`, `p = softmax(logits)`.
 * A target that is neither a class nor ignored is an error where its value is known; in a compiled function its loss is
 * NaN.
 *
 * @param logits scores before the softmax
 * @param targets class indices, i32, from 0 to K − 1, or `ignoreIndex`
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32; DataError if a target is
 * no class
 * @see Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002
 * @example
 * const loss = focalLoss(tensor([[2, 0, 0]]), tensor([0], { dtype: "i32" })); // 0.0109
 */
export const focalLoss = checked(
  "focalLoss",
  parameters,
  (logits: Tensor, targets: Tensor, options: FocalLossOptions = {}): Tensor => {
    const { gamma = 2, reduction = "mean" } = options;
    checkTargets("focalLoss", logits, targets);
    const { losses, isCounted } = classLosses("focalLoss", logits.logSoftmax(1), targets, options);
    const others = classMask(targets, logits.shape[1]).where(0, logits.softmax(1));
    const wrong = others.sum({ dim: 1 }); // 1 − p_t without cancellation
    return reduceWeighted(powerOf(wrong, gamma).mul(losses), isCounted.to(losses.dtype), reduction);
  },
);

export const focalLossEntry = lossEntry("focalLoss", parameters, focalLoss);
