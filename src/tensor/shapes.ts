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

/** Reverses an axis. */
export function flip(x: Node, axis: number): Node {
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

/** Moves elements along an axis by `shift` places, around its end. */
export function roll(x: Node, axis: number, shift: number): Node {
  const length = x.shape[axis];
  if (length === 0) return x;
  const by = ((shift % length) + length) % length;
  if (by === 0) return x;
  return concat([slice(x, axis, length - by, length, 1), slice(x, axis, 0, length - by, 1)], axis);
}

/** Parts of a size, or of several sizes, along an axis. */
export function split(x: Node, size: number | readonly number[], dim: number): Node[] {
  const axis = axisOf("split", dim, x.shape);
  const length = x.shape[axis];
  const sizes =
    typeof size === "number"
      ? Array.from({ length: Math.max(1, Math.ceil(length / size)) }, (_, i) => Math.min(size, length - i * size))
      : size;
  const total = sizes.reduce((sum, n) => sum + n, 0);
  if (total !== length) {
    throw shapeError("split", `sizes ${formatShape(sizes)} have the sum ${total}, axis ${dim} has ${length}`);
  }
  let start = 0;
  return sizes.map((n) => {
    start += n;
    return slice(x, axis, start - n, start, 1);
  });
}

/** Repeats the whole of each axis. */
export function repeat(op: string, x: Node, counts: readonly number[]): Node {
  checkShape(op, counts);
  const inner = [...new Array<number>(counts.length - x.shape.length).fill(1), ...x.shape];
  const spread = inner.flatMap((n) => [1, n]);
  const wide = inner.flatMap((n, axis) => [counts[axis], n]);
  const repeated = graph.make("expand", [helpers.reshape(graph, x, spread)], {}, { shape: wide });
  return helpers.reshape(
    graph,
    repeated,
    inner.map((n, axis) => n * counts[axis]),
  );
}

/** Row and column of each element of the last two axes. */
function planePositions(op: string, x: Node): readonly [Node, Node] {
  const rank = x.shape.length;
  if (rank < 2) throw shapeError(op, `needs two axes, got ${formatShape(x.shape)}`);
  const along = (axis: number) => graph.make("iota", [], { axis }, { shape: x.shape });
  return [along(rank - 2), along(rank - 1)];
}

export function triangle(op: "tril" | "triu", x: Node, diagonal: number): Node {
  const [row, column] = planePositions(op, x);
  const edge = graph.op("add", row, graph.constant(diagonal, row));
  const inside = op === "tril" ? graph.op("le", column, edge) : graph.op("le", edge, column);
  return graph.op("select", inside, x, graph.constant(0, x));
}

export function diag(x: Node, diagonal: number): Node {
  if (x.shape.length === 2) return diagonalOf(x, diagonal);
  if (x.shape.length !== 1) throw shapeError("diag", `needs a vector or a matrix, got ${formatShape(x.shape)}`);
  const [length] = x.shape;
  const size = length + Math.abs(diagonal);
  const across = helpers.broadcast(graph, helpers.reshape(graph, x, [length, 1]), [length, length]);
  const before = [Math.max(0, -diagonal), Math.max(0, diagonal)];
  const [row, column] = planePositions("diag", across);
  const square = graph.op("select", graph.op("eq", row, column), across, graph.constant(0, across));
  return graph.make("pad", [square], { before, value: 0 }, { shape: [size, size] });
}

/** The diagonals of the last two axes: every (columns + 1)-th element of the rows in a line. */
function diagonalOf(x: Node, offset: number): Node {
  const [rows, columns] = x.shape.slice(-2);
  const head = x.shape.slice(0, -2);
  const length = Math.max(0, Math.min(rows + Math.min(offset, 0), columns - Math.max(offset, 0)));
  if (length === 0) return helpers.reshape(graph, slice(x, -1, 0, 0, 1), [...head, 0]);
  const flat = helpers.reshape(graph, x, [...head, rows * columns]);
  const first = offset >= 0 ? offset : -offset * columns;
  return slice(flat, -1, first, first + (length - 1) * (columns + 1) + 1, columns + 1);
}

export function diagonal(x: Node, offset: number, dim1: number, dim2: number): Node {
  const [a, b] = [axisOf("diagonal", dim1, x.shape), axisOf("diagonal", dim2, x.shape)];
  if (a === b) throw shapeError("diagonal", `dim1 and dim2 are the same axis of ${formatShape(x.shape)}`);
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== a && axis !== b);
  return diagonalOf(helpers.permute(graph, x, [...others, a, b]), offset);
}

/** Sliding windows along an axis, their elements as a last axis. */
export function windows(x: Node, dim: number, size: number, step: number): Node {
  const axis = axisOf("unfold", dim, x.shape);
  if (size > x.shape[axis]) {
    throw shapeError("unfold", `windows of ${size} do not fit into axis ${dim} of ${formatShape(x.shape)}`);
  }
  return graph.make("window", [x], { axes: [{ axis, size, stride: step, dilation: 1 }] });
}
