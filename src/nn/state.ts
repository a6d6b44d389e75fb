/**
 * Writing saved values into the variables of a state dict: everything is compared first, then everything is written.
 * This file knows variables by their keys only; it must not know modules or file formats.
 */
import { Tensor, type TypedArray, type Variable } from "../tensor/index.js";
import { DataError, ShapeError } from "../util/errors.js";
import { shapeText } from "./checks.js";

/** A saved value: a tensor, an array with its shape, or a typed array that has as many values as the variable. */
export type StateValue =
  | Tensor
  | TypedArray
  | { readonly shape: readonly number[]; readonly data: TypedArray | readonly number[] };

/** What a state dict lacked and what it had beside the needed keys. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** An error lists so many keys and counts the rest. */
const LISTED_KEYS = 6;

/**
 * Writes `given` into `variables`, or throws and writes nothing.
 *
 * @throws DataError, ShapeError naming every key at fault
 */
export function loadState(
  variables: Readonly<Record<string, Variable>>,
  given: Readonly<Record<string, StateValue>>,
  strict: boolean,
): LoadReport {
  const missing = Object.keys(variables).filter((key) => !Object.hasOwn(given, key));
  const unexpected = Object.keys(given).filter((key) => !Object.hasOwn(variables, key));
  if (strict && missing.length + unexpected.length > 0) throw keysError(missing, unexpected);

  const common = Object.keys(variables).filter((key) => Object.hasOwn(given, key));
  const mismatches = common.flatMap((key) => mismatch(key, variables[key], given[key]));
  if (mismatches.length > 0) {
    const hint = "Build the model with its saved sizes, or leave these keys out and pass strict: false";
    throw new ShapeError(`[loadStateDict] shapes differ: ${listed(mismatches, "; ")}`, { hint });
  }
  for (const key of common) write(variables[key], given[key]);
  return { missing, unexpected };
}

function keysError(missing: readonly string[], unexpected: readonly string[]): DataError {
  const parts = [
    ...(missing.length > 0 ? [`missing keys: ${listed(missing, ", ")}`] : []),
    ...(unexpected.length > 0 ? [`unexpected keys: ${listed(unexpected, ", ")}`] : []),
  ];
  const hint = "Check that it was saved from the same architecture, or pass strict: false to load what fits";
  return new DataError(`[loadStateDict] ${parts.join("; ")}`, { hint });
}

/** What is wrong with the value of `key`, in at most one phrase. */
function mismatch(key: string, variable: Variable, value: StateValue): string[] {
  const needed = `${key} needs ${shapeText(variable.shape)}`;
  if (value instanceof Tensor) {
    return sameShape(value.shape, variable.shape) ? [] : [`${needed}, got ${shapeText(value.shape)}`];
  }
  if (!("shape" in value)) return value.length === variable.size ? [] : [`${needed}, got ${value.length} values`];
  if (!sameShape(value.shape, variable.shape)) return [`${needed}, got ${shapeText(value.shape)}`];
  return value.data.length === variable.size ? [] : [`${needed}, got ${value.data.length} values`];
}

function write(variable: Variable, value: StateValue): void {
  if (value instanceof Tensor) variable.assign(value.detach().to(variable.dtype));
  else variable.load("shape" in value ? value.data : value);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function listed(items: readonly string[], separator: string): string {
  const shown = items.slice(0, LISTED_KEYS).join(separator);
  return items.length > LISTED_KEYS ? `${shown} and ${items.length - LISTED_KEYS} more` : shown;
}
