/** The squared error. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { lossEntry } from "../entries.js";
import { checkSameShape, type LossOptions, reduce, reductionKind } from "./reduction.js";

const options = { reduction: reductionKind };

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
  takes<LossOptions>({ x: tensorKind, target: tensorKind }, options),
  (x: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
    checkSameShape("mseLoss", x, target);
    return reduce(floats(x).sub(target).square(), reduction);
  },
);

export const mseLossEntry = lossEntry({
  name: "mseLoss",
  schema: options,
  make: (given: LossOptions) => (x: Tensor, target: Tensor) => mseLoss(x, target, given),
});
