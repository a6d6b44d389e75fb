/** The cross-entropy of a classifier. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { either, nullable, range, whole } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { classLosses, type NllLossOptions } from "./nll.js";
import { checkShapeOf, reduce, reduceWeighted, reductionKind } from "./reduction.js";
import { alongClasses, checkLogits, checkTargets } from "./targets.js";

export interface CrossEntropyOptions extends NllLossOptions {
  /**
   * Share ε of the target that is spread evenly over all classes, or a scalar tensor of it, such as a variable assigned
   * between calls of a compiled function. Default 0, range 0 to 1.
   */
  readonly labelSmoothing?: number | Tensor;
}

const parameters = takes<CrossEntropyOptions>(
  { logits: tensorKind, targets: tensorKind },
  {
    weight: nullable(tensorKind),
    ignoreIndex: whole,
    reduction: reductionKind,
    labelSmoothing: either(range(0, 1), tensorKind),
  },
);

/**
 * Cross-entropy between the softmax of logits and class indices or probabilities, computed from the log-softmax, so that
 * large logits neither overflow nor lose precision.
 *
 * Shape: `logits [N, K], targets [N] -> []`, or `[N]` with reduction `none`; further axes as in
 * `logits [N, K, H, W], targets [N, H, W]`. Probabilities have the shape of the logits.
 * Formula: `loss_n = −Σ_k w_k · q_n[k] · log p_n[k]`, `log p = logSoftmax(logits)`, where q is 1 − ε at the target (or
 * times its probabilities) plus ε/K everywhere. For indices, `mean = Σ_n loss_n / Σ_n w[t_n]`.
 * A target that is neither a class nor ignored is an error where its value is known; in a compiled function its loss is
 * NaN.
 *
 * @param logits scores before the softmax
 * @param targets class indices, i32, from 0 to K − 1, or `ignoreIndex`; or probabilities of the classes, floats
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are neither; DataError if a target is
 * no class
 * @throws ConfigError if an option is out of range, or `ignoreIndex` is set for probabilities
 * @see Szegedy et al. 2016, "Rethinking the Inception Architecture" (label smoothing), arXiv:1512.00567
 * @example
 * const loss = crossEntropy(tensor([[2, 0, 0]]), tensor([0], { dtype: "i32" })); // 0.2395
 */
export const crossEntropy = checked(
  "crossEntropy",
  parameters,
  (logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor => {
    checkLogits("crossEntropy", logits);
    if (floats(targets) === targets && targets.rank === logits.rank) return ofProbabilities(logits, targets, options);
    checkTargets("crossEntropy", logits, targets);
    const { weight, labelSmoothing = 0, reduction = "mean" } = options;
    const logProbabilities = logits.logSoftmax(1);
    const { losses, weights, isCounted } = classLosses("crossEntropy", logProbabilities, targets, options);
    if (labelSmoothing === 0) return reduceWeighted(losses, weights, reduction);
    const weighted = weight ? logProbabilities.mul(alongClasses("crossEntropy", weight, logits)) : logProbabilities;
    const ofAll = isCounted.where(weighted.mean({ dim: 1 }).neg(), 0);
    if (typeof labelSmoothing === "number") {
      return reduceWeighted(losses.mul(1 - labelSmoothing).add(ofAll.mul(labelSmoothing)), weights, reduction);
    }
    // Where a class is masked, ofAll is infinite, and a share of 0 times it would be NaN.
    const spread = labelSmoothing.gt(0).where(ofAll.mul(labelSmoothing), 0);
    return reduceWeighted(losses.mul(labelSmoothing.neg().add(1)).add(spread), weights, reduction);
  },
);

function ofProbabilities(logits: Tensor, targets: Tensor, options: CrossEntropyOptions): Tensor {
  const { weight, ignoreIndex, labelSmoothing = 0, reduction = "mean" } = options;
  checkShapeOf("crossEntropy", "targets", targets, logits.shape);
  if (ignoreIndex !== undefined) {
    throw configError("crossEntropy", "ignoreIndex has no meaning for targets that are probabilities", "Leave it out");
  }
  const logProbabilities = logits.logSoftmax(1);
  const keep = typeof labelSmoothing === "number" ? 1 - labelSmoothing : labelSmoothing.neg().add(1);
  const spread =
    typeof labelSmoothing === "number" ? labelSmoothing / logits.shape[1] : labelSmoothing.div(logits.shape[1]);
  const smooth = labelSmoothing === 0 ? targets : targets.mul(keep).add(spread);
  // A masked class has the log-probability −∞, which times the probability 0 would be NaN.
  const isMasked = logProbabilities.eq(Number.NEGATIVE_INFINITY).logicalAnd(smooth.eq(0));
  const terms = smooth.mul(isMasked.where(0, logProbabilities)); // [N, K, ...]
  const weighted = weight ? terms.mul(alongClasses("crossEntropy", weight, logits)) : terms;
  return reduce(weighted.sum({ dim: 1 }).neg(), reduction);
}

/**
 * The layer of `crossEntropy`.
 *
 * Shape: `logits [N, K, ...], targets [N, ...] -> []`.
 *
 * @example
 * const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 })(tensor([[2, 0, 0]]), tensor([0], { dtype: "i32" })); // 0.3729
 */
export const CrossEntropyLoss = lossLayer("CrossEntropyLoss", crossEntropy, parameters);
export type CrossEntropyLoss = InstanceType<typeof CrossEntropyLoss>;

export const crossEntropyEntry = lossEntry("crossEntropy", parameters, crossEntropy, CrossEntropyLoss);
