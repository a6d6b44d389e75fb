/** A triangle wave. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, word } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface CyclicOptions {
  /** Number of steps in which the value rises. Default 2000, range ≥ 1. */
  readonly stepSizeUp?: number;
  /** Number of steps in which the value falls. Default as many, range ≥ 1. */
  readonly stepSizeDown?: number;
  /** Height of the cycles: all the same, each half of the one before, or falling by gamma in each step. */
  readonly mode?: "triangular" | "triangular2" | "expRange";
  /** γ of `expRange`. Default 1, range ≥ 0. */
  readonly gamma?: number;
}

/**
 * A triangle wave between two values.
 *
 * Formula, with U = stepSizeUp, D = stepSizeDown, s the number of steps in the current cycle and n that of cycles before
 * it: `f(t) = min + (value − min) · h · (s/U if s ≤ U, else 1 − (s − U)/D)`, where h is 1, 2⁻ⁿ or γᵗ.
 *
 * @param min the smallest value, that of the first step, ≥ 0
 * @param value the largest value, ≥ min
 * @throws ConfigError if an argument is out of range
 * @see Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
 * @example
 * cyclic(0.01, 0.1, { stepSizeUp: 100, mode: "triangular2" })(300); // 0.055
 */
export const cyclic = checked(
  "cyclic",
  takes<CyclicOptions>(
    { min: nonNegative, value: nonNegative },
    {
      stepSizeUp: count(),
      stepSizeDown: count(),
      mode: word(["triangular", "triangular2", "expRange"], { exp_range: "expRange" }),
      gamma: nonNegative,
    },
  ),
  (min: number, value: number, options: CyclicOptions = {}): Schedule => {
    const { stepSizeUp = 2000, stepSizeDown = stepSizeUp, mode = "triangular", gamma = 1 } = options;
    if (min > value) throw configError("cyclic", `min ${min} is above the value ${value}`, "Swap them");
    const length = stepSizeUp + stepSizeDown;
    const heights = {
      triangular: () => 1,
      triangular2: (step: number) => 0.5 ** Math.floor(step / length),
      expRange: (step: number) => gamma ** step,
    };
    return (step) => {
      const within = step % length;
      const share = within <= stepSizeUp ? within / stepSizeUp : 1 - (within - stepSizeUp) / stepSizeDown;
      return min + (value - min) * share * heights[mode](step);
    };
  },
);
