/** The number of threads from FOVEA_THREADS, validated. Must not know devices. */
import { ConfigError } from "../util/errors.js";
import { environment } from "../util/host.js";

/**
 * The value of FOVEA_THREADS; by default the number of cores, at most 256.
 *
 * @throws ConfigError if FOVEA_THREADS is not a whole number from 1 to 256
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
