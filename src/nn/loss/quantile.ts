/** The loss whose minimum is a quantile. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

export interface QuantileLossOptions extends LossOptions {
  /** Share q of the targets that are to lie below the prediction. Default 0.5, the median; range 0 to 1. */
  readonly q?: number;
}

const parameters = takes<QuantileLossOptions>(pair, { q: range(0, 1), reduction: reductionKind });

/**
 * Pinball loss: the prediction that minimises it is the q-quantile of the targets.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = q · d` if `d ≥ 0`, else `(q − 1) · d`, `d = target − x`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if q is out of range
 * @see Koenker & Bassett 1978, "Regression Quantiles"
 * @example
 * const loss = quantileLoss(tensor([1, 2]), tensor([1, 4]), { q: 0.9 }); // 0.9
 */
export const quantileLoss = checked(
  "quantileLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: QuantileLossOptions = {}): Tensor => {
    const { q = 0.5, reduction = "mean" } = options;
    const { x, target } = sameShaped("quantileLoss", prediction, expected);
    const error = target.sub(x);
    return reduce(error.ge(0).where(error.mul(q), error.mul(q - 1)), reduction);
  },
);

export const quantileLossEntry = lossEntry("quantileLoss", parameters, quantileLoss);
