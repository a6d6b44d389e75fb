/** Losses of the overlap of predicted and true regions, for segmentation. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { type Kind, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";
import { powerOf } from "./stable.js";

/** Options of the losses of overlap. */
export interface OverlapOptions extends LossOptions {
  /** Added to numerator and denominator, so that two empty regions overlap. Default 1, range ≥ 0. */
  readonly smooth?: number;
}

const notNegative: Kind = range(0, Number.POSITIVE_INFINITY);
const overlapParameters = takes<OverlapOptions>(pair, { smooth: notNegative, reduction: reductionKind });

/** Sums over the pixels of each sample and class, `[N, C]`: of what is in both regions, and in one of them only. */
function overlaps(op: string, prediction: Tensor, expected: Tensor) {
  const { x, target } = sameShaped(op, prediction, expected);
  if (x.rank < 3) {
    const hint = "Give the pixels axes of their own, such as x.reshape([N, 1, pixels])";
    throw shapeError(op, `expected x [N, C, ...], got x ${shapeText(x.shape)}`, hint);
  }
  const dim = x.shape.slice(2).map((_, i) => i + 2);
  const both = x.mul(target).sum({ dim });
  return { both, predicted: x.sum({ dim }).sub(both), missed: target.sum({ dim }).sub(both) };
}

/**
 * Dice loss: one minus the overlap of two regions, relative to the mean of their sizes (the F1 score of pixels).
 *
 * Shape: `x, target [N, C, ...] -> []`, or `[N, C]` with reduction `none`.
 * Formula: `loss = 1 − (2 Σ x·t + smooth) / (Σ x + Σ t + smooth)`, sums over the pixels.
 *
 * @param x probabilities, such as `logits.sigmoid()` or `logits.softmax(1)`
 * @param target 1 within the region, else 0
 * @throws ShapeError if the shapes differ or there are no axes of pixels
 * @see Milletari et al. 2016, "V-Net", arXiv:1606.04797
 * @example
 * const loss = diceLoss(tensor([[[1, 1, 0]]]), tensor([[[0, 1, 1]]])); // 0.4
 */
export const diceLoss = checked(
  "diceLoss",
  overlapParameters,
  (x: Tensor, target: Tensor, { smooth = 1, reduction = "mean" }: OverlapOptions = {}): Tensor => {
    const { both, predicted, missed } = overlaps("diceLoss", x, target);
    const twice = both.mul(2);
    return reduce(one(twice.add(smooth).div(twice.add(predicted).add(missed).add(smooth))), reduction);
  },
);

/**
 * Soft Jaccard loss: one minus intersection over union of two regions.
 *
 * Shape: `x, target [N, C, ...] -> []`, or `[N, C]` with reduction `none`.
 * Formula: `loss = 1 − (Σ x·t + smooth) / (Σ x + Σ t − Σ x·t + smooth)`, sums over the pixels.
 *
 * @param x probabilities, such as `logits.sigmoid()` or `logits.softmax(1)`
 * @param target 1 within the region, else 0
 * @throws ShapeError if the shapes differ or there are no axes of pixels
 * @see Rahman & Wang 2016, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation"
 * @example
 * const loss = jaccardLoss(tensor([[[1, 1, 0]]]), tensor([[[0, 1, 1]]])); // 0.5
 */
export const jaccardLoss = checked(
  "jaccardLoss",
  overlapParameters,
  (x: Tensor, target: Tensor, { smooth = 1, reduction = "mean" }: OverlapOptions = {}): Tensor => {
    const { both, predicted, missed } = overlaps("jaccardLoss", x, target);
    return reduce(one(both.add(smooth).div(both.add(predicted).add(missed).add(smooth))), reduction);
  },
);

export interface TverskyLossOptions extends OverlapOptions {
  /** Weight of pixels that are predicted and should not be. Default 0.3, range ≥ 0. */
  readonly alpha?: number;
  /** Weight of pixels that are missed. Default 0.7, range ≥ 0. */
  readonly beta?: number;
}

const tverskyKinds = { alpha: notNegative, beta: notNegative, smooth: notNegative, reduction: reductionKind };

function tversky(op: string, x: Tensor, target: Tensor, options: TverskyLossOptions): Tensor {
  const { alpha = 0.3, beta = 0.7, smooth = 1 } = options;
  const { both, predicted, missed } = overlaps(op, x, target);
  const union = both.add(predicted.mul(alpha)).add(missed.mul(beta));
  return one(both.add(smooth).div(union.add(smooth)));
}

/**
 * Tversky loss: Dice loss in which missed pixels may weigh more than superfluous ones; of equal weights ½ it is the Dice
 * loss, with half of `smooth`.
 *
 * Shape: `x, target [N, C, ...] -> []`, or `[N, C]` with reduction `none`.
 * Formula: `loss = 1 − (TP + smooth) / (TP + α · FP + β · FN + smooth)`, `TP = Σ x·t`, `FP = Σ x·(1 − t)`,
 * `FN = Σ (1 − x)·t`.
 *
 * @param x probabilities, such as `logits.sigmoid()` or `logits.softmax(1)`
 * @param target 1 within the region, else 0
 * @throws ShapeError if the shapes differ or there are no axes of pixels
 * @see Salehi et al. 2017, "Tversky Loss Function for Image Segmentation", arXiv:1706.05721
 * @example
 * const loss = tverskyLoss(tensor([[[1, 1, 0]]]), tensor([[[0, 1, 1]]])); // 0.3333
 */
export const tverskyLoss = checked(
  "tverskyLoss",
  takes<TverskyLossOptions>(pair, tverskyKinds),
  (x: Tensor, target: Tensor, options: TverskyLossOptions = {}): Tensor =>
    reduce(tversky("tverskyLoss", x, target, options), options.reduction ?? "mean"),
);

export interface FocalTverskyLossOptions extends TverskyLossOptions {
  /** Exponent γ of the Tversky loss: below 1 regions that overlap well already count more. Default 0.75, range ≥ 0. */
  readonly gamma?: number;
}

const focalParameters = takes<FocalTverskyLossOptions>(pair, { gamma: notNegative, ...tverskyKinds });

/**
 * Focal Tversky loss: a power of the Tversky loss, for small regions.
 *
 * Shape: `x, target [N, C, ...] -> []`, or `[N, C]` with reduction `none`. Formula: `loss = tverskyLoss^γ`.
 *
 * @param x probabilities, such as `logits.sigmoid()` or `logits.softmax(1)`
 * @param target 1 within the region, else 0
 * @throws ShapeError if the shapes differ or there are no axes of pixels
 * @see Abraham & Khan 2019, "A Novel Focal Tversky Loss Function with Improved Attention U-Net", arXiv:1810.07842
 * @example
 * const loss = focalTverskyLoss(tensor([[[1, 1, 0]]]), tensor([[[0, 1, 1]]])); // 0.4387
 */
export const focalTverskyLoss = checked(
  "focalTverskyLoss",
  focalParameters,
  (x: Tensor, target: Tensor, options: FocalTverskyLossOptions = {}): Tensor => {
    const { gamma = 0.75, reduction = "mean" } = options;
    return reduce(powerOf(tversky("focalTverskyLoss", x, target, options), gamma), reduction);
  },
);

/** 1 − x. */
const one = (x: Tensor): Tensor => x.neg().add(1);

export const diceLossEntry = lossEntry("diceLoss", overlapParameters, diceLoss);
export const jaccardLossEntry = lossEntry("jaccardLoss", overlapParameters, jaccardLoss);
export const tverskyLossEntry = lossEntry("tverskyLoss", takes<TverskyLossOptions>(pair, tverskyKinds), tverskyLoss);
export const focalTverskyLossEntry = lossEntry("focalTverskyLoss", focalParameters, focalTverskyLoss);
