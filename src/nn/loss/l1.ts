/** The absolute error. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

const parameters = takes<LossOptions>(pair, { reduction: reductionKind });

/**
 * Absolute error; integers become f32. Its gradient is the sign of the error, 0 where there is none.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`. Formula: `loss = |x − target|`.
 *
 * @throws ShapeError if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html
 * @example
 * const loss = l1Loss(tensor([1, 2]), tensor([1, 4])); // 1
 */
export const l1Loss = checked(
  "l1Loss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: LossOptions = {}): Tensor => {
    const { x, target } = sameShaped("l1Loss", prediction, expected);
    return reduce(x.sub(target).abs(), options.reduction ?? "mean");
  },
);

/**
 * The layer of `l1Loss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new L1Loss()(tensor([1, 2]), tensor([1, 4])); // 1
 */
export const L1Loss = lossLayer("L1Loss", l1Loss, parameters);
export type L1Loss = InstanceType<typeof L1Loss>;

export const l1LossEntry = lossEntry("l1Loss", parameters, l1Loss, L1Loss);
