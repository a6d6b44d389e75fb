/**
 * Schedules: pure functions from the step, counted from 0, to the value of a hyper-parameter. An optimizer that is given
 * one in place of a number follows it. This file must not know any of them.
 */
import type { Kind } from "../../util/kinds.js";

/** Value of a hyper-parameter in a step; an optimizer counts its steps from 0. */
export type Schedule = (step: number) => number;

/** A schedule in a registry. */
export interface ScheduleEntry {
  readonly name: string;
  /** Everything but the first argument, the largest value. */
  readonly schema: Readonly<Record<string, Kind>>;
  readonly make: (value: number, ...args: never[]) => Schedule;
}
