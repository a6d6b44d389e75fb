/** The cross-entropy of the sigmoid of logits. */

import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable } from "../../util/kinds.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped, weighted } from "./reduction.js";

export interface BinaryCrossEntropyWithLogitsOptions extends LossOptions {
  /** Factors of the losses, of a shape that broadcasts to theirs. Default 1. */
  readonly weight?: Tensor | null;
  /** Factors of the losses of yes, such as `[K]` for K labels: above 1 favours recall over precision. Default 1. */
  readonly posWeight?: Tensor | null;
}

const parameters = takes<BinaryCrossEntropyWithLogitsOptions>(pair, {
  weight: nullable(tensorKind),
  reduction: reductionKind,
  posWeight: nullable(tensorKind),
});

/**
 * Cross-entropy of independent yes or no decisions, from logits, so that nothing overflows: several labels per sample,
 * or one of two classes.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = −w · (posWeight · t · log σ(x) + (1 − t) · log σ(−x))`.
 *
 * @param prediction x, logits
 * @param expected target, probabilities, from 0 to 1
 * @throws ShapeError if the shapes do not fit together
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
 * @example
 * const loss = binaryCrossEntropyWithLogits(tensor([0, 2]), tensor([1, 0])); // 1.41
 */
export const binaryCrossEntropyWithLogits = checked(
  "binaryCrossEntropyWithLogits",
  parameters,
  (prediction: Tensor, expected: Tensor, options: BinaryCrossEntropyWithLogitsOptions = {}): Tensor => {
    const { weight, posWeight, reduction = "mean" } = options;
    const { x, target } = sameShaped("binaryCrossEntropyWithLogits", prediction, expected);
    const ofNo = target.neg().add(1).mul(log1pExp(x));
    const yes = target.mul(log1pExp(x.neg()));
    const ofYes = weighted("binaryCrossEntropyWithLogits", yes, posWeight, "posWeight");
    return reduce(weighted("binaryCrossEntropyWithLogits", ofYes.add(ofNo), weight), reduction);
  },
);

/**
 * The layer of `binaryCrossEntropyWithLogits`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new BCEWithLogitsLoss({ posWeight: tensor([3, 1]) })(tensor([[0, 2]]), tensor([[1, 0]])); // 2.1032
 */
export const BCEWithLogitsLoss = lossLayer("BCEWithLogitsLoss", binaryCrossEntropyWithLogits, parameters);
export type BCEWithLogitsLoss = InstanceType<typeof BCEWithLogitsLoss>;

export const binaryCrossEntropyWithLogitsEntry = lossEntry(
  "binaryCrossEntropyWithLogits",
  parameters,
  binaryCrossEntropyWithLogits,
  BCEWithLogitsLoss,
);
