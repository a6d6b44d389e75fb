/** A value that does not change. */
import { checked, takes } from "../../util/arguments.js";
import { nonNegative } from "../kinds.js";
import type { Schedule } from "./schedule.js";

/**
 * The same value in every step.
 *
 * Formula: `f(t) = value`.
 *
 * @param value ≥ 0
 * @throws ConfigError if it is out of range
 * @example
 * constant(0.1)(1000); // 0.1
 */
export const constant = checked(
  "constant",
  takes({ value: nonNegative }),
  (value: number): Schedule =>
    () =>
      value,
);
