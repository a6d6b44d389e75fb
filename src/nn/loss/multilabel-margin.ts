/** The hinge loss of several labels. */
import { arange, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { checkIndices, checkRank, checkSameShape, type LossOptions, reduce, reductionKind } from "./reduction.js";
import { checkClasses } from "./targets.js";

const parameters = takes<LossOptions>({ logits: tensorKind, targets: tensorKind }, { reduction: reductionKind });

/**
 * Hinge loss of several labels per sample: the score of each label is to exceed that of each other class by 1.
 *
 * Shape: `logits, targets [N, K] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss_n = 1/K · Σ_{j ∈ labels} Σ_{i ∉ labels} max(0, 1 − (x[j] − x[i]))`.
 * An index that is no class is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param logits scores
 * @param targets in each row the indices of its labels, i32, up to the first −1
 * @throws ShapeError if the shapes differ; DTypeError if the targets are not i32; DataError if a target is no class
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_margin_loss.html
 * @example
 * const loss = multilabelMarginLoss(tensor([[0.5, 0.25, 1]]), tensor([[2, 0, -1]], { dtype: "i32" })); // 0.3333
 */
export const multilabelMarginLoss = checked(
  "multilabelMarginLoss",
  parameters,
  (logits: Tensor, targets: Tensor, options: LossOptions = {}): Tensor => {
    checkRank("multilabelMarginLoss", "logits", logits, 2, "[N, K]");
    checkSameShape("multilabelMarginLoss", { logits, targets });
    checkIndices("multilabelMarginLoss", "targets", targets);
    const K = logits.shape[1];
    checkClasses("multilabelMarginLoss", targets, K, -1);
    const x = floats(logits);
    // A label counts if there is no −1 before it: [N, j], from a mask [N, j, i] of those at or before j.
    const before = arange(K).unsqueeze(1).ge(arange(K).unsqueeze(0));
    const ended = targets.unsqueeze(1).lt(0).logicalAnd(before);
    const counts = ended.sum({ dim: 2 }).eq(0);
    const places = targets.unsqueeze(2).eq(arange(K)); // [N, j, K]
    const isLabel = places.logicalAnd(counts.unsqueeze(2)).sum({ dim: 1 }).gt(0); // [N, K]
    const ofLabel = places.where(x.unsqueeze(1), 0).sum({ dim: 2 }); // [N, j]
    const hinge = x.unsqueeze(1).sub(ofLabel.unsqueeze(2)).add(1).relu(); // [N, j, K]
    const terms = counts.unsqueeze(2).logicalAnd(isLabel.logicalNot().unsqueeze(1)).where(hinge, 0);
    const isWrong = targets.lt(-1).logicalOr(targets.ge(K)).sum({ dim: 1 }).gt(0); // [N]
    const losses = terms.sum({ dim: [1, 2] }).div(K); // [N]
    return reduce(isWrong.where(Number.NaN, losses), options.reduction ?? "mean");
  },
);

/**
 * The layer of `multilabelMarginLoss`.
 *
 * Shape: `logits, targets [N, K] -> []`.
 *
 * @example
 * const loss = new MultiLabelMarginLoss()(tensor([[0.5, 0.25, 1]]), tensor([[2, 0, -1]], { dtype: "i32" })); // 0.3333
 */
export const MultiLabelMarginLoss = lossLayer("MultiLabelMarginLoss", multilabelMarginLoss, parameters);
export type MultiLabelMarginLoss = InstanceType<typeof MultiLabelMarginLoss>;

export const multilabelMarginLossEntry = lossEntry(
  "multilabelMarginLoss",
  parameters,
  multilabelMarginLoss,
  MultiLabelMarginLoss,
);
