/**
 * Shape operations on nodes, with argument checks and error messages.
 */
import { formatShape, type Node, type Shape, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { axisOf, checkShape, dtypeError, shapeError } from "./check.js";
import { holds } from "./host.js";

/** The shape with its −1, if any, replaced by the size that follows from the number of elements. */
function inferShape(x: Node, shape: Shape): number[] {
  const unknown = shape.filter((n) => n === -1).length;
  if (unknown > 1) throw shapeError("reshape", `only one size may be -1, got ${formatShape(shape)}`);
  checkShape(
    "reshape",
    shape.map((n) => (n === -1 ? 0 : n)),
  );
  const known = shape.reduce((size, n) => (n === -1 ? size : size * n), 1);
  const size = sizeOfShape(x.shape);
  if (unknown === 1 ? known === 0 || size % known !== 0 : known !== size) {
    throw shapeError(
      "reshape",
      `${formatShape(x.shape)} has ${size} elements, which do not fill ${formatShape(shape)}`,
    );
  }
  return shape.map((n) => (n === -1 ? size / known : n));
}

export const reshape = (x: Node, shape: Shape): Node => helpers.reshape(graph, x, inferShape(x, shape));

export function flatten(x: Node, startDim: number, endDim: number): Node {
  if (x.shape.length === 0) return reshape(x, [1]);
  const from = axisOf("flatten", startDim, x.shape);
  const to = axisOf("flatten", endDim, x.shape);
  if (from > to)
    throw shapeError("flatten", `startDim ${startDim} lies after endDim ${endDim} in ${formatShape(x.shape)}`);
  const middle = sizeOfShape(x.shape.slice(from, to + 1));
  return helpers.reshape(graph, x, [...x.shape.slice(0, from), middle, ...x.shape.slice(to + 1)]);
}

export function permute(x: Node, dims: readonly number[]): Node {
  const order = dims.map((dim) => axisOf("permute", dim, x.shape));
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    throw shapeError(
      "permute",
      `dims ${formatShape(dims)} are not a permutation of the axes of ${formatShape(x.shape)}`,
    );
  }
  return helpers.permute(graph, x, order);
}

export function unsqueeze(x: Node, dim: number): Node {
  const axis = axisOf("unsqueeze", dim, [...x.shape, 1]);
  return helpers.reshape(graph, x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}

export function squeeze(x: Node, dim: number | undefined): Node {
  if (dim === undefined)
    return helpers.reshape(
      graph,
      x,
      x.shape.filter((n) => n !== 1),
    );
  const axis = axisOf("squeeze", dim, x.shape);
  return x.shape[axis] === 1
    ? helpers.reshape(
        graph,
        x,
        x.shape.filter((_, i) => i !== axis),
      )
    : x;
}

export function expand(x: Node, shape: Shape): Node {
  checkShape(
    "expand",
    shape.map((n) => (n === -1 ? 1 : n)),
  );
  const lead = shape.length - x.shape.length;
  const full = shape.map((n, i) => (n === -1 && i >= lead ? x.shape[i - lead] : n));
  const fits = lead >= 0 && x.shape.every((n, i) => n === 1 || n === full[lead + i]);
  if (!fits)
    throw shapeError(
      "expand",
      `${formatShape(x.shape)} does not expand to ${formatShape(shape)}`,
      "Only axes of size 1 expand",
    );
  return helpers.broadcast(graph, x, full);
}

/**
 * Elements start ≤ i < end along an axis, with a negative step start ≥ i > end; negative positions count from the end, as
 * in Python.
 */
export function slice(x: Node, dim: number, start: number, end: number, step: number): Node {
  const axis = axisOf("slice", dim, x.shape);
  const length = x.shape[axis];
  if (!Number.isInteger(step) || step === 0)
    throw shapeError("slice", `step must be a whole number other than 0, got ${step}`);
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (i: number) => Math.min(Math.max(i < 0 ? i + length : i, lowest), highest);
  const from = clamp(start);
  const count = Math.max(0, Math.ceil((clamp(end) - from) / step));
  const begins = x.shape.map((_, i) => (i === axis && count > 0 ? from : 0));
  const steps = x.shape.map((_, i) => (i === axis ? step : 1));
  const shape = x.shape.map((n, i) => (i === axis ? count : n));
  return graph.make("slice", [x], { start: begins, step: steps }, { shape });
}

export function select(x: Node, dim: number, index: number): Node {
  const axis = axisOf("select", dim, x.shape);
  const length = x.shape[axis];
  const at = index < 0 ? index + length : index;
  if (!Number.isInteger(index) || at < 0 || at >= length) {
    throw shapeError("select", `index ${index} is outside axis ${dim} of ${formatShape(x.shape)}`);
  }
  return squeeze(slice(x, axis, at, at + 1, 1), axis);
}

export function flip(x: Node, dim: number): Node {
  const axis = axisOf("flip", dim, x.shape);
  if (x.shape[axis] <= 1) return x;
  const start = x.shape.map((n, i) => (i === axis ? n - 1 : 0));
  return graph.make("slice", [x], { start, step: x.shape.map((_, i) => (i === axis ? -1 : 1)) }, { shape: x.shape });
}

export function pad(x: Node, pads: readonly (readonly [number, number])[], value: number): Node {
  if (pads.length !== x.shape.length || pads.some(([a, b]) => a < 0 || b < 0)) {
    throw shapeError("pad", `needs a [before, after] pair of sizes from 0 for each axis of ${formatShape(x.shape)}`);
  }
  if (!holds(x.dtype, value)) {
    throw dtypeError(
      "pad",
      `${x.dtype} does not hold ${value}`,
      'Pad with another value, or convert with .to("f32") first',
    );
  }
  const shape = x.shape.map((n, i) => n + pads[i][0] + pads[i][1]);
  return graph.make("pad", [x], { before: pads.map(([before]) => before), value }, { shape });
}

/** Rows of x along an axis, in the order of `indices` of any shape. */
export function take(x: Node, indices: Node, dim: number): Node {
  const axis = axisOf("take", dim, x.shape);
  if (indices.dtype !== "i32") throw dtypeError("take", `indices are ${indices.dtype}`, `Use .to("i32")`);
  const count = sizeOfShape(indices.shape);
  const lined = helpers.reshape(
    graph,
    indices,
    x.shape.map((_, i) => (i === axis ? count : 1)),
  );
  const wide = helpers.broadcast(
    graph,
    lined,
    x.shape.map((n, i) => (i === axis ? count : n)),
  );
  const rows = graph.make("gather", [x, wide], { axis });
  return helpers.reshape(graph, rows, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
}

export function concat(nodes: readonly Node[], dim: number): Node {
  if (nodes.length === 0) throw shapeError("concat", "needs at least one tensor");
  const axis = axisOf("concat", dim, nodes[0].shape);
  for (const x of nodes) {
    const fits =
      x.shape.length === nodes[0].shape.length && x.shape.every((n, i) => i === axis || n === nodes[0].shape[i]);
    if (!fits)
      throw shapeError(
        "concat",
        `${formatShape(nodes[0].shape)} and ${formatShape(x.shape)} differ in an axis other than ${dim}`,
      );
  }
  return nodes.length === 1 ? nodes[0] : graph.make("concat", nodes, { axis });
}
