/**
 * Comparing a saved optimizer state with the cells that it is for, before anything is written. This file knows cells by
 * their keys and shapes only; it must not know optimizers or file formats.
 */
import { Tensor, type TypedArray, type Variable } from "../tensor/index.js";
import { DataError, ShapeError } from "../util/errors.js";

/** A saved value: an array with its shape, or a typed array that has as many values as the cell. */
export type SavedValue = TypedArray | { readonly shape: readonly number[]; readonly data: TypedArray };

const HINT = "Make the optimizer with the parameters and options that it was saved with";

/**
 * The values for all `cells`, by key.
 *
 * @throws DataError naming missing and unexpected keys, and values that are tensors; ShapeError naming misfits
 */
export function matchState(
  cells: Readonly<Record<string, Variable>>,
  given: Readonly<Record<string, SavedValue>>,
): Record<string, TypedArray> {
  const keys = Object.keys(cells);
  const missing = keys.filter((key) => !Object.hasOwn(given, key));
  const unexpected = Object.keys(given).filter((key) => !Object.hasOwn(cells, key));
  const problems = [
    ...(missing.length > 0 ? [`missing keys: ${listed(missing, ", ")}`] : []),
    ...(unexpected.length > 0 ? [`unexpected keys: ${listed(unexpected, ", ")}`] : []),
  ];
  if (problems.length > 0) throw new DataError(`[loadStateDict] ${problems.join("; ")}`, { hint: HINT });

  const tensors = keys.filter((key) => given[key] instanceof Tensor);
  if (tensors.length > 0) {
    const hint = "Read the values first: await tensor.data()";
    throw new DataError(`[loadStateDict] tensors instead of saved values: ${listed(tensors, ", ")}`, { hint });
  }
  const misfits = keys.flatMap((key) => misfit(key, cells[key], given[key]));
  if (misfits.length > 0) {
    throw new ShapeError(`[loadStateDict] shapes differ: ${listed(misfits, "; ")}`, { hint: HINT });
  }
  return Object.fromEntries(keys.map((key) => [key, valuesOf(given[key])]));
}

function misfit(key: string, cell: Variable, value: SavedValue): string[] {
  const shape = "shape" in value ? value.shape : cell.shape;
  const fits = shape.join() === cell.shape.join() && valuesOf(value).length === cell.size;
  if (fits) return [];
  const got = "shape" in value ? `[${shape.join(", ")}]` : `${value.length} values`;
  return [`${key} needs [${cell.shape.join(", ")}], got ${got}`];
}

function valuesOf(value: SavedValue): TypedArray {
  return "shape" in value ? value.data : value;
}

/** The first few items, and how many more there are. */
function listed(items: readonly string[], separator: string): string {
  const shown = items.slice(0, 6).join(separator);
  return items.length > 6 ? `${shown} and ${items.length - 6} more` : shown;
}
