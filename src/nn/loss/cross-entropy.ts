/** The cross-entropy of a classifier. */
import { arange, type Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { either, range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { checkTargets, type LossOptions, reduce, reductionKind } from "./reduction.js";

export interface CrossEntropyOptions extends LossOptions {
  /**
   * Share ε of the target that is spread evenly over all classes, or a scalar tensor of it, such as a variable assigned
   * between calls of a compiled function. Default 0, range 0 to 1.
   */
  readonly labelSmoothing?: number | Tensor;
}

const options = { reduction: reductionKind, labelSmoothing: either(range(0, 1), tensorKind) };

/**
 * Cross-entropy between the softmax of logits and class indices, computed from the log-softmax, so that large logits
 * neither overflow nor lose precision.
 *
 * Shape: `logits [N, K], targets [N] -> []`, or `[N]` with reduction `none`; further axes as in
 * `logits [N, K, H, W], targets [N, H, W]`.
 * Formula: `loss_n = −(1 − ε) · log p_n[t_n] − ε/K · Σ_k log p_n[k]`, `log p = logSoftmax(logits)`.
 * A target outside 0 … K−1 makes its loss NaN, since values are not known while the graph is built; `DataLoader`
 * refuses such labels before they get here.
 *
 * @param logits scores before the softmax, any float dtype
 * @param targets class indices, i32, from 0 to K − 1
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32
 * @throws ConfigError if an option is out of range
 * @see Szegedy et al. 2016, "Rethinking the Inception Architecture" (label smoothing), arXiv:1512.00567
 * @example
 * const loss = crossEntropy(tensor([[2, 0, 0]]), tensor([0], { dtype: "i32" })); // 0.2395
 */
export const crossEntropy = checked(
  "crossEntropy",
  takes<CrossEntropyOptions>({ logits: tensorKind, targets: tensorKind }, options),
  (logits: Tensor, targets: Tensor, given: CrossEntropyOptions = {}): Tensor => {
    const { reduction = "mean", labelSmoothing = 0 } = given;
    checkTargets("crossEntropy", logits, targets);

    const K = logits.shape[1];
    const logProbabilities = logits.logSoftmax(1);
    const classes = arange(K).reshape([K, ...targets.shape.slice(1).map(() => 1)]);
    const isTarget = targets.unsqueeze(1).eq(classes); // [N, K, ...]
    // A sum with one term instead of a product: the log-probability −∞ of a masked class times a factor 0 would be NaN.
    const ofTarget = isTarget.where(logProbabilities, 0).sum({ dim: 1 }).neg();
    const inRange = targets.ge(0).logicalAnd(targets.lt(K));
    const losses = inRange.where(ofTarget, Number.NaN);
    if (labelSmoothing === 0) return reduce(losses, reduction);
    const ofAll = logProbabilities.mean({ dim: 1 }).neg();
    if (typeof labelSmoothing === "number") {
      return reduce(losses.mul(1 - labelSmoothing).add(ofAll.mul(labelSmoothing)), reduction);
    }
    // Where a class is masked, ofAll is infinite, and a share of 0 times it would be NaN.
    const spread = labelSmoothing.gt(0).where(ofAll.mul(labelSmoothing), 0);
    return reduce(losses.mul(labelSmoothing.neg().add(1)).add(spread), reduction);
  },
);

export const crossEntropyEntry = lossEntry({
  name: "crossEntropy",
  schema: options,
  make: (given: CrossEntropyOptions) => (logits: Tensor, targets: Tensor) => crossEntropy(logits, targets, given),
});
