/** The logarithm of the hyperbolic cosine of the error. */

import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

const parameters = takes<LossOptions>(pair, { reduction: reductionKind });

/**
 * Squared error near the target and absolute error far from it, with all derivatives continuous.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = log cosh(d)`, computed as `d + log(1 + e^(−2d)) − log 2`, `d = x − target`; its gradient is
 * `tanh(d)`.
 *
 * @throws ShapeError if the shapes differ
 * @see Saleh & Saleh 2022, "Statistical Properties of the log-cosh Loss Function", arXiv:2208.04564
 * @example
 * const loss = logCoshLoss(tensor([1, 2]), tensor([1, 4])); // 0.6625
 */
export const logCoshLoss = checked(
  "logCoshLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: LossOptions = {}): Tensor => {
    const { x, target } = sameShaped("logCoshLoss", prediction, expected);
    const error = x.sub(target);
    return reduce(error.add(log1pExp(error.mul(-2))).sub(Math.LN2), options.reduction ?? "mean");
  },
);

export const logCoshLossEntry = lossEntry("logCoshLoss", parameters, logCoshLoss);
