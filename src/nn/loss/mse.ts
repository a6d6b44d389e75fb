/** The squared error. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

const parameters = takes<LossOptions>(pair, { reduction: reductionKind });

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
  parameters,
  (prediction: Tensor, expected: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
    const { x, target } = sameShaped("mseLoss", prediction, expected);
    return reduce(x.sub(target).square(), reduction);
  },
);

/**
 * The layer of `mseLoss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new MSELoss({ reduction: "sum" })(tensor([1, 2]), tensor([1, 4])); // 4
 */
export const MSELoss = lossLayer("MSELoss", mseLoss, parameters);
export type MSELoss = InstanceType<typeof MSELoss>;

export const mseLossEntry = lossEntry("mseLoss", parameters, mseLoss, MSELoss);
