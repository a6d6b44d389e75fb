/** The hinge loss of several classes. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { finite, type Kind, nullable } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, reduce, reductionKind } from "./reduction.js";
import { alongClasses, checkClasses, checkTargets, classMask, inClasses } from "./targets.js";

export interface MultiMarginLossOptions extends LossOptions {
  /** Exponent of the hinge: 1, or 2 for the squared hinge. Default 1. */
  readonly p?: 1 | 2;
  /** Margin Δ by which the score of the target is to exceed the others. Default 1. */
  readonly margin?: number;
  /** Weights of the classes, `[K]`: factors of the losses of their samples. Default 1 each. */
  readonly weight?: Tensor | null;
}

const oneOrTwo: Kind = { name: "1 or 2", accepts: (value) => value === 1 || value === 2 };

const parameters = takes<MultiMarginLossOptions>(
  { logits: tensorKind, targets: tensorKind },
  { p: oneOrTwo, margin: finite, weight: nullable(tensorKind), reduction: reductionKind },
);

/**
 * Multiclass hinge loss, that of a support vector machine: each score is to be lower than the target's by a margin.
 *
 * Shape: `logits [N, K], targets [N] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss_n = w[t_n] / K · Σ_{k ≠ t_n} max(0, margin − x_n[t_n] + x_n[k])^p`.
 * A target that is no class is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param logits scores
 * @param targets class indices, i32, from 0 to K − 1
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32; DataError if a target is
 * no class
 * @see Crammer & Singer 2001, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines"
 * @example
 * const loss = multiMarginLoss(tensor([[2, 1.5, 0]]), tensor([0], { dtype: "i32" })); // 0.1667
 */
export const multiMarginLoss = checked(
  "multiMarginLoss",
  parameters,
  (logits: Tensor, targets: Tensor, options: MultiMarginLossOptions = {}): Tensor => {
    const { p = 1, margin = 1, weight, reduction = "mean" } = options;
    checkTargets("multiMarginLoss", logits, targets);
    const K = logits.shape[1];
    checkClasses("multiMarginLoss", targets, K);
    const x = floats(logits);
    const isTarget = classMask(targets, K); // [N, K]
    const ofTarget = isTarget.where(x, 0).sum({ dim: 1, keepdim: true });
    const hinge = x.sub(ofTarget).add(margin).relu();
    const terms = isTarget.where(0, p === 2 ? hinge.square() : hinge);
    const losses = terms.sum({ dim: 1 }).div(K); // [N]
    const ofClass = weight && isTarget.where(alongClasses("multiMarginLoss", weight, x), 0).sum({ dim: 1 });
    return reduce(inClasses(targets, K).where(ofClass ? losses.mul(ofClass) : losses, Number.NaN), reduction);
  },
);

/**
 * The layer of `multiMarginLoss`.
 *
 * Shape: `logits [N, K], targets [N] -> []`.
 *
 * @example
 * const loss = new MultiMarginLoss({ p: 2 })(tensor([[2, 1.5, 0]]), tensor([0], { dtype: "i32" })); // 0.0833
 */
export const MultiMarginLoss = lossLayer("MultiMarginLoss", multiMarginLoss, parameters);
export type MultiMarginLoss = InstanceType<typeof MultiMarginLoss>;

export const multiMarginLossEntry = lossEntry("multiMarginLoss", parameters, multiMarginLoss, MultiMarginLoss);
