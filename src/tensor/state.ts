/**
 * Loads saved values into the variables of a state dict: everything is compared first and then written, so that a
 * failing call changes nothing. Knows variables by keys only; must not know modules, optimizers or file formats.
 */
import type { TypedArray } from "../ir/dtype.js";
import { formatShape, sameShape } from "../ir/graph.js";
import { DataError, ShapeError } from "../util/errors.js";
import { spell } from "../util/spelling.js";
import { Tensor } from "./tensor.js";
import type { Variable } from "./variable.js";

/** A saved value: a tensor, an array with its shape, or a typed array with as many values as the variable. */
export type StateValue =
  | Tensor
  | TypedArray
  | { readonly shape: readonly number[]; readonly data: TypedArray | readonly number[] };

/** Keys that a state dict lacked, and keys that match no variable. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

export interface MatchOptions {
  /** The op that messages begin with. */
  readonly op: string;
  /** The file of the values, for messages. Default none. */
  readonly file?: string;
  /** Treat missing and unexpected keys as errors. */
  readonly strict: boolean;
  /** Hints for errors about keys and shapes. */
  readonly hints: { readonly keys: string; readonly shapes: string };
}

/** The result of a comparison: the keys that differ, and a function that writes the values. */
export interface Match {
  readonly report: LoadReport;
  write(): void;
}

/** Limit of the keys that an error lists; the others are counted. */
const LISTED_KEYS = 6;

/**
 * Compares saved values with variables.
 *
 * @throws DataError, ShapeError that name the keys that differ
 */
export function matchState(
  variables: Readonly<Record<string, Variable>>,
  given: Readonly<Record<string, StateValue>>,
  { op, file, strict, hints }: MatchOptions,
): Match {
  const start = file === undefined ? `[${op}]` : `[${op}] ${file}:`;
  const missing = Object.keys(variables).filter((key) => !Object.hasOwn(given, key));
  const unexpected = Object.keys(given).filter((key) => !Object.hasOwn(variables, key));
  if (strict && missing.length + unexpected.length > 0) {
    const parts = [
      ...(missing.length > 0 ? [`missing keys: ${listed(missing, ", ")}`] : []),
      ...(unexpected.length > 0 ? [`unexpected keys: ${listed(unexpected, ", ")}`] : []),
    ];
    throw new DataError(`${start} ${parts.join("; ")}`, { hint: hints.keys });
  }
  const common = Object.keys(variables).filter((key) => Object.hasOwn(given, key));
  const strange = common.find((key) => !isStateValue(given[key]));
  if (strange !== undefined) {
    const hint = "Pass a tensor, a typed array, or { shape, data }";
    throw new DataError(`${start} ${strange} is ${spell(given[strange])}, which is no saved value`, { hint });
  }
  const mismatches = common.flatMap((key) => mismatch(key, variables[key], given[key]));
  if (mismatches.length > 0) {
    throw new ShapeError(`${start} shapes differ: ${listed(mismatches, "; ")}`, { hint: hints.shapes });
  }
  const write = () => {
    for (const key of common) writeValue(variables[key], given[key]);
  };
  return { report: { missing, unexpected }, write };
}

function isStateValue(value: unknown): value is StateValue {
  if (value instanceof Tensor || ArrayBuffer.isView(value)) return true;
  if (typeof value !== "object" || value === null || !("shape" in value) || !("data" in value)) return false;
  return Array.isArray(value.shape) && (Array.isArray(value.data) || ArrayBuffer.isView(value.data));
}

/** The difference between a variable and its saved value: empty, or one phrase. */
function mismatch(key: string, variable: Variable, value: StateValue): string[] {
  const needed = `${key} needs ${formatShape(variable.shape)}`;
  if (value instanceof Tensor) {
    return sameShape(value.shape, variable.shape) ? [] : [`${needed}, got ${formatShape(value.shape)}`];
  }
  if (!("shape" in value)) return value.length === variable.size ? [] : [`${needed}, got ${value.length} values`];
  if (!sameShape(value.shape, variable.shape)) return [`${needed}, got ${formatShape(value.shape)}`];
  return value.data.length === variable.size ? [] : [`${needed}, got ${value.data.length} values`];
}

function writeValue(variable: Variable, value: StateValue): void {
  if (value instanceof Tensor) variable.assign(value.detach().to(variable.dtype));
  else variable.load("shape" in value ? value.data : value);
}

/** The first few items, and how many more there are. */
export function listed(items: readonly string[], separator: string): string {
  const shown = items.slice(0, LISTED_KEYS).join(separator);
  return items.length > LISTED_KEYS ? `${shown} and ${items.length - LISTED_KEYS} more` : shown;
}
