/** Reductions over axes, and what is normalised by one. */
import { isFloat } from "../../ir/dtype.js";
import { formatShape, type ReduceKind, type Shape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { takes } from "../../util/arguments.js";
import { flag, number } from "../../util/kinds.js";
import { axesOf, axisOf, shapeError } from "../check.js";
import { dimKind, dimsKind } from "../kinds.js";
import type { PositionOptions, ReduceOptions, VarianceOptions } from "../options.js";
import type { Tensor } from "../tensor.js";
import { floats } from "./core.js";
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

const kept = (shape: Shape, axes: readonly number[]): number[] => shape.map((n, i) => (axes.includes(i) ? 1 : n));

const axes = takes<ReduceOptions>({}, { dim: dimsKind, keepdim: flag });
const position = takes<PositionOptions>({}, { dim: dimKind, keepdim: flag });
const oneDim = takes({ dim: dimKind });

export const reductionParameters = {
  sum: axes,
  mean: axes,
  max: axes,
  min: axes,
  prod: axes,
  variance: takes<VarianceOptions>({}, { dim: dimsKind, keepdim: flag, correction: number }),
  argmax: position,
  argmin: position,
  softmax: oneDim,
  logSoftmax: oneDim,
};
