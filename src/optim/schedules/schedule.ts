/**
 * Schedules: pure functions from the step, counted from 0, to the value of a hyper-parameter. An optimizer accepts one
 * in place of a number. This file must not know any of them.
 */
/** Value of a hyper-parameter as a function of the step; an optimizer counts its steps from 0. */
export type Schedule = (step: number) => number;
