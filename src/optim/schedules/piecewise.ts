/** A line through given points. */
import { checked, takes } from "../../util/arguments.js";
import { count, type Kind, word } from "../../util/kinds.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

/** A step and the value in it. */
export type SchedulePoint = readonly [step: number, value: number];

export interface PiecewiseOptions {
  /** Between two points: a straight line, or the value of the earlier one. Default `linear`. */
  readonly interpolate?: "linear" | "previous";
}

const step = count(0);
const points: Kind = {
  name: "an array of points [step, value] whose steps ascend, with values ≥ 0",
  accepts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (point: unknown, i) =>
        Array.isArray(point) &&
        point.length === 2 &&
        step.accepts(point[0]) &&
        nonNegative.accepts(point[1]) &&
        (i === 0 || point[0] > value[i - 1][0]),
    ),
};

/**
 * The line through given points; constant before the first and after the last.
 *
 * Formula, for t between the points `(a, x)` and `(b, y)`: `f(t) = x + (y − x) · (t − a) / (b − a)`, or `x` with
 * `interpolate: "previous"`.
 *
 * @param points `[step, value]`, steps ascending, values ≥ 0
 * @throws ConfigError if an argument is out of range or the steps do not ascend
 * @example
 * piecewise([[0, 0.01], [10, 0.1], [30, 0]])(20); // 0.05
 */
export const piecewise = checked(
  "piecewise",
  takes<PiecewiseOptions>({ points }, { interpolate: word(["linear", "previous"]) }),
  (given: readonly SchedulePoint[], { interpolate = "linear" }: PiecewiseOptions = {}): Schedule => {
    const own = given.map(([at, value]) => [at, value] as const);
    return (at) => {
      const next = own.findIndex(([start]) => start > at);
      if (next === 0) return own[0][1];
      if (next < 0) return own[own.length - 1][1];
      const [[a, x], [b, y]] = [own[next - 1], own[next]];
      return interpolate === "previous" ? x : x + ((y - x) * (at - a)) / (b - a);
    };
  },
);
