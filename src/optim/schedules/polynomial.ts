/** A polynomial decay. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { nonNegative, positive } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface PolynomialOptions {
  /** p, the power. Default 1: a straight line. Range > 0. */
  readonly power?: number;
  /** Value at and after the last step. Default 0, range 0 to value. */
  readonly min?: number;
}

/**
 * A polynomial from a value down to `min`.
 *
 * Formula: `f(t) = min + (value − min) · (1 − t/T)^p` for t < T = totalSteps, then `min`.
 *
 * @param value value of the first step, ≥ 0
 * @param totalSteps number of steps until the minimum is reached, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
 * @example
 * polynomial(0.1, 10, { power: 2 })(5); // 0.025
 */
export const polynomial = checked(
  "polynomial",
  takes<PolynomialOptions>({ value: nonNegative, totalSteps: count() }, { power: positive, min: nonNegative }),
  (value: number, totalSteps: number, { power = 1, min = 0 }: PolynomialOptions = {}): Schedule => {
    if (min > value) throw configError("polynomial", `min ${min} is above the value ${value}`, "Swap them");
    return (step) => min + (value - min) * (1 - Math.min(step / totalSteps, 1)) ** power;
  },
);
