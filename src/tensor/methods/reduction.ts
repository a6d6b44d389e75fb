/** Reductions over axes, and what is normalised by one. */
import { isFloat } from "../../ir/dtype.js";
import { formatShape, type ReduceKind, type Shape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { ConfigError } from "../../util/errors.js";
import { count, finite, flag, number } from "../../util/kinds.js";
import { axesOf, axisOf, dtypeError, located, shapeError } from "../check.js";
import { dimKind, dimsKind } from "../kinds.js";
import type {
  BincountOptions,
  HistogramOptions,
  NormOptions,
  PositionOptions,
  ReduceOptions,
  VarianceOptions,
} from "../options.js";
import { byRows } from "../rows.js";
import type { Tensor } from "../tensor.js";
import { floats, tensorKind } from "./core.js";
import { Indexing } from "./indexing.js";

export abstract class Reduction extends Indexing {
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
    return floats(this.self).sum(options).div(count);
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
    const result = graph.make("variance", [floats(this.self).node], { axes, divisor: Math.max(0, count - correction) });
    const shape = this.shape.filter((_, axis) => !axes.includes(axis));
    return this.make(keepdim ? result : helpers.reshape(graph, result, shape));
  }
  /** Standard deviation over axes: √ of the variance, with gradient 0 where it is 0. */
  std(options: VarianceOptions = {}): Tensor {
    return rootOf(this.variance(options));
  }
  /**
   * The p-norm over axes: (Σ |x|^p)^(1/p); of integers as f32. Its gradient is 0 where it is 0.
   *
   * @throws ConfigError if p is negative and not −∞
   */
  norm({ p = 2, ...over }: NormOptions = {}): Tensor {
    const x = floats(this.self);
    if (p === 2) return rootOf(x.square().sum(over));
    if (p === 1) return x.abs().sum(over);
    if (p === 0) return x.ne(0).to(x.dtype).sum(over);
    if (p === Number.POSITIVE_INFINITY) return x.abs().max(over);
    if (p === Number.NEGATIVE_INFINITY) return x.abs().min(over);
    if (!(p > 0))
      throw new ConfigError(located("norm", `p is ${p}`), { hint: "Use a number above 0, 0, or ±Infinity" });
    const sum = x.abs().pow(p).sum(over);
    const none = sum.eq(0);
    return none.where(0, none.where(1, sum).pow(1 / p));
  }
  /** log Σ e^x over axes, without overflow; integers become f32. */
  logsumexp({ dim, keepdim = false }: ReduceOptions = {}): Tensor {
    const x = floats(this.self);
    const axes = axesOf("logsumexp", dim, this.shape);
    if (axes.some((axis) => this.shape[axis] === 0)) return x.sum({ dim: axes, keepdim }).log();
    const peak = x.max({ dim: axes, keepdim: true }).detach();
    const shift = peak.abs().eq(Number.POSITIVE_INFINITY).where(0, peak);
    const result = x.sub(shift).exp().sum({ dim: axes, keepdim: true }).log().add(shift);
    return keepdim ? result : result.reshape(this.shape.filter((_, axis) => !axes.includes(axis)));
  }
  /** Whether any element over axes is true (not zero). */
  any(options: ReduceOptions = {}): Tensor {
    return this.countNonzero(options).ne(0);
  }
  /** Whether all elements over axes are true (not zero). */
  all(options: ReduceOptions = {}): Tensor {
    return this.eq(0).countNonzero(options).eq(0);
  }
  /** The number of elements over axes that are not zero, as i32. */
  countNonzero(options: ReduceOptions = {}): Tensor {
    return this.ne(0).to("i32").sum(options);
  }
  /**
   * How often each of the numbers 0 … length − 1 occurs, or the sum of their weights: [length], i32 or the dtype of the
   * weights. Other numbers are ignored.
   */
  bincount(length: number, { weights }: BincountOptions = {}): Tensor {
    if (isFloat(this.dtype)) throw dtypeError("bincount", `counts integers, not ${this.dtype}`, 'Use .to("i32")');
    const index = this.to("i32").flatten();
    const start = this.wrap(graph.make("const", [], { value: 0 }, { shape: [length], dtype: weights?.dtype ?? "i32" }));
    return start.scatterAdd(0, index, weights ? weights.flatten() : 1);
  }
  /**
   * The elements in each of `bins` bins of equal width, and the bounds of the bins: counts [bins] i32, edges [bins + 1].
   * Elements outside, and NaN, are ignored.
   */
  histogram(bins: number, { min, max }: HistogramOptions = {}): { readonly counts: Tensor; readonly edges: Tensor } {
    const x = floats(this.self).flatten();
    const bound = (given: number | undefined, found: () => Tensor) =>
      given === undefined
        ? found()
        : this.wrap(graph.make("const", [], { value: given }, { shape: [], dtype: x.dtype }));
    const [from, to] = [bound(min, () => x.min()), bound(max, () => x.max())];
    // Bins of a single value are one wide around it, as in PyTorch.
    const flat = from.eq(to);
    const [low, high] = [flat.where(from.sub(0.5), from), flat.where(to.add(0.5), to)];
    const width = high.sub(low);
    const inside = x.ge(low).logicalAnd(x.le(high));
    const bin = x
      .sub(low)
      .div(width)
      .mul(bins)
      .floor()
      .minimum(bins - 1);
    const counts = inside.where(bin, -1).to("i32").bincount(bins);
    const steps = this.wrap(graph.make("iota", [], { axis: 0 }, { shape: [bins + 1] })).to(x.dtype);
    const last = steps.eq(bins);
    return { counts, edges: last.where(high, low.add(steps.mul(width.div(bins)))) };
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
      : this.wrap(graph.typed(-1, "i32", this.node)).sub(this.to("i32"));
    return reversed.argmax(options);
  }
  /** This minus its maximum along an axis (which may be empty), so that its exponentials do not overflow. */
  private belowMax(op: string, dim: number): Tensor {
    const x = floats(this.self);
    const axis = axisOf(op, dim, x.shape);
    return x.shape[axis] === 0 ? x : x.sub(x.max({ dim, keepdim: true }).detach());
  }
  /** e^x / Σ e^x along an axis, without overflow; integers become f32. */
  softmax(dim: number): Tensor {
    if (this.size === 0) return this.exp();
    const axis = axisOf("softmax", dim, this.shape);
    // Along the last axis one kernel goes through each row while it is in the cache.
    if (axis === this.rank - 1) return this.make(byRows(floats(this.self).node, axis, "softmax", {}));
    const shifted = this.belowMax("softmax", dim).exp();
    return shifted.div(shifted.sum({ dim, keepdim: true }));
  }
  /** x − log Σ e^x along an axis, without overflow; integers become f32. */
  logSoftmax(dim: number): Tensor {
    if (this.size === 0) return this.exp();
    const shifted = this.belowMax("logSoftmax", dim);
    return shifted.sub(shifted.exp().sum({ dim, keepdim: true }).log());
  }
}

/** √x with gradient 0 where x is 0, where that of √ is infinite. */
function rootOf(x: Tensor): Tensor {
  const none = x.eq(0);
  return none.where(0, none.where(1, x).sqrt());
}

const kept = (shape: Shape, axes: readonly number[]): number[] => shape.map((n, i) => (axes.includes(i) ? 1 : n));

const axes = takes<ReduceOptions>({}, { dim: dimsKind, keepdim: flag });
const position = takes<PositionOptions>({}, { dim: dimKind, keepdim: flag });
const oneDim = takes({ dim: dimKind });

const variances = takes<VarianceOptions>({}, { dim: dimsKind, keepdim: flag, correction: number });

export const reductionParameters = {
  std: variances,
  norm: takes<NormOptions>({}, { dim: dimsKind, keepdim: flag, p: number }),
  logsumexp: axes,
  any: axes,
  all: axes,
  countNonzero: axes,
  bincount: takes<BincountOptions>({ length: count(0) }, { weights: tensorKind }),
  histogram: takes<HistogramOptions>({ bins: count() }, { min: finite, max: finite }),
  sum: axes,
  mean: axes,
  max: axes,
  min: axes,
  prod: axes,
  variance: variances,
  argmax: position,
  argmin: position,
  softmax: oneDim,
  logSoftmax: oneDim,
};
