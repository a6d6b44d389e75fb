/** Composition of schedules: one after the other, and a warm-up in front of any. */
import { checked, takes } from "../../util/arguments.js";
import { callback, count, type Kind } from "../../util/kinds.js";
import type { Schedule } from "./schedule.js";

/** A schedule and the number of its steps; the last one of a sequence has none. */
export type SequencePart = readonly [schedule: Schedule, steps: number] | readonly [schedule: Schedule];

const steps = count();
const partsKind: Kind = {
  name: "an array of [schedule, steps], the last one [schedule]",
  accepts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (part: unknown, i) =>
        Array.isArray(part) &&
        callback.accepts(part[0]) &&
        (i === value.length - 1 ? part.length === 1 : part.length === 2 && steps.accepts(part[1])),
    ),
};

/**
 * Schedules one after the other, each with steps counted from its own beginning.
 *
 * Formula: `f(t) = fᵢ(t − sᵢ)`, i the part that step t is in, and sᵢ its first step.
 *
 * @param parts `[schedule, steps]`, the last one `[schedule]`
 * @throws ConfigError if the last part has a number of steps, or another has none
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
 * @example
 * sequence([[linear(0.1, 5, { startFactor: 0.1 }), 5], [constant(0.1), 20], [exponential(0.1, 0.9)]])(26); // 0.09
 */
export const sequence = checked("sequence", takes({ parts: partsKind }), (parts: readonly SequencePart[]): Schedule => {
  let start = 0;
  const own = parts.map(([schedule, length = Number.POSITIVE_INFINITY]) => {
    const part = { schedule, start, end: start + length };
    start = part.end;
    return part;
  });
  const last = own[own.length - 1];
  return (step) => {
    const part = own.find(({ end }) => step < end) ?? last;
    return part.schedule(step - part.start);
  };
});

/**
 * A linear warm-up to the first value of a schedule, in front of it.
 *
 * Formula, with W = steps: `f(t) = g(0) · (t + 1) / W` for t < W, then `g(t − W)`.
 *
 * @param schedule g, any schedule
 * @param steps W, number of steps of the warm-up, ≥ 1
 * @throws ConfigError if an argument is out of range
 * @see Goyal et al. 2017, "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", arXiv:1706.02677
 * @example
 * warmup(cosine(0.1, 1000), 100)(49); // 0.05
 */
export const warmup = checked(
  "warmup",
  takes({ schedule: callback, steps: count() }),
  (schedule: Schedule, steps: number): Schedule =>
    sequence([[(step) => (schedule(0) * (step + 1)) / steps, steps], [schedule]]),
);
