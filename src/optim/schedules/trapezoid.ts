/** Warm-up, plateau, and decay. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, word } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface TrapezoidOptions {
  /** Number of steps of linear warm-up. Default 0. */
  readonly warmupSteps?: number;
  /** Number of steps of the decay. Default a fifth of totalSteps. */
  readonly decaySteps?: number;
  /** Value at and after the last step. Default 0, range 0 to value. */
  readonly min?: number;
  /** Form of the decay: a straight line, or 1 − √s. Default `linear`. */
  readonly decay?: "linear" | "sqrt";
}

/**
 * A trapezoid (warm-up, stable, decay): the value is constant but for its first and last steps, so that a run can be
 * made longer from any step before the decay.
 *
 * Formula, with W = warmupSteps, D = decaySteps, T = totalSteps and `s = (t − (T − D)) / D`:
 * ```text
 * f(t) = value · (t + 1) / W                         for t < W
 * f(t) = value                                       for W ≤ t < T − D
 * f(t) = min + (value − min) · (1 − s)               for T − D ≤ t < T, or · (1 − √s) with decay: "sqrt"
 * f(t) = min                                         for t ≥ T
 * ```
 *
 * @param value the largest value, ≥ 0
 * @param totalSteps number of steps until the decay ends, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Zhai et al. 2022, "Scaling Vision Transformers", arXiv:2106.04560; Hägele et al. 2024, arXiv:2405.18392
 * @example
 * trapezoid(0.1, 100, { warmupSteps: 10, decaySteps: 20 })(90); // 0.05
 */
export const trapezoid = checked(
  "trapezoid",
  takes<TrapezoidOptions>(
    { value: nonNegative, totalSteps: count() },
    { warmupSteps: count(0), decaySteps: count(0), min: nonNegative, decay: word(["linear", "sqrt"]) },
  ),
  (value: number, totalSteps: number, options: TrapezoidOptions = {}): Schedule => {
    const { warmupSteps = 0, decaySteps = Math.round(totalSteps / 5), min = 0, decay = "linear" } = options;
    if (warmupSteps + decaySteps > totalSteps) {
      const problem = `warmupSteps ${warmupSteps} and decaySteps ${decaySteps} are more than totalSteps ${totalSteps}`;
      throw configError("trapezoid", problem, "Shorten them, or train longer");
    }
    if (min > value) throw configError("trapezoid", `min ${min} is above the value ${value}`, "Swap them");
    const decayStart = totalSteps - decaySteps;
    return (step) => {
      if (step < warmupSteps) return (value * (step + 1)) / warmupSteps;
      if (step < decayStart) return value;
      const share = step < totalSteps ? (step - decayStart) / decaySteps : 1;
      return min + (value - min) * (1 - (decay === "linear" ? share : Math.sqrt(share)));
    };
  },
);
