/** The negative log-likelihood of classes. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable, whole } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, reduceWeighted, reductionKind } from "./reduction.js";
import { alongClasses, checkClasses, checkTargets, classMask, IGNORED, inClasses } from "./targets.js";

export interface NllLossOptions extends LossOptions {
  /** Weights of the classes, `[K]`; the mean divides by the sum of the weights of the targets. Default 1 each. */
  readonly weight?: Tensor | null;
  /** Target of samples that have no loss and do not count in the mean. Default −100. */
  readonly ignoreIndex?: number;
}

const parameters = takes<NllLossOptions>(
  { logProbabilities: tensorKind, targets: tensorKind },
  { weight: nullable(tensorKind), ignoreIndex: whole, reduction: reductionKind },
);

/** Losses of samples, and the weights by which their mean divides the sum. */
export interface ClassLosses {
  readonly losses: Tensor;
  readonly weights: Tensor;
  /** False where the target is the ignored index. */
  readonly isCounted: Tensor;
}

/** The negative log-probabilities of the targets, times the weights of their classes. The targets must be checked. */
export function classLosses(
  op: string,
  logProbabilities: Tensor,
  targets: Tensor,
  options: NllLossOptions,
): ClassLosses {
  const { weight = null, ignoreIndex = IGNORED } = options;
  const K = logProbabilities.shape[1];
  checkClasses(op, targets, K, ignoreIndex);
  const isTarget = classMask(targets, K); // [N, K, ...]
  // A sum with one term instead of a product: the log-probability −∞ of a masked class times a factor 0 would be NaN.
  const ofTarget = isTarget.where(logProbabilities, 0).sum({ dim: 1 }).neg();
  const isCounted = targets.ne(ignoreIndex);
  const ofClass = weight && isTarget.where(alongClasses(op, weight, logProbabilities), 0).sum({ dim: 1 });
  const losses = inClasses(targets, K).where(ofClass ? ofTarget.mul(ofClass) : ofTarget, Number.NaN);
  return {
    losses: isCounted.where(losses, 0),
    weights: ofClass ? isCounted.where(ofClass, 0) : isCounted.to(logProbabilities.dtype),
    isCounted,
  };
}

/**
 * Negative log-likelihood of class indices, given log-probabilities; `crossEntropy` takes logits.
 *
 * Shape: `logProbabilities [N, K], targets [N] -> []`, or `[N]` with reduction `none`; further axes as in
 * `logProbabilities [N, K, H, W], targets [N, H, W]`.
 * Formula: `loss_n = −w[t_n] · log p_n[t_n]`, `mean = Σ_n loss_n / Σ_n w[t_n]`.
 * A target that is neither a class nor ignored is an error where its value is known; in a compiled function its loss is
 * NaN.
 *
 * @param logProbabilities such as `logits.logSoftmax(1)`
 * @param targets class indices, i32, from 0 to K − 1, or `ignoreIndex`
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32; DataError if a target is
 * no class
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html
 * @example
 * const loss = nllLoss(tensor([[2, 0, 0]]).logSoftmax(1), tensor([0], { dtype: "i32" })); // 0.2395
 */
export const nllLoss = checked(
  "nllLoss",
  parameters,
  (logProbabilities: Tensor, targets: Tensor, options: NllLossOptions = {}): Tensor => {
    checkTargets("nllLoss", logProbabilities, targets);
    const { losses, weights } = classLosses("nllLoss", floats(logProbabilities), targets, options);
    return reduceWeighted(losses, weights, options.reduction ?? "mean");
  },
);

/**
 * The layer of `nllLoss`.
 *
 * Shape: `logProbabilities [N, K, ...], targets [N, ...] -> []`.
 *
 * @example
 * const loss = new NLLLoss({ reduction: "sum" })(tensor([[2, 0, 0]]).logSoftmax(1), tensor([0], { dtype: "i32" })); // 0.2395
 */
export const NLLLoss = lossLayer("NLLLoss", nllLoss, parameters);
export type NLLLoss = InstanceType<typeof NLLLoss>;

export const nllLossEntry = lossEntry("nllLoss", parameters, nllLoss, NLLLoss);
