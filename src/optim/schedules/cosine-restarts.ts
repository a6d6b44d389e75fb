/** Half cosine waves, one after the other. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface CosineRestartsOptions {
  /** Factor by which each period is longer than the one before. Default 1, a whole number ≥ 1. */
  readonly factor?: number;
  /** Smallest value, that of the end of each period. Default 0, range 0 to value. */
  readonly min?: number;
}

/**
 * Half a cosine wave from a value down to `min`, begun anew after each period.
 *
 * Formula: `f(t) = min + (value − min) · (1 + cos(π·s/P)) / 2`, s the number of steps in the current period, whose
 * length is `P = period · factorⁿ` after n restarts.
 *
 * @param value the largest value, ≥ 0
 * @param period number of steps of the first period, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv:1608.03983
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 * @example
 * cosineRestarts(0.1, 10, { factor: 2 })(20); // 0.05
 */
export const cosineRestarts = checked(
  "cosineRestarts",
  takes<CosineRestartsOptions>({ value: nonNegative, period: count() }, { factor: count(), min: nonNegative }),
  (value: number, period: number, { factor = 1, min = 0 }: CosineRestartsOptions = {}): Schedule => {
    if (min > value) throw configError("cosineRestarts", `min ${min} is above the value ${value}`, "Swap them");
    return (step) => {
      let [within, length] = [step, period];
      if (factor === 1) within = step % period;
      else {
        while (within >= length) {
          within -= length;
          length *= factor;
        }
      }
      return min + ((value - min) * (1 + Math.cos((Math.PI * within) / length))) / 2;
    };
  },
);
