/** A value that decays by a factor in every step. */
import { checked, takes } from "../../util/arguments.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

/**
 * Multiplies the value by gamma in every step.
 *
 * Formula: `f(t) = value · gamma^t`.
 *
 * @param value value of the first step, ≥ 0
 * @param gamma factor of each step, ≥ 0
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
 * @example
 * exponential(0.1, 0.5)(2); // 0.025
 */
export const exponential = checked(
  "exponential",
  takes({ value: nonNegative, gamma: nonNegative }),
  (value: number, gamma: number): Schedule =>
    (step) =>
      value * gamma ** step,
);
