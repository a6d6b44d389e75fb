/** How many threads the user wants: FOVEA_THREADS, checked. Knows no device. */
import { ConfigError } from "../util/errors.js";
import { environment } from "../util/host.js";

/**
 * FOVEA_THREADS, or as many as there are cores.
 *
 * @throws ConfigError if it is no number of threads
 */
export function threadCount(cores: number): number {
  const text = environment.FOVEA_THREADS;
  if (!text) return Math.min(256, Math.max(1, cores));
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ConfigError(`FOVEA_THREADS must be a whole number from 1 to 256, got "${text}"`);
  }
  return threads;
}
