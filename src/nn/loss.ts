/**
 * Losses and the accuracy of a classifier: functions of predictions and targets. This file must not know modules,
 * optimizers or data sets.
 */
import { arange, type Tensor } from "../tensor/index.js";
import { floats, tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { either, range, word } from "../util/kinds.js";
import { dtypeError, shapeError, shapeText } from "./checks.js";

/** How the losses of a batch become one: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** `mean` (default), `sum`, or `none` for the loss of each element. */
  readonly reduction?: Reduction;
}

export interface CrossEntropyOptions extends LossOptions {
  /**
   * Share ε of the target that is spread evenly over all classes, or a scalar tensor of it, such as a variable that is set
   * between calls of a compiled function. Default 0, range 0 to 1.
   */
  readonly labelSmoothing?: number | Tensor;
}

const reductionKind = word(["mean", "sum", "none"]);

/**
 * Cross-entropy between the softmax of logits and class indices, computed from the log-softmax, so that large logits
 * neither overflow nor lose their digits.
 *
 * Shape: `logits [N, K], targets [N] -> []`, or `[N]` with reduction `none`; further axes as in
 * `logits [N, K, H, W], targets [N, H, W]`.
 * Formula: `loss_n = −(1 − ε) · log p_n[t_n] − ε/K · Σ_k log p_n[k]`, `log p = logSoftmax(logits)`.
 * A target outside 0 … K−1 makes its loss NaN, since values are not known while the graph is built; `DataLoader` refuses
 * such labels before they get here.
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
  takes<CrossEntropyOptions>(
    { logits: tensorKind, targets: tensorKind },
    { reduction: reductionKind, labelSmoothing: either(range(0, 1), tensorKind) },
  ),
  (logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor => {
    const { reduction = "mean", labelSmoothing = 0 } = options;
    checkTargets("crossEntropy", logits, targets);

    const K = logits.shape[1];
    const logProbabilities = logits.logSoftmax(1);
    const classes = arange(K).reshape([K, ...targets.shape.slice(1).map(() => 1)]);
    const isTarget = targets.unsqueeze(1).eq(classes); // [N, K, ...]
    // A sum with one term: a masked class with log-probability −∞ must not meet a factor 0.
    const ofTarget = isTarget.where(logProbabilities, 0).sum({ dim: 1 }).neg();
    const inRange = targets.ge(0).logicalAnd(targets.lt(K));
    const losses = inRange.where(ofTarget, Number.NaN);
    if (labelSmoothing === 0) return reduce(losses, reduction);
    const ofAll = logProbabilities.mean({ dim: 1 }).neg();
    if (typeof labelSmoothing === "number") {
      return reduce(losses.mul(1 - labelSmoothing).add(ofAll.mul(labelSmoothing)), reduction);
    }
    // Where a class is masked, ofAll is infinite, which must not meet a share of 0 either.
    const spread = labelSmoothing.gt(0).where(ofAll.mul(labelSmoothing), 0);
    return reduce(losses.mul(labelSmoothing.neg().add(1)).add(spread), reduction);
  },
);

/**
 * Squared error; integers become f32.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`. Formula: `loss = (x − target)²`.
 *
 * @throws ShapeError if the shapes differ: broadcasting here is almost always a mistake
 * @throws ConfigError if the reduction is unknown
 * @example
 * const loss = mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export const mseLoss = checked(
  "mseLoss",
  takes<LossOptions>({ x: tensorKind, target: tensorKind }, { reduction: reductionKind }),
  (x: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
    if (shapeText(x.shape) !== shapeText(target.shape)) {
      const problem = `shapes differ: x ${shapeText(x.shape)}, target ${shapeText(target.shape)}`;
      const hint =
        x.size === target.size ? "Did you mean target.reshape(x.shape)?" : "Make the target as large as the prediction";
      throw shapeError("mseLoss", problem, hint);
    }
    return reduce(floats(x).sub(target).square(), reduction);
  },
);

/**
 * Share of the rows whose largest logit is the target's; the first of equal ones counts.
 *
 * Shape: `logits [N, K], targets [N] -> []`, f32 from 0 to 1; further axes as in `crossEntropy`.
 *
 * @param targets class indices, i32
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32
 * @example
 * const share = accuracy(tensor([[2, 0], [0, 1]]), tensor([0, 0], { dtype: "i32" })); // 0.5
 */
export const accuracy = checked(
  "accuracy",
  takes({ logits: tensorKind, targets: tensorKind }),
  (logits: Tensor, targets: Tensor): Tensor => {
    checkTargets("accuracy", logits, targets);
    return logits.argmax({ dim: 1 }).eq(targets).to("f32").mean();
  },
);

function checkTargets(op: string, logits: Tensor, targets: Tensor): void {
  if (logits.rank < 2) {
    const problem = `expected logits [N, K], got logits ${shapeText(logits.shape)}`;
    throw shapeError(op, problem, "Add the batch axis with logits.unsqueeze(0)");
  }
  if (targets.dtype !== "i32") {
    const oneHot = shapeText(targets.shape) === shapeText(logits.shape);
    const hint = oneHot ? "Turn one-hot rows into indices with targets.argmax({ dim: 1 })" : 'Use targets.to("i32")';
    throw dtypeError(op, `expected class indices of dtype i32, got targets ${targets.dtype}`, hint);
  }
  const needed = logits.shape.filter((_, axis) => axis !== 1);
  if (shapeText(targets.shape) !== shapeText(needed)) {
    const problem = `expected targets ${shapeText(needed)} for logits ${shapeText(logits.shape)}`;
    const sameSize = targets.size === logits.size / logits.shape[1];
    const hint = sameSize ? "Reshape the targets" : "Give each row one class index";
    throw shapeError(op, `${problem}, got targets ${shapeText(targets.shape)}`, hint);
  }
}

function reduce(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}
