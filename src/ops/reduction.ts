/**
 * Records of the reductions: reduce (sum, max, min, prod over axes, which are dropped) and argmax (first position of
 * the largest element along one axis, NaN counting as largest), and the variance.
 */
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node, type ReduceKind, type StructuralName, sizeOfShape } from "../ir/graph.js";
import { DTypeError, ShapeError } from "../util/errors.js";
import { permute, reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

/** The shape in which reduced axes have size 1. */
const keptShape = (x: Node, axes: readonly number[]): number[] =>
  x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));

const keptSum = (e: Builder, x: Node, axes: readonly number[]): Node =>
  reshape(e, reduceSum(e, x, axes), keptShape(x, axes));

/** Broadcasts a result of a reduction to the shape of its operand. */
function restore(e: Builder, x: Node, like: Node, axes: readonly number[]): Node {
  return e.make("expand", [reshape(e, x, keptShape(like, axes))], {}, { shape: like.shape });
}

function checkAxes(op: string, x: Node, axes: readonly number[]): void {
  if (axes.some((axis) => axis < 0 || axis >= x.shape.length)) {
    throw new ShapeError(`[${op}] axes ${formatShape(axes)} are not all in ${formatShape(x.shape)}`);
  }
}

const reduceRecord: StructuralRecord<"reduce"> = {
  kind: "reduction",
  type: ([x], { kind, axes }) => {
    checkAxes("reduce", x, axes);
    if (x.dtype === "bool")
      throw new DTypeError(`[reduce] cannot take the ${kind} of bool`, { hint: 'Use .to("i32") first' });
    return { shape: x.shape.filter((_, axis) => !axes.includes(axis)), dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const [x] = node.inputs;
    const { kind, axes } = node.attrs;
    if (!isFloat(x.dtype)) return [null];
    const spread = restore(e, g, x, axes);
    if (kind === "sum") return [spread];
    if (kind === "prod") return [productGradient(e, spread, x, axes)];
    const out = restore(e, node, x, axes);
    if (node.attrs.ties === "first") return [toFirst(e, spread, x, axes[0], kind)];
    // Ties share the gradient evenly, as in PyTorch's amax.
    const hit = e.op("eq", x, out);
    const count = e.make("reduce", [e.cast(hit, x.dtype)], { kind: "sum", axes });
    return [e.op("select", hit, e.op("div", spread, restore(e, count, x, axes)), e.constant(0, x))];
  },
};

/** The gradient at the first extremum along an axis, zero elsewhere. */
function toFirst(e: Builder, g: Node, x: Node, axis: number, kind: ReduceKind): Node {
  const winner = e.make("argmax", [kind === "min" ? e.op("neg", x) : x], { axis });
  const column = reshape(
    e,
    winner,
    x.shape.map((n, i) => (i === axis ? 1 : n)),
  );
  const position = e.make("iota", [], { axis }, { shape: x.shape });
  const wins = e.op("eq", position, e.make("expand", [column], {}, { shape: x.shape }));
  return e.op("select", wins, g, e.constant(0, g));
}

/**
 * g · ∏ of the other elements, as the product of those before and those after an element. Dividing the whole product by
 * the element would be wrong if it is zero, and so would be second derivatives if two elements are.
 */
function productGradient(e: Builder, g: Node, x: Node, axes: readonly number[]): Node {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const moved = permute(e, x, order);
  const count = axes.reduce((n, axis) => n * x.shape[axis], 1);
  if (sizeOfShape(x.shape) === 0) return g;
  const rows = reshape(e, moved, [sizeOfShape(x.shape) / count, count]);
  const others = e.op("mul", productBefore(e, rows, 1), productBefore(e, rows, -1));
  const back = order.map((_, axis) => order.indexOf(axis));
  return e.op("mul", g, permute(e, reshape(e, others, moved.shape), back));
}

/** The product of the elements on one side of each element of a row: [R, L] -> [R, L], in log₂ L steps. */
function productBefore(e: Builder, rows: Node, direction: 1 | -1): Node {
  const [count, length] = rows.shape;
  /** The rows shifted by `by` positions and filled with ones. */
  const shifted = (x: Node, by: number): Node => {
    const from = { start: [0, direction === 1 ? 0 : by], step: [1, 1] };
    const inner = e.make("slice", [x], from, { shape: [count, length - by] });
    return e.make("pad", [inner], { before: [0, direction === 1 ? by : 0], value: 1 }, { shape: rows.shape });
  };
  let product = shifted(rows, 1);
  for (let by = 1; by < length; by *= 2) product = e.op("mul", product, shifted(product, by));
  return product;
}

/** x less its mean over the axes. */
function centred(e: Builder, x: Node, axes: readonly number[]): Node {
  const sum = keptSum(e, x, axes);
  const count = axes.reduce((n, axis) => n * x.shape[axis], 1);
  const mean = e.op("div", sum, e.constant(count, sum));
  return e.op("sub", x, e.make("expand", [mean], {}, { shape: x.shape }));
}

/**
 * A separate op, since its gradient is g · 2 (x − mean) / divisor; the gradient of its decomposition would contain the
 * sum of x − mean, which is zero and costs a pass over x.
 */
const varianceRecord: StructuralRecord<"variance"> = {
  kind: "template",
  type: ([x], { axes }) => {
    checkAxes("variance", x, axes);
    return { shape: keptShape(x, axes), dtype: x.dtype };
  },
  gradient: (e, g, { inputs: [x], attrs: { axes, divisor } }) => {
    const scaled = e.op("mul", g, e.constant(2 / divisor, g));
    return [e.op("mul", centred(e, x, axes), e.make("expand", [scaled], {}, { shape: x.shape }))];
  },
  decompose: (e, { inputs: [x], attrs: { axes, divisor } }) => {
    const difference = centred(e, x, axes);
    const sum = keptSum(e, e.op("mul", difference, difference), axes);
    return e.op("div", sum, e.constant(divisor, sum));
  },
};

const argmaxRecord: StructuralRecord<"argmax"> = {
  kind: "reduction",
  type: ([x], { axis }) => {
    checkAxes("argmax", x, [axis]);
    if (x.shape[axis] === 0) throw new ShapeError(`[argmax] axis ${axis} of ${formatShape(x.shape)} is empty`);
    return { shape: x.shape.filter((_, i) => i !== axis), dtype: "i32" };
  },
  gradient: () => [null],
};

export const reductionRecords = {
  reduce: reduceRecord,
  variance: varianceRecord,
  argmax: argmaxRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
