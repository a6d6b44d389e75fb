/**
 * Checks of settings, worded alike for every optimizer and schedule: the message begins with the name, the culprit
 * follows. This file must not know any optimizer.
 */
import { ConfigError } from "../util/errors.js";

/** A ConfigError of the optimizer or schedule `op`. */
export function configError(op: string, problem: string, hint?: string): ConfigError {
  return new ConfigError(`[${op}] ${problem}`, { hint });
}

/** Requires a finite number ≥ 0. */
export function checkNonNegative(op: string, name: string, value: number): void {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw configError(op, `${name} must be a finite number ≥ 0, got ${String(value)}`);
  }
}

/** Requires a number of at least 0 and below 1: the share that a running average keeps. */
export function checkDecay(op: string, name: string, value: number): void {
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw configError(op, `${name} must be at least 0 and below 1, got ${String(value)}`);
  }
}

/** Requires a whole number of at least `minimum`. */
export function checkCount(op: string, name: string, value: number, minimum = 1): void {
  if (!Number.isInteger(value) || value < minimum) {
    throw configError(op, `${name} must be a whole number ≥ ${minimum}, got ${String(value)}`);
  }
}
