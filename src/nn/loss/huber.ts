/** Huber's loss. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, positive, reduce, reductionKind, sameShaped } from "./reduction.js";

export interface HuberLossOptions extends LossOptions {
  /** Error δ from which the loss is linear. Default 1, range > 0. */
  readonly delta?: number;
}

const parameters = takes<HuberLossOptions>(pair, { reduction: reductionKind, delta: positive });

/**
 * Squared error near the target and absolute error far from it, so that outliers have bounded gradients.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = d² / 2` if `|d| ≤ δ`, else `δ · (|d| − δ / 2)`, `d = x − target`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if delta is not positive
 * @see Huber 1964, "Robust Estimation of a Location Parameter"
 * @example
 * const loss = huberLoss(tensor([1, 2]), tensor([1, 4])); // 0.75
 */
export const huberLoss = checked(
  "huberLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: HuberLossOptions = {}): Tensor => {
    const { delta = 1, reduction = "mean" } = options;
    const { x, target } = sameShaped("huberLoss", prediction, expected);
    const error = x.sub(target);
    const size = error.abs();
    return reduce(size.le(delta).where(error.square().mul(0.5), size.sub(delta / 2).mul(delta)), reduction);
  },
);

/**
 * The layer of `huberLoss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new HuberLoss({ delta: 0.5 })(tensor([1, 2]), tensor([1, 4])); // 0.4375
 */
export const HuberLoss = lossLayer("HuberLoss", huberLoss, parameters);
export type HuberLoss = InstanceType<typeof HuberLoss>;

export const huberLossEntry = lossEntry("huberLoss", parameters, huberLoss, HuberLoss);
