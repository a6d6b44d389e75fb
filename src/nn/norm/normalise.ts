/**
 * What all normalisations by mean and variance share: the arithmetic, and the update of running statistics. This file
 * must not know any layer.
 */
import { noGrad, type Tensor, type Variable } from "../../tensor/index.js";
import { configError } from "../../util/errors.js";

/** Mean and variance of slices of x, each of a shape that broadcasts to x. */
export interface Statistics {
  readonly mean: Tensor;
  /** Σ (x − mean)² / n. */
  readonly variance: Tensor;
}

export interface Affine {
  readonly eps: number;
  /** Scale and shift, of shapes that broadcast to x. */
  readonly weight?: Tensor | null | undefined;
  readonly bias?: Tensor | null | undefined;
}

/**
 * Mean and variance over axes. The variance is one op: its sum is that of squared deviations, so that a mean far larger
 * than the deviations costs no digits, and its gradient omits a sum that is identically zero.
 */
export function statistics(x: Tensor, dim: readonly number[]): Statistics {
  return {
    mean: x.mean({ dim, keepdim: true }),
    variance: x.variance({ dim, keepdim: true, correction: 0 }),
  };
}

/**
 * `(x − mean) / √(variance + eps) · weight + bias`. The weight must be constant within each slice: then the gradients of
 * weight, bias and statistics follow from two sums of the output's gradient over parts of the slices. So that these sums
 * are over the same axes, all factors and summands are expanded to one shape before they meet x.
 */
export function normalise(x: Tensor, { mean, variance }: Statistics, { eps, weight, bias }: Affine): Tensor {
  const shape = mean.shape.map((size, axis) => Math.max(size, weight?.shape[axis] ?? 1, bias?.shape[axis] ?? 1));
  const scale = variance.add(eps).rsqrt();
  const y = x.sub(mean.expand(shape)).mul((weight ? scale.mul(weight) : scale).expand(shape));
  return bias ? y.add(bias.expand(shape)) : y;
}

/** `running ← (1 − momentum) · running + momentum · batch`, in place and without a gradient. */
export function moveTowards(running: Variable, batch: Tensor, momentum: number | Tensor): void {
  noGrad(() => {
    const keep = typeof momentum === "number" ? 1 - momentum : momentum.neg().add(1);
    running.assign(running.mul(keep).add(batch.mul(momentum)));
  });
}

/** Throws unless both running statistics are given, or none. */
export function checkRunning(op: string, mean: Variable | null | undefined, variance: Variable | null | undefined) {
  if (!mean !== !variance) throw configError(op, "got one of runningMean and runningVar", "Pass both or neither");
}
