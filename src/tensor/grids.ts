/** Functions that create tensors of evenly spaced values, and grids of them. */
import { isFloat } from "../ir/dtype.js";
import { checked, takes } from "../util/arguments.js";
import { count, finite, list, word } from "../util/kinds.js";
import { dtypeError, shapeError } from "./check.js";
import { arange } from "./create.js";
import { dtypeKind } from "./kinds.js";
import type { LinspaceOptions } from "./options.js";
import { type Tensor, tensorKind } from "./tensor.js";

/**
 * Evenly spaced values from start to end, both included: `[steps]`.
 *
 * @param steps - number of values, from 0
 * @param options.dtype - f32 or f64; default f32
 * @throws DTypeError for integers
 * @example
 * const x = linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 */
export const linspace = checked(
  "linspace",
  takes<LinspaceOptions>({ start: finite, end: finite, steps: count(0) }, { dtype: dtypeKind }),
  (start: number, end: number, steps: number, options: LinspaceOptions = {}): Tensor => {
    const { dtype = "f32" } = options;
    if (!isFloat(dtype)) throw dtypeError("linspace", `values are fractions, not ${dtype}`, 'Use "f32" or "f64"');
    const positions = arange(steps).to(dtype);
    if (steps < 2) return positions.add(start);
    // From the nearer end, so that both ends are exact.
    const step = (end - start) / (steps - 1);
    const fromStart = positions.mul(step).add(start);
    const fromEnd = positions
      .sub(steps - 1)
      .mul(step)
      .add(end);
    return positions.lt(steps / 2).where(fromStart, fromEnd);
  },
);

/** Options of `meshgrid`. */
export interface MeshgridOptions {
  /** `"ij"`: rows from the first vector; `"xy"`: columns from the first vector. Default `"ij"`. */
  readonly indexing?: "ij" | "xy";
}

/**
 * Coordinates of the points of a grid, from a vector for each axis: `[A], [B], … -> [A, B, …]` each.
 *
 * @param options.indexing - `"ij"`, or `"xy"`, where the first two axes of the results are swapped; default `"ij"`
 * @throws ShapeError if a tensor is no vector
 * @see https://pytorch.org/docs/stable/generated/torch.meshgrid.html
 * @example
 * const [y, x] = meshgrid([arange(2), arange(3)]); // two tensors [2, 3]
 */
export const meshgrid = checked(
  "meshgrid",
  takes<MeshgridOptions>({ vectors: list(tensorKind, "an array of tensors") }, { indexing: word(["ij", "xy"]) }),
  (vectors: readonly Tensor[], options: MeshgridOptions = {}): Tensor[] => {
    const { indexing = "ij" } = options;
    const wrong = vectors.find(({ rank }) => rank !== 1);
    if (wrong) throw shapeError("meshgrid", `needs vectors, got a tensor of rank ${wrong.rank}`);
    const swapped = indexing === "xy" && vectors.length > 1;
    const order = swapped ? [vectors[1], vectors[0], ...vectors.slice(2)] : vectors;
    const shape = order.map(({ size }) => size);
    const grids = order.map((vector, axis) => vector.reshape(shape.map((n, i) => (i === axis ? n : 1))).expand(shape));
    return swapped ? [grids[1], grids[0], ...grids.slice(2)] : grids;
  },
);
