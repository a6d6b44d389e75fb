/** A value that decays at regular intervals. */
import { checked, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface StepDecayOptions {
  /** Factor of each decay. Default 0.1, range ≥ 0. */
  readonly gamma?: number;
}

/**
 * Multiplies the value by gamma every `stepSize` steps.
 *
 * Formula: `f(t) = value · gamma^⌊t / stepSize⌋`.
 *
 * @param value value of the first step, ≥ 0
 * @param stepSize number of steps between two decays, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 * @example
 * stepDecay(0.1, 30)(45); // 0.01
 */
export const stepDecay = checked(
  "stepDecay",
  takes<StepDecayOptions>({ value: nonNegative, stepSize: count() }, { gamma: nonNegative }),
  (value: number, stepSize: number, { gamma = 0.1 }: StepDecayOptions = {}): Schedule =>
    (step) =>
      value * gamma ** Math.floor(step / stepSize),
);
