/** The cross-entropy of several labels. */

import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable } from "../../util/kinds.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped, weighted } from "./reduction.js";

export interface MultilabelSoftMarginLossOptions extends LossOptions {
  /** Weights of the classes, `[K]`. Default 1 each. */
  readonly weight?: Tensor | null;
}

const parameters = takes<MultilabelSoftMarginLossOptions>(pair, {
  weight: nullable(tensorKind),
  reduction: reductionKind,
});

/**
 * Cross-entropy of several labels per sample: the mean over classes of `binaryCrossEntropyWithLogits`.
 *
 * Shape: `x, target [..., K] of one shape -> []`, or `[...]` with reduction `none`.
 * Formula: `loss_n = −1/K · Σ_k w_k · (t · log σ(x) + (1 − t) · log σ(−x))`.
 *
 * @param prediction x, logits
 * @param expected target, 1 for the labels of a sample, else 0
 * @throws ShapeError if the shapes do not fit together
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_soft_margin_loss.html
 * @example
 * const loss = multilabelSoftMarginLoss(tensor([[0, 2]]), tensor([[1, 0]])); // 1.41
 */
export const multilabelSoftMarginLoss = checked(
  "multilabelSoftMarginLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: MultilabelSoftMarginLossOptions = {}): Tensor => {
    const { weight, reduction = "mean" } = options;
    const { x, target } = sameShaped("multilabelSoftMarginLoss", prediction, expected);
    if (x.rank === 0)
      throw shapeError("multilabelSoftMarginLoss", "expected x [..., K], got a scalar", "Add the axis of classes");
    const ofClasses = target.mul(log1pExp(x.neg())).add(target.neg().add(1).mul(log1pExp(x)));
    return reduce(weighted("multilabelSoftMarginLoss", ofClasses, weight).mean({ dim: -1 }), reduction);
  },
);

/**
 * The layer of `multilabelSoftMarginLoss`.
 *
 * Shape: `x, target [..., K] of one shape -> []`.
 *
 * @example
 * const loss = new MultiLabelSoftMarginLoss()(tensor([[0, 2]]), tensor([[1, 0]])); // 1.41
 */
export const MultiLabelSoftMarginLoss = lossLayer("MultiLabelSoftMarginLoss", multilabelSoftMarginLoss, parameters);
export type MultiLabelSoftMarginLoss = InstanceType<typeof MultiLabelSoftMarginLoss>;

export const multilabelSoftMarginLossEntry = lossEntry(
  "multilabelSoftMarginLoss",
  parameters,
  multilabelSoftMarginLoss,
  MultiLabelSoftMarginLoss,
);
