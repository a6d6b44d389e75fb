/** Replacement of elements at computed positions, on nodes: argument checks, and the conversion to the primitive ops. */
import type { DType, TypedArray } from "../ir/dtype.js";
import { formatShape, type Node, type ScatterKind, type Shape, sameShape, sizeOfShape } from "../ir/graph.js";
import { graph, helpers, scatterAlong } from "../ops/index.js";
import { Storage } from "../runtime/index.js";
import { axisOf, dtypeError, shapeError } from "./check.js";
import { select } from "./elementwise.js";
import { elementsOf, holds } from "./host.js";
import type { ScatterReduction } from "./options.js";
import { leafOf } from "./realized.js";
import * as shapes from "./shapes.js";

function checkIndices(op: string, index: Node): void {
  if (index.dtype !== "i32") throw dtypeError(op, `indices are ${index.dtype}`, 'Use .to("i32")');
}

export function checkVector(op: string, index: Node): void {
  checkIndices(op, index);
  if (index.shape.length !== 1) {
    throw shapeError(op, `index is ${formatShape(index.shape)}`, "Use a vector, or take() for other shapes");
  }
}

/** A number, or a tensor of the same dtype, as a node of a shape that it broadcasts to. */
function valueFor(op: string, x: Node, value: Node | number, shape: Shape): Node {
  if (typeof value === "number") {
    if (!holds(x.dtype, value)) throw dtypeError(op, `${x.dtype} does not hold ${value}`, "Convert with .to() first");
    return graph.make("const", [], { value }, { shape, dtype: x.dtype });
  }
  if (value.dtype !== x.dtype) {
    throw dtypeError(op, `the source is ${value.dtype}, the tensor ${x.dtype}`, `Use .to("${x.dtype}")`);
  }
  const wide = helpers.broadcastShapes(value.shape, shape);
  if (!wide || !sameShape(wide, shape)) {
    throw shapeError(op, `the source ${formatShape(value.shape)} does not fit ${formatShape(shape)}`);
  }
  return helpers.broadcast(graph, value, shape);
}

/** The part of a source that an index of a smaller shape names. */
function covered(op: string, source: Node, index: Node): Node {
  const fits = source.shape.length === index.shape.length && index.shape.every((n, i) => n <= source.shape[i]);
  if (!fits) {
    throw shapeError(
      op,
      `the source ${formatShape(source.shape)} is smaller than the index ${formatShape(index.shape)}`,
    );
  }
  const start = index.shape.map(() => 0);
  return graph.make("slice", [source], { start, step: start.map(() => 1) }, { shape: index.shape });
}

/** Scatters a source of the shape of `index`, or of a larger one, along an axis. */
export function scatter(op: string, kind: ScatterKind, x: Node, dim: number, index: Node, source: Node | number): Node {
  checkIndices(op, index);
  const axis = axisOf(op, dim, x.shape);
  const fits = index.shape.length === x.shape.length && index.shape.every((n, i) => i === axis || n <= x.shape[i]);
  if (!fits) throw shapeError(op, `the index ${formatShape(index.shape)} does not fit ${formatShape(x.shape)}`);
  const value = valueFor(op, x, typeof source === "number" ? source : covered(op, source, index), index.shape);
  // Where the index covers a part of the other axes, the rest gets positions that are ignored.
  const shape = x.shape.map((n, i) => (i === axis ? index.shape[i] : n));
  const before = shape.map(() => 0);
  const whole = (y: Node, fill: number) =>
    sameShape(y.shape, shape) ? y : graph.make("pad", [y], { before, value: fill }, { shape });
  return scatterAlong(graph, kind, x, whole(value, 0), whole(index, -1), axis);
}

/** Scatters rows at a vector of positions along an axis. */
export function scatterRows(
  op: string,
  kind: ScatterKind,
  x: Node,
  dim: number,
  index: Node,
  source: Node | number,
): Node {
  checkVector(op, index);
  const axis = axisOf(op, dim, x.shape);
  const shape = x.shape.map((n, i) => (i === axis ? index.shape[0] : n));
  const column = shape.map((n, i) => (i === axis ? n : 1));
  const rows = helpers.broadcast(graph, helpers.reshape(graph, index, column), shape);
  return scatterAlong(graph, kind, x, valueFor(op, x, source, shape), rows, axis);
}

/** Flat positions within the first axes of x, −1 where one is out of range, in the common shape of the indices. */
function flatIndices(op: string, x: Node, indices: readonly Node[]): Node {
  if (indices.length === 0 || indices.length > x.shape.length) {
    throw shapeError(
      op,
      `got ${indices.length} indices for ${formatShape(x.shape)}`,
      "Give one for each of the first axes",
    );
  }
  let shape: Shape = [];
  for (const index of indices) {
    checkIndices(op, index);
    const common = helpers.broadcastShapes(shape, index.shape);
    if (!common)
      throw shapeError(op, `indices do not broadcast: ${indices.map((y) => formatShape(y.shape)).join(", ")}`);
    shape = common;
  }
  let flat: Node | null = null;
  let outside: Node | null = null;
  indices.forEach((index, axis) => {
    const extent = x.shape[axis];
    const given = helpers.broadcast(graph, index, shape);
    const size = graph.constant(extent, given);
    const zero = graph.constant(0, given);
    const position = graph.op("select", graph.op("lt", given, zero), graph.op("add", given, size), given);
    const bad = graph.op("or", graph.op("lt", position, zero), graph.op("le", size, position));
    flat = flat ? graph.op("add", graph.op("mul", flat, size), position) : position;
    outside = outside ? graph.op("or", outside, bad) : bad;
  });
  if (!flat || !outside) throw shapeError(op, "needs an index");
  return graph.op("select", outside, graph.constant(-1, flat), flat);
}

/** x with its first `count` axes as one. */
function joined(x: Node, count: number): Node {
  return helpers.reshape(graph, x, [sizeOfShape(x.shape.slice(0, count)), ...x.shape.slice(count)]);
}

export function indexed(x: Node, indices: readonly Node[]): Node {
  return shapes.take(joined(x, indices.length), flatIndices("index", x, indices), 0);
}

export function indexPut(x: Node, indices: readonly Node[], values: Node | number, kind: ScatterKind): Node {
  const flat = flatIndices("indexPut", x, indices);
  const rest = x.shape.slice(indices.length);
  const value = valueFor("indexPut", x, values, [...flat.shape, ...rest]);
  const count = sizeOfShape(flat.shape);
  const rows = helpers.reshape(graph, value, [count, ...rest]);
  const positions = helpers.reshape(graph, flat, [count]);
  return helpers.reshape(graph, scatterRows("indexPut", kind, joined(x, indices.length), 0, positions, rows), x.shape);
}

export function maskedFill(x: Node, mask: Node, value: number): Node {
  const filled = valueFor("maskedFill", x, value, x.shape);
  const shape = helpers.broadcastShapes(mask.shape, x.shape);
  if (!shape || !sameShape(shape, x.shape)) {
    throw shapeError("maskedFill", `the mask ${formatShape(mask.shape)} does not fit ${formatShape(x.shape)}`);
  }
  return select(mask, filled, x);
}

/** The value that a reduction begins with where the tensor's own element takes no part. */
export function identity(reduce: ScatterReduction, like: Node): Node {
  const { dtype } = like;
  const float = dtype === "f32" || dtype === "f64";
  const [least, most] = float
    ? [-Infinity, Infinity]
    : dtype === "i32"
      ? [-(2 ** 31), 2 ** 31 - 1]
      : [0, dtype === "u8" ? 255 : 1];
  return graph.constant({ sum: 0, mean: 0, prod: 1, amax: least, amin: most }[reduce], like);
}

/** A leaf with values of the host. */
const hostNode = (values: TypedArray, shape: Shape, dtype: DType): Node =>
  leafOf(Storage.from(dtype, elementsOf("tensor", values, dtype, shape)), shape, null);

/** Positions at which a flag is set, in row-major order. */
function setPositions(flags: TypedArray): number[] {
  const found: number[] = [];
  flags.forEach((flag: number, i: number) => {
    if (flag !== 0) found.push(i);
  });
  return found;
}

/** Positions of set flags as a vector. */
export function flatPositions(flags: TypedArray): Node {
  const found = setPositions(flags);
  return hostNode(Int32Array.from(found), [found.length], "i32");
}

/** Coordinates of set flags, [count, rank]. */
export function positionsOf(flags: TypedArray, shape: Shape): Node {
  const found = setPositions(flags);
  const coordinates = new Int32Array(found.length * shape.length);
  found.forEach((position, row) => {
    let rest = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      coordinates[row * shape.length + axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
  });
  return hostNode(coordinates, [found.length, shape.length], "i32");
}

/** The distinct values in ascending order, NaN last. */
export function uniqueOf(values: TypedArray, dtype: DType): Node {
  const distinct = [...new Set(values)].map((value) => (value === 0 ? 0 : value)).sort(ascending);
  return hostNode(Float64Array.from(distinct), [distinct.length], dtype);
}

const ascending = (a: number, b: number): number =>
  Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b;
