/**
 * Checks the values of a saved optimizer state against their cells before anything is written. This file knows cells by
 * their keys and shapes only; it must not know optimizers or file formats.
 */
import { Tensor, type TypedArray, type Variable } from "../tensor/index.js";
import { listed, matchState } from "../tensor/state.js";
import { DataError } from "../util/errors.js";

/** A saved value: an array with its shape, or a typed array of as many values as the cell has. */
export type SavedValue = TypedArray | { readonly shape: readonly number[]; readonly data: TypedArray };

const HINT = "Make the optimizer with the parameters and options that it was saved with";

/**
 * The values for all `cells`, by key. They must be in host memory, because an optimizer counts its steps there.
 *
 * @throws DataError naming missing and unexpected keys, and values that are tensors; ShapeError naming shapes that
 * differ
 */
export function savedValues(
  cells: Readonly<Record<string, Variable>>,
  given: Readonly<Record<string, SavedValue>>,
): Record<string, TypedArray> {
  matchState(cells, given, { op: "loadStateDict", strict: true, hints: { keys: HINT, shapes: HINT } });
  const keys = Object.keys(cells);
  const tensors = keys.filter((key) => given[key] instanceof Tensor);
  if (tensors.length > 0) {
    const hint = "Read the values first: await tensor.data()";
    throw new DataError(`[loadStateDict] tensors instead of saved values: ${listed(tensors, ", ")}`, { hint });
  }
  return Object.fromEntries(keys.map((key) => [key, valuesOf(given[key])]));
}

function valuesOf(value: SavedValue): TypedArray {
  return "shape" in value ? value.data : value;
}
