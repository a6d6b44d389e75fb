/** Reductions of the losses of a batch, and checks that losses share. This file must not know any loss. */

import { dtypeError, shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { type Kind, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";

/** Reduction of the losses of a batch: their mean, their sum, or none. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Reduction: `mean` (default), `sum`, or `none` for the loss of each element. */
  readonly reduction?: Reduction;
}

/** The values of the option `reduction`. */
export const reductionKind = word(["mean", "sum", "none"]);

/** The positional parameters of a loss that compares predictions with targets of the same shape. */
export const pair = { x: tensorKind, target: tensorKind };

/** Throws unless the named tensors have one shape: broadcasting here is almost always a mistake. */
export function checkSameShape(op: string, tensors: Readonly<Record<string, Tensor>>): void {
  const [[first, x], ...others] = Object.entries(tensors);
  for (const [name, other] of others) {
    if (shapeText(x.shape) === shapeText(other.shape)) continue;
    const problem = `shapes differ: ${first} ${shapeText(x.shape)}, ${name} ${shapeText(other.shape)}`;
    const hint =
      x.size === other.size ? `Did you mean ${name}.reshape(${first}.shape)?` : `Make ${name} as large as ${first}`;
    throw shapeError(op, problem, hint);
  }
}

/** Predictions and targets of one shape as floats. */
export function sameShaped(op: string, x: Tensor, target: Tensor): { readonly x: Tensor; readonly target: Tensor } {
  checkSameShape(op, { x, target });
  return { x: floats(x), target: floats(target) };
}

/** Throws unless a tensor has `rank` axes, which `form` names: `[N, D]`. */
export function checkRank(op: string, name: string, x: Tensor, rank: number, form: string): void {
  if (x.rank === rank) return;
  const hint = x.rank === rank - 1 ? `Add the batch axis with ${name}.unsqueeze(0)` : `Reshape ${name} to ${form}`;
  throw shapeError(op, `expected ${name} ${form}, got ${name} ${shapeText(x.shape)}`, hint);
}

/** Throws unless a tensor has the given shape. */
export function checkShapeOf(op: string, name: string, x: Tensor, shape: readonly number[]): void {
  if (shapeText(x.shape) === shapeText(shape)) return;
  throw shapeError(op, `expected ${name} ${shapeText(shape)}, got ${name} ${shapeText(x.shape)}`, `Reshape ${name}`);
}

/** Throws unless a tensor holds indices. */
export function checkIndices(op: string, name: string, x: Tensor): void {
  if (x.dtype !== "i32") throw dtypeError(op, `expected ${name} of dtype i32, got ${x.dtype}`, 'Use .to("i32")');
}

/** Applies a reduction to the losses of all elements. */
export function reduce(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}

/** As `reduce`, where the mean divides the sum of the losses by the sum of `weights`, which have the same shape. */
export function reduceWeighted(losses: Tensor, weights: Tensor, reduction: Reduction): Tensor {
  return reduction === "mean" ? losses.sum().div(weights.sum()) : reduce(losses, reduction);
}

/** A number above 0, such as a temperature. */
export const positive: Kind = {
  name: "a finite number > 0",
  accepts: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
};

/** Losses times weights, if there are any; the weights must broadcast to the shape of the losses. */
export function weighted(op: string, losses: Tensor, weight: Tensor | null | undefined, name = "weight"): Tensor {
  if (!weight) return losses;
  const lead = losses.rank - weight.rank;
  const fits = lead >= 0 && weight.shape.every((n, i) => n === 1 || n === losses.shape[lead + i]);
  if (fits) return losses.mul(weight);
  const problem = `${name} ${shapeText(weight.shape)} does not broadcast to the losses ${shapeText(losses.shape)}`;
  throw shapeError(op, problem, "Sizes must be equal or 1, counted from the last axis");
}
