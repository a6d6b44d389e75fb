/** A value that decays at given steps. */
import { checked, takes } from "../../util/arguments.js";
import { count, type Kind } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

export interface MultiStepOptions {
  /** Factor of each milestone. Default 0.1, range ≥ 0. */
  readonly gamma?: number;
}

const step = count(0);
const ascending: Kind = {
  name: "an array of whole numbers ≥ 0 that ascend",
  accepts: (value) =>
    Array.isArray(value) && value.every((n, i) => step.accepts(n) && (i === 0 || n > (value[i - 1] as number))),
  meant: (value) => {
    if (!Array.isArray(value) || !value.every(step.accepts)) return undefined;
    return `[${[...new Set(value as number[])].sort((a, b) => a - b).join(", ")}]`;
  },
};

/**
 * Multiplies the value by gamma at each milestone.
 *
 * Formula: `f(t) = value · gamma^n`, n the number of milestones ≤ t.
 *
 * @param value value of the first step, ≥ 0
 * @param milestones steps from which the value is multiplied by gamma once more, ascending
 * @throws ConfigError if an argument is out of range or the milestones do not ascend
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
 * @example
 * multiStep(0.1, [32000, 48000])(40000); // 0.01
 */
export const multiStep = checked(
  "multiStep",
  takes<MultiStepOptions>({ value: nonNegative, milestones: ascending }, { gamma: nonNegative }),
  (value: number, milestones: readonly number[], { gamma = 0.1 }: MultiStepOptions = {}): Schedule =>
    (at) =>
      value * gamma ** milestones.filter((milestone) => milestone <= at).length,
);
