/**
 * Tensor: an immutable handle to a node of the lazy graph. Building is synchronous and checks shapes and dtypes;
 * reading is asynchronous and computes. Must not know devices.
 */
import { differentiate } from "../autograd/index.js";
import { type DType, isFloat, type TypedArray } from "../ir/dtype.js";
import { formatShape, type Node, type ReduceKind, type Shape, sizeOfShape, topological } from "../ir/graph.js";
import type { ScalarName } from "../ir/scalar/index.js";
import { graph, helpers } from "../ops/index.js";
import { checkMethods, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { either, flag, instance, type Kind, list, number, optional, shape } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import { gradCellOf, isGradEnabled, refuseWhileTracing } from "./cells.js";
import { axesOf, axisOf, located, shapeError, unconnectedError } from "./check.js";
import { type Context, contextOf } from "./context.js";
import { matmul } from "./contract.js";
import * as elementwise from "./elementwise.js";
import { readValue } from "./evaluate.js";
import { formatKnown, formatValues, type Nested, nest } from "./format.js";
import { carriesGradient, recordForgotten } from "./history.js";
import { dimKind, dimsKind, dtypeKind } from "./kinds.js";
import type {
  ClampOptions,
  DimOptions,
  FlattenOptions,
  PadOptions,
  PositionOptions,
  ReduceOptions,
  SliceOptions,
  VarianceOptions,
} from "./options.js";
import { availableValues, copyOfLeaf, type QueuedRun, realizedLeaf, storageOf, valueStorage } from "./realized.js";
import * as shapes from "./shapes.js";

/** A tensor, or a number that is broadcast. */
export type TensorLike = Tensor | number;
/**
 * A multi-dimensional array that is computed when it is read.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const y = x.matmul(x).add(1).sum({ dim: 1 }); // [19, 39]
 */
export class Tensor {
  private current: Node;
  private gradient: Tensor | null = null;

  /** Wraps a graph node; users create tensors with `tensor`, `zeros`, `Generator` and similar functions. */
  constructor(node: Node) {
    this.current = node;
  }

  /** The graph node behind this tensor. */
  get node(): Node {
    this.releaseGraph();
    return this.current;
  }
  /** Releases the graph of a computed value through which no gradient flows. */
  private releaseGraph(): void {
    const { current } = this;
    const leaf = realizedLeaf(current);
    if (!leaf || leaf === current || carriesGradient(current)) return;
    recordForgotten(current, leaf);
    this.current = leaf;
  }
  /** Sizes of the axes; [] for a scalar. */
  get shape(): Shape {
    return this.current.shape;
  }
  /** Type of the elements. */
  get dtype(): DType {
    return this.current.dtype;
  }
  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOfShape(this.shape);
  }
  /** The context that computes the value: that of the variables that it depends on, else the current one. */
  get context(): Context {
    return contextOf(this.version().node);
  }
  /** True if `backward` accumulates a gradient in `.grad`. */
  get requiresGrad(): boolean {
    return false;
  }
  /** The gradient that `backward` has accumulated; null if none. */
  get grad(): Tensor | null {
    return this.gradient;
  }
  set grad(value: Tensor | null) {
    this.gradient = value;
  }

  private make(node: Node): Tensor {
    return new Tensor(isGradEnabled() ? node : graph.make("detach", [node], {}));
  }
  private operand(other: TensorLike): Node {
    if (typeof other !== "number") return other.node;
    return elementwise.scalar(other, this.node);
  }
  private binary(name: ScalarName, other: TensorLike): Tensor {
    return this.make(elementwise.binary(name, this.node, this.operand(other)));
  }
  private unary(name: ScalarName): Tensor {
    return this.make(graph.op(name, this.node));
  }
  private floating(name: ScalarName): Tensor {
    return this.make(graph.op(name, elementwise.asFloat(this.node)));
  }

  /** Sum of elements, broadcasting. */
  add(other: TensorLike): Tensor {
    return this.binary("add", other);
  }
  /** Difference of elements, broadcasting. */
  sub(other: TensorLike): Tensor {
    return this.binary("sub", other);
  }
  /** Product of elements, broadcasting. */
  mul(other: TensorLike): Tensor {
    return this.binary("mul", other);
  }
  /** Quotient of elements, broadcasting; integers become f32. */
  div(other: TensorLike): Tensor {
    return this.binary("div", other);
  }
  /** Elements raised to a power, broadcasting; integers become f32. */
  pow(exponent: TensorLike): Tensor {
    const fixed = typeof exponent === "number" ? exponent : null;
    return this.make(elementwise.power(this.node, this.operand(exponent), fixed));
  }
  /** Larger of two elements; NaN wins; ties divide the gradient equally. */
  maximum(other: TensorLike): Tensor {
    return this.binary("max", other);
  }
  /** Smaller of two elements; NaN wins; ties divide the gradient equally. */
  minimum(other: TensorLike): Tensor {
    return this.binary("min", other);
  }
  /**
   * a − b ⌊a / b⌋: the exact remainder with the sign of the divisor, broadcasting. For a divisor 0 it is NaN for
   * floats, and 0 for integer tensors.
   *
   * @throws ConfigError for integers and a divisor that is the number 0
   */
  mod(other: TensorLike): Tensor {
    const divisor = typeof other === "number" ? other : null;
    return this.make(elementwise.remainder(this.node, this.operand(other), divisor));
  }
  /** True where a = b, broadcasting. */
  eq(other: TensorLike): Tensor {
    return this.binary("eq", other);
  }
  /** True where a ≠ b, broadcasting; NaN differs from everything. */
  ne(other: TensorLike): Tensor {
    return this.binary("ne", other);
  }
  /** True where a < b, broadcasting. */
  lt(other: TensorLike): Tensor {
    return this.binary("lt", other);
  }
  /** True where a ≤ b, broadcasting. */
  le(other: TensorLike): Tensor {
    return this.binary("le", other);
  }
  /** True where a > b, broadcasting. */
  gt(other: TensorLike): Tensor {
    return this.make(elementwise.binary("lt", this.operand(other), this.node));
  }
  /** True where a ≥ b, broadcasting. */
  ge(other: TensorLike): Tensor {
    return this.make(elementwise.binary("le", this.operand(other), this.node));
  }
  /** True where both are true (not zero), broadcasting. */
  logicalAnd(other: TensorLike): Tensor {
    return this.binary("and", other);
  }
  /** True where either is true (not zero), broadcasting. */
  logicalOr(other: TensorLike): Tensor {
    return this.binary("or", other);
  }
  /** True where the element is false (zero). */
  logicalNot(): Tensor {
    return this.make(graph.op("not", graph.cast(this.node, "bool")));
  }
  /** −x */
  neg(): Tensor {
    return this.unary("neg");
  }
  /** |x|, with gradient 0 at 0. */
  abs(): Tensor {
    return this.unary("abs");
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return this.unary("sign");
  }
  /** e^x; integers become f32. */
  exp(): Tensor {
    return this.floating("exp");
  }
  /** Natural logarithm. */
  log(): Tensor {
    return this.floating("log");
  }
  /** √x; NaN below 0. */
  sqrt(): Tensor {
    return this.floating("sqrt");
  }
  /** 1 / √x */
  rsqrt(): Tensor {
    return this.sqrt().reciprocal();
  }
  /** x² */
  square(): Tensor {
    return this.mul(this);
  }
  /** 1 / x */
  reciprocal(): Tensor {
    const x = elementwise.asFloat(this.node);
    return this.make(graph.op("div", graph.constant(1, x), x));
  }
  /** Sine, of radians. */
  sin(): Tensor {
    return this.floating("sin");
  }
  /** Cosine, of radians. */
  cos(): Tensor {
    return this.floating("cos");
  }
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return this.floating("tanh");
  }
  /** The error function. */
  erf(): Tensor {
    return this.floating("erf");
  }
  /** 1 / (1 + e^−x) */
  sigmoid(): Tensor {
    return this.make(elementwise.sigmoid(this.node));
  }
  /** max(x, 0), with gradient 0 at 0. */
  relu(): Tensor {
    return this.unary("relu");
  }
  /** Largest integer ≤ x. */
  floor(): Tensor {
    return isFloat(this.dtype) ? this.unary("floor") : this;
  }
  /** Smallest integer ≥ x. */
  ceil(): Tensor {
    return isFloat(this.dtype) ? this.neg().floor().neg() : this;
  }
  /** Nearest integer; ties round to even. */
  round(): Tensor {
    return isFloat(this.dtype) ? this.unary("round") : this;
  }
  /** Elements limited to [min, max]. */
  clamp({ min, max }: ClampOptions = {}): Tensor {
    return this.make(elementwise.clamp(this.node, min, max));
  }
  /**
   * Converts to another dtype. Floats become i32 by truncation with saturation, NaN becomes 0; u8 is the low byte of
   * that. Integers keep their low bits; bool is true unless the value is 0.
   */
  to(dtype: DType): Tensor {
    return this.make(graph.cast(this.node, dtype));
  }
  /** Selects `a` where this condition is true, else `b`. */
  where(a: TensorLike, b: TensorLike): Tensor {
    const like = typeof a !== "number" ? a.node : typeof b !== "number" ? b.node : graph.typed(0, "f32", this.node);
    const pick = (x: TensorLike) => (typeof x === "number" ? elementwise.scalar(x, like) : x.node);
    return this.make(elementwise.select(this.node, pick(a), pick(b)));
  }

  /** The same elements in another shape; one size may be −1. */
  reshape(shape: Shape): Tensor {
    return this.make(shapes.reshape(this.node, shape));
  }
  /** Merges axes `startDim` to `endDim` into one; by default all. */
  flatten({ startDim = 0, endDim = -1 }: FlattenOptions = {}): Tensor {
    return this.make(shapes.flatten(this.node, startDim, endDim));
  }
  /** Swaps two axes; without arguments the last two. */
  transpose(): Tensor;
  transpose(dim0: number, dim1: number): Tensor;
  transpose(dim0?: number, dim1?: number): Tensor {
    if ((dim0 === undefined) !== (dim1 === undefined)) {
      throw new ConfigError(located("transpose", "got one axis"), { hint: "Give both: transpose(dim0, dim1)" });
    }
    if (this.rank < 2) throw shapeError("transpose", `needs two axes, got ${formatShape(this.shape)}`);
    const [a, b] = [axisOf("transpose", dim0 ?? -2, this.shape), axisOf("transpose", dim1 ?? -1, this.shape)];
    return this.make(helpers.swap(graph, this.node, a, b));
  }
  /** Reorders the axes. */
  permute(dims: readonly number[]): Tensor {
    return this.make(shapes.permute(this.node, dims));
  }
  /** Inserts an axis of size 1. */
  unsqueeze(dim: number): Tensor {
    return this.make(shapes.unsqueeze(this.node, dim));
  }
  /** Removes an axis of size 1; by default all of them. */
  squeeze({ dim }: DimOptions = {}): Tensor {
    return this.make(shapes.squeeze(this.node, dim));
  }
  /** Repeats axes of size 1 to fill `shape`; −1 keeps a size. */
  expand(shape: Shape): Tensor {
    return this.make(shapes.expand(this.node, shape));
  }
  /** Every `step`-th of the elements start ≤ i < end along an axis; negative positions count from its end. */
  slice(dim: number, start: number, end: number, { step = 1 }: SliceOptions = {}): Tensor {
    return this.make(shapes.slice(this.node, dim, start, end, step));
  }
  /** Selects one position of an axis and removes the axis. */
  select(dim: number, index: number): Tensor {
    return this.make(shapes.select(this.node, dim, index));
  }
  /** Pads with a value, by default 0: one [before, after] pair per axis. */
  pad(pads: readonly (readonly [number, number])[], { value = 0 }: PadOptions = {}): Tensor {
    return this.make(shapes.pad(this.node, pads, value));
  }
  /** Reverses an axis. */
  flip(dim: number): Tensor {
    return this.make(shapes.flip(this.node, dim));
  }
  /** Rows along an axis, in the order of i32 `indices` of any shape; an index out of range gives NaN. */
  take(indices: Tensor, { dim = 0 }: DimOptions = {}): Tensor {
    return this.make(shapes.take(this.node, indices.node, dim));
  }
  /** Elements along an axis at i32 positions of the same rank, as torch.gather. */
  gather(dim: number, index: Tensor): Tensor {
    return this.make(graph.make("gather", [this.node, index.node], { axis: axisOf("gather", dim, this.shape) }));
  }

  private reduce(op: string, kind: ReduceKind, { dim, keepdim = false }: ReduceOptions): Tensor {
    // Sums and products of small integers are i32, because they would overflow.
    const narrow = this.dtype === "bool" || (this.dtype === "u8" && (kind === "sum" || kind === "prod"));
    const x = narrow ? graph.cast(this.node, "i32") : this.node;
    const axes = axesOf(op, dim, x.shape);
    const empty = axes.some((axis) => x.shape[axis] === 0);
    if (empty && (kind === "max" || kind === "min")) throw shapeError(op, `of no elements: ${formatShape(x.shape)}`);
    const ties = typeof dim === "number" ? { ties: "first" as const } : {};
    const result = graph.make("reduce", [x], { kind, axes, ...ties });
    return this.make(keepdim ? helpers.reshape(graph, result, kept(x.shape, axes)) : result);
  }
  /** Sum over axes. */
  sum(options: ReduceOptions = {}): Tensor {
    return this.reduce("sum", "sum", options);
  }
  /** Mean over axes; integers become f32. */
  mean(options: ReduceOptions = {}): Tensor {
    const axes = axesOf("mean", options.dim, this.shape);
    const count = axes.reduce((n, axis) => n * this.shape[axis], 1);
    return floats(this).sum(options).div(count);
  }
  /**
   * Largest element over axes; along one `dim` the gradient goes to the first of equals, else it is divided equally.
   */
  max(options: ReduceOptions = {}): Tensor {
    return this.reduce("max", "max", options);
  }
  /** Smallest element over axes. */
  min(options: ReduceOptions = {}): Tensor {
    return this.reduce("min", "min", options);
  }
  /** Product over axes. */
  prod(options: ReduceOptions = {}): Tensor {
    return this.reduce("prod", "prod", options);
  }
  /** Variance over axes: Σ (x − mean)² / (n − correction); correction 1 (unbiased) by default. */
  variance({ dim, keepdim = false, correction = 1 }: VarianceOptions = {}): Tensor {
    const axes = axesOf("variance", dim, this.shape);
    const count = axes.reduce((n, axis) => n * this.shape[axis], 1);
    const result = graph.make("variance", [floats(this).node], { axes, divisor: Math.max(0, count - correction) });
    const shape = this.shape.filter((_, axis) => !axes.includes(axis));
    return this.make(keepdim ? result : helpers.reshape(graph, result, shape));
  }
  /** Position of the first largest element, as i32: along `dim`, or of all elements in row-major order. */
  argmax({ dim, keepdim = false }: PositionOptions = {}): Tensor {
    if (dim === undefined) return this.flatten().argmax({ dim: 0 });
    const axis = axisOf("argmax", dim, this.shape);
    const result = graph.make("argmax", [this.dtype === "bool" ? graph.cast(this.node, "i32") : this.node], { axis });
    return this.make(keepdim ? helpers.reshape(graph, result, kept(this.shape, [axis])) : result);
  }
  /** Position of the first smallest element. */
  argmin(options: PositionOptions = {}): Tensor {
    // −1 − x reverses the order of integers without overflow.
    const reversed = isFloat(this.dtype)
      ? this.neg()
      : new Tensor(graph.typed(-1, "i32", this.node)).sub(this.to("i32"));
    return reversed.argmax(options);
  }

  /** Matrix product [.., M, K] · [.., K, N] -> [.., M, N], broadcasting leading axes; of u8 and bool it is i32. */
  matmul(other: Tensor): Tensor {
    return this.make(matmul(this.node, other.node));
  }
  /** This minus its maximum along an axis (which may be empty), so that its exponentials do not overflow. */
  private belowMax(op: string, dim: number): Tensor {
    const x = floats(this);
    const axis = axisOf(op, dim, x.shape);
    return x.shape[axis] === 0 ? x : x.sub(x.max({ dim, keepdim: true }).detach());
  }
  /** e^x / Σ e^x along an axis, without overflow; integers become f32. */
  softmax(dim: number): Tensor {
    if (this.size === 0) return this.exp();
    const shifted = this.belowMax("softmax", dim).exp();
    return shifted.div(shifted.sum({ dim, keepdim: true }));
  }
  /** x − log Σ e^x along an axis, without overflow; integers become f32. */
  logSoftmax(dim: number): Tensor {
    if (this.size === 0) return this.exp();
    const shifted = this.belowMax("logSoftmax", dim);
    return shifted.sub(shifted.exp().sum({ dim, keepdim: true }).log());
  }

  /** The same value, constant to `backward`. */
  detach(): Tensor {
    const { node } = this;
    const leaf = realizedLeaf(node);
    const storage = leaf && storageOf(leaf);
    return new Tensor(leaf && storage ? copyOfLeaf(leaf, storage) : graph.make("detach", [node], {}));
  }

  /**
   * Adds the gradient of this scalar to `.grad` of every parameter that it was computed from.
   *
   * @throws ShapeError if this is not a scalar
   * @throws FoveaError if it depends on no tensor that requires a gradient
   */
  backward(): void {
    if (this.size !== 1)
      throw shapeError("backward", `needs a scalar, got ${formatShape(this.shape)}`, "Take .mean() or .sum() first");
    const isParameter = (node: Node) => gradCellOf(node) !== undefined;
    const found = topological([this.node], isParameter).filter(isParameter);
    const gradients = differentiate(this.node, graph.constant(1, this.node), found, isParameter);
    if (gradients.every((g) => !g)) throw unconnectedError("backward");
    found.forEach((node, i) => {
      const g = gradients[i];
      if (g) gradCellOf(node)?.accumulate(g);
    });
  }

  /** The elements in row-major order. */
  data(): Promise<TypedArray> {
    refuseWhileTracing("data");
    const { node, writer } = this.version();
    return readValue(node, writer).finally(() => this.releaseGraph());
  }

  /**
   * The present value, and the queued run that computes it; null if none does.
   *
   * @internal
   */
  version(): { readonly node: Node; readonly writer: QueuedRun | null } {
    return { node: this.node, writer: null };
  }

  /** The only element, as a number. */
  item(): Promise<number> {
    refuseWhileTracing("item");
    if (this.size === 1) return this.data().then(([value]) => value);
    return Promise.reject(shapeError("item", `needs one element, got ${formatShape(this.shape)}`));
  }

  /** The elements as nested arrays (a number for a scalar). */
  toArray(): Promise<Nested> {
    refuseWhileTracing("toArray");
    return this.data().then((values) => nest(values, this.shape, this.dtype));
  }

  /** The shape, dtype and values as text. */
  toText(): Promise<string> {
    refuseWhileTracing("toText");
    return this.data().then((values) => formatValues(values, this.shape, this.dtype));
  }

  /** Frees the memory of a computed tensor now, not when it is garbage-collected: `using y = await step(x)`. */
  [Symbol.dispose](): void {
    const leaf = realizedLeaf(this.current);
    if (leaf) valueStorage(leaf).release();
  }

  /** Dtype and shape, and the values if they are computed; computes nothing. */
  toString(): string {
    return formatKnown(availableValues(this.latest), this.shape, this.dtype);
  }
  /** The text that `console.log` shows in Node. */
  [inspectKey](): string {
    return this.toString();
  }
  /** @internal The node of the value, without marking it as read. */
  protected get latest(): Node {
    return this.current;
  }
}

export const tensorKind: Kind = {
  ...instance(Tensor, "a tensor"),
  meant: (value) => (typeof value === "number" || Array.isArray(value) ? `tensor(${spell(value)})` : undefined),
};
export const tensorLikeKind: Kind = {
  ...either(tensorKind, number),
  accepts: (value) => typeof value === "number" || value instanceof Tensor,
};

const nothing = takes();
const other = takes({ other: tensorLikeKind });
const axes = takes<ReduceOptions>({}, { dim: dimsKind, keepdim: flag });
const position = takes<PositionOptions>({}, { dim: dimKind, keepdim: flag });
const oneDim = takes({ dim: dimKind });

checkMethods(Tensor, {
  add: other,
  sub: other,
  mul: other,
  div: other,
  pow: takes({ exponent: tensorLikeKind }),
  maximum: other,
  minimum: other,
  mod: other,
  eq: other,
  ne: other,
  lt: other,
  le: other,
  gt: other,
  ge: other,
  logicalAnd: other,
  logicalOr: other,
  logicalNot: nothing,
  neg: nothing,
  abs: nothing,
  sign: nothing,
  exp: nothing,
  log: nothing,
  sqrt: nothing,
  rsqrt: nothing,
  square: nothing,
  reciprocal: nothing,
  sin: nothing,
  cos: nothing,
  tanh: nothing,
  erf: nothing,
  sigmoid: nothing,
  relu: nothing,
  floor: nothing,
  ceil: nothing,
  round: nothing,
  clamp: takes<ClampOptions>({}, { min: number, max: number }),
  to: takes({ dtype: dtypeKind }),
  where: takes({ a: tensorLikeKind, b: tensorLikeKind }),
  reshape: takes({ shape }),
  flatten: takes<FlattenOptions>({}, { startDim: dimKind, endDim: dimKind }),
  transpose: takes({ dim0: optional(dimKind), dim1: optional(dimKind) }),
  permute: takes({ dims: list(number, "an array of axes") }),
  unsqueeze: oneDim,
  squeeze: takes<DimOptions>({}, { dim: dimKind }),
  expand: takes({ shape }),
  slice: takes<SliceOptions>({ dim: dimKind, start: number, end: number }, { step: number }),
  select: takes({ dim: dimKind, index: number }),
  pad: takes<PadOptions>(
    { pads: list(list(number, "a pair"), "an array of [before, after] pairs") },
    { value: number },
  ),
  flip: oneDim,
  take: takes<DimOptions>({ indices: tensorKind }, { dim: dimKind }),
  gather: takes({ dim: dimKind, index: tensorKind }),
  sum: axes,
  mean: axes,
  max: axes,
  min: axes,
  prod: axes,
  variance: takes<VarianceOptions>({}, { dim: dimsKind, keepdim: flag, correction: number }),
  argmax: position,
  argmin: position,
  matmul: takes({ other: tensorKind }),
  softmax: oneDim,
  logSoftmax: oneDim,
  detach: nothing,
  backward: nothing,
  data: nothing,
  item: nothing,
  toArray: nothing,
  toText: nothing,
});

/** A tensor of floats: integers and bools become f32. */
export const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.to("f32"));
const kept = (shape: Shape, axes: readonly number[]): number[] => shape.map((n, i) => (axes.includes(i) ? 1 : n));
