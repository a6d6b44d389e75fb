/** Half a cosine wave. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface CosineOptions {
  /** Value at and after the last step. Default 0, range 0 to value. */
  readonly min?: number;
}

/**
 * Half a cosine wave from a value down to `min`. For a warm-up put {@link warmup} in front of it.
 *
 * Formula: `f(t) = min + (value − min) · (1 + cos(π·t/T)) / 2` for t < T = totalSteps, then `min`.
 *
 * @param value the largest value, ≥ 0
 * @param totalSteps number of steps until the minimum is reached, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Loshchilov & Hutter 2017, "SGDR", arXiv:1608.03983
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 * @example
 * cosine(0.1, 1000)(500); // 0.05
 */
export const cosine = checked(
  "cosine",
  takes<CosineOptions>({ value: nonNegative, totalSteps: count() }, { min: nonNegative }),
  (value: number, totalSteps: number, { min = 0 }: CosineOptions = {}): Schedule => {
    if (min > value) throw configError("cosine", `min ${min} is above the value ${value}`, "Swap them");
    return (step) => min + ((value - min) * (1 + Math.cos(Math.PI * Math.min(step / totalSteps, 1)))) / 2;
  },
);
