/**
 * What all normalisations by mean and variance share: the arithmetic, and the update of running statistics. This file
 * must not know any layer.
 */
import { noGrad, type Tensor, type Variable } from "../../tensor/index.js";

/** Mean and variance of a slice of x, each of a shape that broadcasts to x. */
export interface Statistics {
  readonly mean: Tensor;
  /** Σ (x − mean)² / n. */
  readonly variance: Tensor;
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

export interface Affine {
  readonly eps: number;
  /** Scale and shift, of shapes that broadcast to x. */
  readonly weight: Tensor | null | undefined;
  readonly bias: Tensor | null | undefined;
}

/** `(x − mean) / √(variance + eps) · weight + bias`. */
export function normalise(x: Tensor, { mean, variance }: Statistics, { eps, weight, bias }: Affine): Tensor {
  const scale = variance.add(eps).rsqrt();
  const y = x.sub(mean).mul(weight ? scale.mul(weight) : scale);
  return bias ? y.add(bias) : y;
}

/** `running ← (1 − momentum) · running + momentum · batch`, in place and without a gradient. */
export function moveTowards(running: Variable, batch: Tensor, momentum: number | Tensor): void {
  noGrad(() => {
    const keep = typeof momentum === "number" ? 1 - momentum : momentum.neg().add(1);
    running.assign(running.mul(keep).add(batch.mul(momentum)));
  });
}
