/** One cycle: up, and down to almost nothing. */
import { checked, takes } from "../../util/arguments.js";
import { count, range, word } from "../../util/kinds.js";
import { nonNegative, positive } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface OneCycleOptions {
  /** Share of the steps in which the value rises. Default 0.3, range 0 to 1. */
  readonly pctStart?: number;
  /** The first value is value / divFactor. Default 25, range > 0. */
  readonly divFactor?: number;
  /** The last value is the first one / finalDivFactor. Default 1e4, range > 0. */
  readonly finalDivFactor?: number;
  /** Interpolation between two values: half a cosine wave, or a straight line. Default `cos`. */
  readonly anneal?: "cos" | "linear";
}

/**
 * One cycle: up from a small value to the largest, then down to almost nothing. With `anneal: "linear"` it is a
 * triangle.
 *
 * Formula, with the peak at step `P = pctStart · totalSteps − 1` and the end at `E = totalSteps − 1`:
 * ```text
 * f(t) = way(value / divFactor, value, t / P)                                             for t ≤ P
 * f(t) = way(value, value / (divFactor · finalDivFactor), min((t − P) / (E − P), 1))      for t > P
 * way(a, b, s) = b + (a − b) · (1 + cos(π · s)) / 2, or a + (b − a) · s
 * ```
 * If P is below 0 the cycle begins at its peak, in step 0.
 *
 * @param value the largest value, ≥ 0
 * @param totalSteps number of steps of the whole cycle, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Smith & Topin 2018, "Super-Convergence", arXiv:1708.07120
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
 * @example
 * oneCycle(0.4, 100)(29); // 0.4
 */
export const oneCycle = checked(
  "oneCycle",
  takes<OneCycleOptions>(
    { value: nonNegative, totalSteps: count() },
    { pctStart: range(0, 1), divFactor: positive, finalDivFactor: positive, anneal: word(["cos", "linear"]) },
  ),
  (value: number, totalSteps: number, chosen: OneCycleOptions = {}): Schedule => {
    const { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = "cos" } = chosen;
    const way = (from: number, to: number, share: number) =>
      anneal === "cos" ? to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2 : from + (to - from) * share;
    const peak = Math.max(pctStart * totalSteps - 1, 0);
    const end = totalSteps - 1;
    return (step) => {
      if (step < peak) return way(value / divFactor, value, step / peak);
      const share = end > peak ? Math.min((step - peak) / (end - peak), 1) : 1;
      return way(value, value / divFactor / finalDivFactor, step === peak ? 0 : share);
    };
  },
);
