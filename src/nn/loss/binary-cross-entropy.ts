/** The cross-entropy of probabilities. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped, weighted } from "./reduction.js";

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Factors of the losses, of a shape that broadcasts to theirs. Default 1. */
  readonly weight?: Tensor | null;
}

const parameters = takes<BinaryCrossEntropyOptions>(pair, { weight: nullable(tensorKind), reduction: reductionKind });

/**
 * Cross-entropy of probabilities of yes and no. `binaryCrossEntropyWithLogits` is more precise where there are logits.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = −w · (t · log x + (1 − t) · log(1 − x))`, logarithms limited to −100. A probability outside 0 to 1
 * gives NaN.
 *
 * @param prediction x, probabilities, from 0 to 1
 * @param expected target, probabilities, from 0 to 1
 * @throws ShapeError if the shapes do not fit together
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html
 * @example
 * const loss = binaryCrossEntropy(tensor([0.5, 0.75]), tensor([1, 0])); // 1.0397
 */
export const binaryCrossEntropy = checked(
  "binaryCrossEntropy",
  parameters,
  (prediction: Tensor, expected: Tensor, options: BinaryCrossEntropyOptions = {}): Tensor => {
    const { weight, reduction = "mean" } = options;
    const { x, target } = sameShaped("binaryCrossEntropy", prediction, expected);
    const ofYes = target.mul(limitedLog(x));
    const ofNo = target
      .neg()
      .add(1)
      .mul(limitedLog(x.neg().add(1)));
    return reduce(weighted("binaryCrossEntropy", ofYes.add(ofNo).neg(), weight), reduction);
  },
);

/**
 * The layer of `binaryCrossEntropy`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new BCELoss({ reduction: "sum" })(tensor([0.5, 0.75]), tensor([1, 0])); // 2.0794
 */
export const BCELoss = lossLayer("BCELoss", binaryCrossEntropy, parameters);
export type BCELoss = InstanceType<typeof BCELoss>;

export const binaryCrossEntropyEntry = lossEntry("binaryCrossEntropy", parameters, binaryCrossEntropy, BCELoss);

/** `max(log p, −100)`; at 0 the gradient is 1e12, as in PyTorch, so that a saturated probability is still trained. */
function limitedLog(p: Tensor): Tensor {
  const isZero = p.eq(0);
  const log = isZero.where(1, p).log();
  return isZero.where(p.mul(1e12).sub(100), log.lt(-100).where(-100, log));
}
