/**
 * Functions that losses are made of, in forms that neither overflow nor have gradients of NaN. This file must not know
 * any loss.
 */
import type { Tensor } from "../../tensor/index.js";

/**
 * `log Σ e^x` along an axis, which it removes. Of values that are all −∞ it is −∞, with a gradient of 0: that of the method
 * `logsumexp` is NaN there, as PyTorch's.
 */
export function logSumExp(x: Tensor, dim: number): Tensor {
  const largest = x.max({ dim, keepdim: true }).detach();
  const shift = largest.eq(Number.NEGATIVE_INFINITY).where(0, largest);
  const sum = x.sub(shift).exp().sum({ dim });
  const isZero = sum.eq(0);
  return isZero.where(Number.NEGATIVE_INFINITY, isZero.where(1, sum).log().add(shift.squeeze({ dim })));
}

/** `√x` with the gradient 0 at 0, where that of the root is infinite. */
export function rootOf(x: Tensor): Tensor {
  const isZero = x.eq(0);
  return isZero.where(0, isZero.where(1, x).sqrt());
}

/** Euclidean length along an axis, which stays as size 1; its gradient at 0 is 0. */
export const lengthOf = (x: Tensor, dim: number): Tensor => rootOf(x.square().sum({ dim, keepdim: true }));

/** `max(x, low)` with the gradient of x everywhere, as PyTorch limits variances and lengths. */
export function raised(x: Tensor, low: number): Tensor {
  const below = x.lt(low);
  return below.where(x.sub(x.detach()).add(low), x);
}

/** `t · log t`, 0 at 0. */
export function timesLog(t: Tensor): Tensor {
  return t.mul(t.eq(0).where(1, t).log());
}

/** `x^exponent` of values ≥ 0, with the gradient 0 where x is 0, also for exponents below 1. */
export function powerOf(x: Tensor, exponent: number): Tensor {
  if (exponent >= 1) return x.pow(exponent);
  const isZero = x.eq(0);
  return isZero.where(exponent === 0 ? 1 : 0, isZero.where(1, x).pow(exponent));
}
