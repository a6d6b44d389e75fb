/** Errors of optimizers and schedules: the message begins with the name of what the user called. */
import { ConfigError } from "../util/errors.js";

/** A ConfigError of the optimizer, step or schedule `op`. */
export function configError(op: string, problem: string, hint?: string): ConfigError {
  return new ConfigError(`[${op}] ${problem}`, { hint });
}
