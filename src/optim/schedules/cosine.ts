/** Half a cosine wave after a warm-up. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface CosineOptions {
  /** Number of steps of linear warm-up, below totalSteps. Default 0. */
  readonly warmupSteps?: number;
  /** Value at and after the last step. Default 0, range 0 to value. */
  readonly min?: number;
}

/**
 * Half a cosine wave from a value down to `min`, after an optional linear warm-up.
 *
 * Formula, with W = warmupSteps and T = totalSteps:
 * ```text
 * f(t) = value · (t + 1) / W                                             for t < W
 * f(t) = min + (value − min) · (1 + cos(π · (t − W) / (T − W))) / 2      for W ≤ t < T
 * f(t) = min                                                             for t ≥ T
 * ```
 *
 * @param value the largest value, ≥ 0
 * @param totalSteps number of steps until the minimum is reached, warm-up included, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Loshchilov & Hutter 2017, "SGDR", arXiv:1608.03983; warm-up: Goyal et al. 2017, arXiv:1706.02677
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 * @example
 * cosine(0.1, 1000)(500); // 0.05
 */
export const cosine = checked(
  "cosine",
  takes<CosineOptions>({ value: nonNegative, totalSteps: count() }, { warmupSteps: count(0), min: nonNegative }),
  (value: number, totalSteps: number, { warmupSteps = 0, min = 0 }: CosineOptions = {}): Schedule => {
    if (warmupSteps >= totalSteps) {
      const problem = `warmupSteps ${warmupSteps} must be below totalSteps ${totalSteps}`;
      throw configError("cosine", problem, "Shorten the warm-up, or train longer");
    }
    if (min > value) throw configError("cosine", `min ${min} is above the value ${value}`, "Swap them");
    return (step) => {
      if (step < warmupSteps) return (value * (step + 1)) / warmupSteps;
      const progress = Math.min((step - warmupSteps) / (totalSteps - warmupSteps), 1);
      return min + ((value - min) * (1 + Math.cos(Math.PI * progress))) / 2;
    };
  },
);
