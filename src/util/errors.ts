/**
 * The typed errors that Fovea throws. A message is one line that names the culprit; the hint names the fix. This file
 * must not know tensors or devices.
 */

export interface ErrorOptions {
  /** The fix, as a short sentence without a full stop. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Base of every error that Fovea throws on purpose.
 *
 * @example
 * try { tensor([1, 2]).reshape([3]); } catch (error) { console.error(describeError(error)); }
 */
export class FoveaError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, options: ErrorOptions = {}) {
    super(oneLine(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint && oneLine(options.hint);
  }
}

/** Replaces line breaks, which messages of others may contain, such as those of `JSON.parse`. */
const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();

/** Operand shapes do not fit together. */
export class ShapeError extends FoveaError {}
/** Operand dtypes do not fit the operation or the device. */
export class DTypeError extends FoveaError {}
/** A file or a data set is missing, truncated or not what it claims to be. */
export class DataError extends FoveaError {}
/** A device cannot be opened, or failed while it ran. */
export class DeviceError extends FoveaError {}
/** The machine lacks what a device needs, so that another one may be chosen instead. */
export class UnavailableError extends DeviceError {}
/** An option or a configuration value is unknown or out of range. */
export class ConfigError extends FoveaError {}
/** Values of two contexts were combined. */
export class ContextError extends FoveaError {}
/** A computed value is NaN or infinite. */
export class NumericError extends FoveaError {}

/** A ConfigError whose message begins with the name of the function that the user called. */
export function configError(op: string, problem: string, hint?: string): ConfigError {
  return new ConfigError(`[${op}] ${problem}`, hint ? { hint } : {});
}

/** The message and, if there is one, the hint, on one line. */
export function describeError(error: unknown): string {
  if (error instanceof FoveaError) return error.hint ? `${error.message}. ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}
