/**
 * Records of the reductions: reduce (sum, max, min, prod over axes, which are dropped) and argmax (first position of the
 * largest element along one axis, NaN counting as largest), and the variance.
 */
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node, type ReduceKind, type StructuralName } from "../ir/graph.js";
import { DTypeError, ShapeError } from "../util/errors.js";
import { reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

/** The shape in which reduced axes have size 1. */
const keptShape = (x: Node, axes: readonly number[]): number[] =>
  x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));

const keptSum = (e: Builder, x: Node, axes: readonly number[]): Node =>
  reshape(e, reduceSum(e, x, axes), keptShape(x, axes));

/** Puts reduced axes back and repeats along them. */
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
    const out = restore(e, node, x, axes);
    if (kind === "prod") return [productGradient(e, spread, out, x, axes)];
    if (node.attrs.ties === "first") return [toFirst(e, spread, x, axes[0], kind)];
    // Shared evenly between ties, as PyTorch's amax.
    const hit = e.op("eq", x, out);
    const count = e.make("reduce", [e.cast(hit, x.dtype)], { kind: "sum", axes });
    return [e.op("select", hit, e.op("div", spread, restore(e, count, x, axes)), e.constant(0, x))];
  },
};

/** The gradient where the first extremum along an axis is, zero elsewhere. */
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

/** g · ∏ / x, with the product of the others taken where exactly one factor is zero. */
function productGradient(e: Builder, g: Node, out: Node, x: Node, axes: readonly number[]): Node {
  const isZero = e.op("eq", x, e.constant(0, x));
  const one = e.constant(1, x);
  const withoutZeros = e.make("reduce", [e.op("select", isZero, one, x)], { kind: "prod", axes });
  const zeros = e.make("reduce", [e.cast(isZero, x.dtype)], { kind: "sum", axes });
  const others = restore(e, withoutZeros, x, axes);
  const single = e.op("eq", restore(e, zeros, x, axes), one);
  const atZero = e.op("select", single, others, e.constant(0, x));
  const elsewhere = e.op("div", out, e.op("select", isZero, one, x));
  return e.op("mul", g, e.op("select", isZero, atZero, elsewhere));
}

/** x less its mean over the axes. */
function centred(e: Builder, x: Node, axes: readonly number[]): Node {
  const sum = keptSum(e, x, axes);
  const count = axes.reduce((n, axis) => n * x.shape[axis], 1);
  const mean = e.op("div", sum, e.constant(count, sum));
  return e.op("sub", x, e.make("expand", [mean], {}, { shape: x.shape }));
}

/**
 * An op of its own for the sake of its gradient, g · 2 (x − mean) / divisor: differentiated step by step, it would carry a
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
