/**
 * Matmul, convolution and pooling on nodes: argument checks, and the conversion from the public arguments (any rank,
 * pairs or numbers, padding) to the primitive ops.
 */
import { type DType, isFloat, promote } from "../ir/dtype.js";
import { formatShape, type Node, type Pair, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { ConfigError } from "../util/errors.js";
import { dtypeError, located, shapeError } from "./check.js";
import { asFloat } from "./elementwise.js";

export type { Pair };

/** Batched product with broadcasting over leading axes; vectors are rows on the left and columns on the right. */
export function matmul(a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw shapeError(
      "matmul",
      `needs at least one axis on each side: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`,
      "Use mul for scalars",
    );
  }
  sameDType("matmul", { a, b });
  // As for sums, since products of small integers would overflow their dtype.
  const dtype = a.dtype === "bool" || a.dtype === "u8" ? "i32" : a.dtype;
  const left = graph.cast(a.shape.length === 1 ? helpers.reshape(graph, a, [1, ...a.shape]) : a, dtype);
  const right = graph.cast(b.shape.length === 1 ? helpers.reshape(graph, b, [...b.shape, 1]) : b, dtype);
  const [m, k] = left.shape.slice(-2);
  const [inner, n] = right.shape.slice(-2);
  if (k !== inner) {
    const hint =
      right.shape.at(-1) === k
        ? "Did you mean b.transpose()?"
        : left.shape.at(-2) === inner
          ? "Did you mean a.transpose()?"
          : "The last axis of a must equal the last but one of b";
    throw shapeError(
      "matmul",
      `inner sizes differ: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}: ${k} ≠ ${inner}`,
      hint,
    );
  }
  const batch = helpers.broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (!batch)
    throw shapeError("matmul", `leading axes do not broadcast: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`);
  const result =
    right.shape.length === 2 && left.shape.length > 2 ? rowsTimes(left, right) : batched(left, right, batch, m, k, n);
  const kept = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return helpers.reshape(graph, result, kept);
}

/** Throws for operands of different dtypes: the caller must choose the dtype of the products. */
export function sameDType(op: string, operands: Readonly<Record<string, { readonly dtype: DType }>>): void {
  const [[first, a], [second, b]] = Object.entries(operands);
  if (a.dtype === b.dtype) return;
  const [narrow, wide] = promote(a.dtype, b.dtype) === b.dtype ? [first, b.dtype] : [second, a.dtype];
  const problem = `dtypes differ: ${first} is ${a.dtype}, ${second} is ${b.dtype}`;
  throw dtypeError(op, problem, `Convert one, such as ${narrow}.to("${wide}")`);
}

/** [.., M, K] · [K, N] as one matrix product. */
function rowsTimes(left: Node, right: Node): Node {
  const rows = sizeOfShape(left.shape.slice(0, -1));
  const [k, n] = right.shape;
  return graph.make(
    "matmul",
    [helpers.reshape(graph, left, [1, rows, k]), helpers.reshape(graph, right, [1, k, n])],
    {},
  );
}

function batched(left: Node, right: Node, batch: readonly number[], m: number, k: number, n: number): Node {
  const count = sizeOfShape(batch);
  const wide = (x: Node, rows: number, columns: number) =>
    helpers.reshape(graph, helpers.broadcast(graph, x, [...batch, rows, columns]), [count, rows, columns]);
  return graph.make("matmul", [wide(left, m, k), wide(right, k, n)], {});
}

/** A number for both axes, or [height, width]. */
export type Size2d = number | Pair;

/** A size as [height, width]. */
export const pairOf = (value: Size2d): Pair => (typeof value === "number" ? [value, value] : value);

/** Options of a convolution. */
export interface ConvOptions {
  /** Pixels between outputs, from 1; default 1. */
  readonly stride?: Size2d;
  /** Zeros on each side, from 0; default 0. */
  readonly padding?: Size2d;
  /** Pixels between taps, from 1; default 1. */
  readonly dilation?: Size2d;
  /** Channel groups, convolved independently, from 1; default 1. */
  readonly groups?: number;
}

export function conv2d(x: Node, weight: Node, options: ConvOptions): Node {
  const groups = options.groups ?? 1;
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    throw shapeError(
      "conv2d",
      `needs x [N, C, H, W] and weight [Cout, Cin / groups, Kh, Kw], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    );
  }
  sameDType("conv2d", { x, weight });
  if (x.dtype === "u8" || x.dtype === "bool") {
    throw dtypeError("conv2d", `does not take ${x.dtype}, which sums of products would overflow`, 'Use x.to("f32")');
  }
  const [, c, h, w] = x.shape;
  const [o, perGroup, kh, kw] = weight.shape;
  if (c !== perGroup * groups || o % groups !== 0) {
    throw shapeError(
      "conv2d",
      `x ${formatShape(x.shape)} has ${c} channels, weight ${formatShape(weight.shape)} with groups ${groups} expects ${perGroup * groups}`,
    );
  }
  const stride = pairOf(options.stride ?? 1);
  const padding = pairOf(options.padding ?? 0);
  const dilation = pairOf(options.dilation ?? 1);
  if (h + 2 * padding[0] < dilation[0] * (kh - 1) + 1 || w + 2 * padding[1] < dilation[1] * (kw - 1) + 1) {
    throw shapeError(
      "conv2d",
      `kernel ${kh}×${kw} is larger than the padded image ${formatShape(x.shape)}`,
      "Use a smaller kernel or more padding",
    );
  }
  return graph.make("conv2d", [x, weight], { stride, before: padding, after: padding, dilation, groups });
}

/** Options of pooling. */
export interface PoolOptions {
  /** Pixels between windows, from 1; default the kernel size. */
  readonly stride?: Size2d;
  /** Pixels around the image, at most half the window; default 0. */
  readonly padding?: Size2d;
  /** Pixels between taps, from 1; default 1. */
  readonly dilation?: Size2d;
}

/** Padded sliding windows with a last axis of taps: [N, C, Ho, Wo, Kh · Kw]. */
function windows(op: string, x: Node, kernelSize: Size2d, options: PoolOptions, fill: number): Node {
  if (x.shape.length !== 4) throw shapeError(op, `needs x [N, C, H, W], got ${formatShape(x.shape)}`);
  const kernel = pairOf(kernelSize);
  const stride = pairOf(options.stride ?? kernel);
  const padding = pairOf(options.padding ?? 0);
  const dilation = pairOf(options.dilation ?? 1);
  if (padding.some((p, i) => 2 * p > kernel[i])) {
    throw new ConfigError(
      located(op, `padding ${formatShape(padding)} is more than half of kernelSize ${formatShape(kernel)}`),
    );
  }
  const [n, c, h, w] = x.shape;
  if (
    h + 2 * padding[0] < dilation[0] * (kernel[0] - 1) + 1 ||
    w + 2 * padding[1] < dilation[1] * (kernel[1] - 1) + 1
  ) {
    throw shapeError(op, `window ${kernel[0]}×${kernel[1]} is larger than the padded image ${formatShape(x.shape)}`);
  }
  const shape = [n, c, h + 2 * padding[0], w + 2 * padding[1]];
  const padded = graph.make("pad", [x], { before: [0, 0, ...padding], value: fill }, { shape });
  const axes = ([0, 1] as const).map((i) => ({
    axis: i + 2,
    size: kernel[i],
    stride: stride[i],
    dilation: dilation[i],
  }));
  const taps = graph.make("window", [padded], { axes });
  return helpers.reshape(graph, taps, [...taps.shape.slice(0, 4), kernel[0] * kernel[1]]);
}

/**
 * The largest tap of each window; the gradient goes to the first of equal taps, as in PyTorch. A preceding ReLU is
 * moved after the pooling, since it is monotone: values and gradients are the same, with less work and without storing
 * the image before pooling.
 */
export function maxPool2d(x: Node, kernelSize: Size2d, options: PoolOptions): Node {
  if (x.op === "relu") return graph.op("relu", maxPool2d(x.inputs[0], kernelSize, options));
  if (x.dtype === "bool") throw dtypeError("maxPool2d", "does not take bool", 'Use x.to("u8")');
  const lowest = isFloat(x.dtype) ? Number.NEGATIVE_INFINITY : x.dtype === "u8" ? 0 : -(2 ** 31);
  const taps = windows("maxPool2d", x, kernelSize, options, lowest);
  return graph.make("reduce", [taps], { kind: "max", axes: [4], ties: "first" });
}

/** Options of average pooling. */
export interface AvgPoolOptions extends PoolOptions {
  /** Include padding in the divisor of the mean; default true. */
  readonly countIncludePad?: boolean;
}

export function avgPool2d(image: Node, kernelSize: Size2d, options: AvgPoolOptions): Node {
  const x = asFloat(image);
  const taps = windows("avgPool2d", x, kernelSize, options, 0);
  const sum = helpers.reduceSum(graph, taps, [4]);
  if (options.countIncludePad ?? true) return graph.op("div", sum, graph.constant(taps.shape[4], sum));
  const ones = graph.constant(1, x);
  return graph.op("div", sum, helpers.reduceSum(graph, windows("avgPool2d", ones, kernelSize, options, 0), [4]));
}
