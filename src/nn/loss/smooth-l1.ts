/** The absolute error with a smooth minimum. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

export interface SmoothL1LossOptions extends LossOptions {
  /** Error β from which the loss is linear; 0 is the absolute error. Default 1, range ≥ 0. */
  readonly beta?: number;
}

const parameters = takes<SmoothL1LossOptions>(pair, {
  reduction: reductionKind,
  beta: range(0, Number.POSITIVE_INFINITY),
});

/**
 * Absolute error whose minimum is smooth: `huberLoss` with δ = β, divided by β.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = d² / 2β` if `|d| < β`, else `|d| − β / 2`, `d = x − target`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if beta is negative
 * @see Girshick 2015, "Fast R-CNN", arXiv:1504.08083
 * @example
 * const loss = smoothL1Loss(tensor([1, 2]), tensor([1, 4])); // 0.75
 */
export const smoothL1Loss = checked(
  "smoothL1Loss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: SmoothL1LossOptions = {}): Tensor => {
    const { beta = 1, reduction = "mean" } = options;
    const { x, target } = sameShaped("smoothL1Loss", prediction, expected);
    const error = x.sub(target);
    const size = error.abs();
    if (beta === 0) return reduce(size, reduction);
    return reduce(size.lt(beta).where(error.square().mul(0.5 / beta), size.sub(beta / 2)), reduction);
  },
);

/**
 * The layer of `smoothL1Loss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new SmoothL1Loss({ beta: 0.5 })(tensor([1, 2]), tensor([1, 4])); // 0.875
 */
export const SmoothL1Loss = lossLayer("SmoothL1Loss", smoothL1Loss, parameters);
export type SmoothL1Loss = InstanceType<typeof SmoothL1Loss>;

export const smoothL1LossEntry = lossEntry("smoothL1Loss", parameters, smoothL1Loss, SmoothL1Loss);
