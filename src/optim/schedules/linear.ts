/** A straight line between two shares of a value. */
import { checked, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface LinearOptions {
  /** a, share of the value in the first step. Default 1/3, range ≥ 0. */
  readonly startFactor?: number;
  /** b, share of the value at and after the last step. Default 1, range ≥ 0. */
  readonly endFactor?: number;
}

/**
 * A straight line from one share of the value to another: up, or down with `{ startFactor: 1, endFactor: 0 }`.
 *
 * Formula: `f(t) = value · (a + (b − a) · min(t/T, 1))`, T = totalSteps.
 *
 * @param value ≥ 0
 * @param totalSteps number of steps until the line ends, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
 * @example
 * linear(0.1, 100, { startFactor: 1, endFactor: 0 })(50); // 0.05
 */
export const linear = checked(
  "linear",
  takes<LinearOptions>(
    { value: nonNegative, totalSteps: count() },
    { startFactor: nonNegative, endFactor: nonNegative },
  ),
  (value: number, totalSteps: number, { startFactor = 1 / 3, endFactor = 1 }: LinearOptions = {}): Schedule =>
    (step) =>
      value * (startFactor + (endFactor - startFactor) * Math.min(step / totalSteps, 1)),
);
