/** A decay with the root of the number of steps. */
import { checked, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

/**
 * A linear warm-up, then a decay with the inverse square root of the number of steps, which needs no last step.
 *
 * Formula, with W = warmupSteps: `f(t) = value · min((t + 1)/W, √(W/(t + 1)))`.
 *
 * @param value the largest value, reached in step W − 1, ≥ 0
 * @param warmupSteps W, which also sets how fast the value decays, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Vaswani et al. 2017, "Attention Is All You Need", section 5.3, arXiv:1706.03762
 * @example
 * inverseSqrt(0.1, 100)(399); // 0.05
 */
export const inverseSqrt = checked(
  "inverseSqrt",
  takes({ value: nonNegative, warmupSteps: count() }),
  (value: number, warmupSteps: number): Schedule =>
    (step) =>
      value * Math.min((step + 1) / warmupSteps, Math.sqrt(warmupSteps / (step + 1))),
);
