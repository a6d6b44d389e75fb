/**
 * Pooling over sliding windows of one, two or three axes, on nodes: argument checks, the sizes of windows, and the
 * conversion to a padded window and a reduction over its taps.
 */
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { ConfigError } from "../util/errors.js";
import { dtypeError, located, shapeError } from "./check.js";
import { tensor } from "./create.js";
import { asFloat } from "./elementwise.js";
import * as shapes from "./shapes.js";
import { AXES, type Pair, type Rank, type Sizes, sizesOf } from "./sizes.js";

/** Options of pooling. */
export interface PoolOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly dilation?: Sizes;
  readonly ceilMode?: boolean;
}

/** Options of average pooling. */
export interface AvgPoolOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly ceilMode?: boolean;
  readonly countIncludePad?: boolean;
  readonly divisorOverride?: number | null;
}

/** The windows along one axis. */
interface Axis {
  readonly length: number;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  /** Number of windows. */
  readonly count: number;
}

const reachOf = ({ size, dilation }: Axis): number => dilation * (size - 1) + 1;

function axesOfWindows(op: string, rank: Rank, x: Node, kernelSize: Sizes, options: PoolOptions): Axis[] {
  if (x.shape.length !== rank + 2) throw shapeError(op, `needs x [N, C, ${AXES[rank]}], got ${formatShape(x.shape)}`);
  const kernel = sizesOf(kernelSize, rank);
  const stride = sizesOf(options.stride ?? kernel, rank);
  const padding = sizesOf(options.padding ?? 0, rank);
  const dilation = sizesOf(options.dilation ?? 1, rank);
  checkPoolPadding(op, kernel, padding);
  return x.shape.slice(2).map((length, i) => {
    const axis = { length, size: kernel[i], stride: stride[i], padding: padding[i], dilation: dilation[i], count: 0 };
    const room = length + 2 * axis.padding - reachOf(axis);
    if (room < 0) {
      const problem = `window ${kernel.join("×")} is larger than the padded image ${formatShape(x.shape)}`;
      throw shapeError(op, problem, "Use a smaller window or more padding");
    }
    if (!options.ceilMode) return { ...axis, count: Math.floor(room / axis.stride) + 1 };
    const count = Math.ceil(room / axis.stride) + 1;
    // A window that would begin in the padding after the axis is left out.
    const late = (count - 1) * axis.stride >= length + axis.padding;
    return { ...axis, count: late ? count - 1 : count };
  });
}

/** Refuses more padding than half a window, which would give windows that lie in the padding alone. */
export function checkPoolPadding(op: string, kernel: readonly number[], padding: readonly number[]): void {
  if (padding.every((p, i) => 2 * p <= kernel[i])) return;
  throw new ConfigError(
    located(op, `padding ${formatShape(padding)} is more than half of kernelSize ${formatShape(kernel)}`),
    { hint: `Use padding of at most ${Math.floor(Math.min(...kernel) / 2)}` },
  );
}

/** Padded sliding windows with a last axis of taps: [N, C, ...counts, taps]. */
function windows(x: Node, axes: readonly Axis[], fill: number): Node {
  const before = [0, 0, ...axes.map(({ padding }) => padding)];
  const lengths = axes.map((axis) =>
    Math.max(axis.length + 2 * axis.padding, (axis.count - 1) * axis.stride + reachOf(axis)),
  );
  const padded = graph.make("pad", [x], { before, value: fill }, { shape: [...x.shape.slice(0, 2), ...lengths] });
  const sliding = axes.map(({ size, stride, dilation }, i) => ({ axis: i + 2, size, stride, dilation }));
  const taps = graph.make("window", [padded], { axes: sliding });
  return helpers.reshape(graph, taps, [...taps.shape.slice(0, axes.length + 2), tapsOf(axes)]);
}

const tapsOf = (axes: readonly Axis[]): number => axes.reduce((product, { size }) => product * size, 1);

/** Windows padded with the least value of the dtype, so that padding is no maximum. */
function maxWindows(op: string, x: Node, axes: readonly Axis[]): Node {
  if (x.dtype === "bool") throw dtypeError(op, "does not take bool", 'Use x.to("u8")');
  const lowest = isFloat(x.dtype) ? Number.NEGATIVE_INFINITY : x.dtype === "u8" ? 0 : -(2 ** 31);
  return windows(x, axes, lowest);
}

/**
 * The largest tap of each window; the gradient goes to the first of equal taps, as in PyTorch. A preceding ReLU is
 * moved after the pooling, since it is monotone: values and gradients are the same, with less work and without storing
 * the image before pooling.
 */
export function maxPool(rank: Rank, x: Node, kernelSize: Sizes, options: PoolOptions): Node {
  if (x.op === "relu") return graph.op("relu", maxPool(rank, x.inputs[0], kernelSize, options));
  const op = `maxPool${rank}d`;
  const axes = axesOfWindows(op, rank, x, kernelSize, options);
  return firstMax(maxWindows(op, x, axes));
}

/** The largest element along the last axis; the gradient goes to the first of equal ones. */
export const firstMax = (x: Node): Node =>
  graph.make("reduce", [x], { kind: "max", axes: [x.shape.length - 1], ties: "first" });

/** The position in the plane of the largest tap of each window, as i32. */
export function maxPoolIndices(rank: Rank, x: Node, kernelSize: Sizes, options: PoolOptions): Node {
  const op = `maxPool${rank}dWithIndices`;
  const axes = axesOfWindows(op, rank, x, kernelSize, options);
  const tap = graph.make("argmax", [maxWindows(op, x, axes)], { axis: rank + 2 });
  return axes.reduce<Node | null>((flat, axis, i) => {
    const later = axes.slice(i + 1).reduce((product, { size }) => product * size, 1);
    const offsets = Array.from({ length: tapsOf(axes) }, (_, t) => axis.dilation * (Math.floor(t / later) % axis.size));
    const starts = Array.from({ length: axis.count }, (_, o) => o * axis.stride - axis.padding);
    // Where all taps are −∞ the first one wins, which may lie in the padding: the first real one takes its place.
    const firsts = starts.map((start) =>
      start < 0 ? start + Math.ceil(-start / axis.dilation) * axis.dilation : start,
    );
    const found = graph.op("add", shapes.take(integers(offsets), tap, 0), alongAxis(integers(starts), i, tap));
    const position = graph.op("max", found, alongAxis(integers(firsts), i, tap));
    return flat ? graph.op("add", graph.op("mul", flat, graph.constant(axis.length, flat)), position) : position;
  }, null) as Node;
}

const integers = (values: readonly number[]): Node => tensor(Int32Array.from(values), { dtype: "i32" }).node;

/** A vector along axis `space` of the axes behind N and C, broadcast to the shape of `like`. */
function alongAxis(vector: Node, space: number, like: Node): Node {
  const shape = like.shape.map((n, axis) => (axis === space + 2 ? n : 1));
  return helpers.broadcast(graph, helpers.reshape(graph, vector, shape), like.shape);
}

export function avgPool(rank: Rank, image: Node, kernelSize: Sizes, options: AvgPoolOptions): Node {
  const x = asFloat(image);
  const axes = axesOfWindows(`avgPool${rank}d`, rank, x, kernelSize, options);
  const sum = helpers.reduceSum(graph, windows(x, axes, 0), [rank + 2]);
  const { countIncludePad = true, divisorOverride } = options;
  if (typeof divisorOverride === "number") return graph.op("div", sum, graph.constant(divisorOverride, sum));
  const counts = axes.map((axis) => elementsOf(axis, countIncludePad));
  if (counts.every((vector) => vector.every((n) => n === vector[0]))) {
    const divisor = counts.reduce((product, vector) => product * (vector[0] ?? 1), 1);
    return graph.op("div", sum, graph.constant(divisor, sum));
  }
  const divisors = counts.map((vector, i) => alongAxis(tensor([...vector], { dtype: x.dtype }).node, i, sum));
  return graph.op(
    "div",
    sum,
    divisors.reduce((product, divisor) => graph.op("mul", product, divisor)),
  );
}

/** Number of elements of each window of an axis; padding counts with `countIncludePad`, what `ceilMode` adds never. */
function elementsOf({ length, size, stride, padding, count }: Axis, countIncludePad: boolean): number[] {
  return Array.from({ length: count }, (_, o) => {
    const start = o * stride - padding;
    const end = start + size;
    return countIncludePad ? Math.min(end, length + padding) - start : Math.min(end, length) - Math.max(start, 0);
  });
}

/** The windows of images: their size, and how they lie. */
export interface WindowOptions {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
}

const slidingAxes = ({ kernel, stride, dilation }: WindowOptions) =>
  kernel.map((size, i) => ({ axis: i + 2, size, stride: stride[i], dilation: dilation[i] }));

const paddedShape = (shape: readonly number[], { padding }: WindowOptions): number[] =>
  shape.map((n, axis) => (axis < 2 ? n : n + 2 * padding[axis - 2]));

/** [N, C, H, W] -> [N, C, rows, columns, Kh, Kw], with zeros around the images. */
export function unfoldWindows(x: Node, options: WindowOptions): Node {
  const before = [0, 0, ...options.padding];
  const padded = graph.make("pad", [x], { before, value: 0 }, { shape: paddedShape(x.shape, options) });
  return graph.make("window", [padded], { axes: slidingAxes(options) });
}

/** The adjoint of {@link unfoldWindows} for images of a size. */
export function foldWindows(x: Node, size: Pair, options: WindowOptions): Node {
  const shape = [x.shape[0], x.shape[1], ...size];
  const padded = paddedShape(shape, options);
  const sum = graph.make("fold", [x], { axes: slidingAxes(options) }, { shape: padded });
  return graph.make("slice", [sum], { start: [0, 0, ...options.padding], step: [1, 1, 1, 1] }, { shape });
}
