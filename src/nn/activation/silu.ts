/** Smooth gates x · σ(x) and x · tanh(softplus(x)): functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Sigmoid linear unit, also called swish; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = x / (1 + e^−x)`.
 *
 * @see Elfwing, Uchibe & Doya 2017, "Sigmoid-Weighted Linear Units", arXiv:1702.03118
 * @example
 * const y = silu(tensor([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export const silu = checked("silu", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  const value = floats(x);
  return value.mul(value.sigmoid());
});

/**
 * Sigmoid linear unit, also called swish; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = x / (1 + e^−x)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html
 * @example
 * const y = new SiLU()(tensor([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export class SiLU extends Module {
  override forward(x: Tensor): Tensor {
    return silu(x);
  }
}

export const siluEntry = activationEntry({
  name: "silu",
  schema: {},
  make: () => silu,
  layer: layerEntry("SiLU", takes(), SiLU),
});

/**
 * Self-regularised gate; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = x · tanh(ln(1 + e^x))`.
 *
 * @see Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681
 * @example
 * const y = mish(tensor([-1, 0, 1])); // [-0.3034, 0, 0.8651]
 */
export const mish = checked("mish", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  // tanh(ln(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); above 0 both are multiplied by e^−2x, which cannot overflow.
  const value = floats(x);
  const negative = value.lt(0);
  const decay = negative.where(value, value.neg()).exp(); // e^−|x|
  const numerator = negative.where(decay.mul(decay.add(2)), decay.mul(2).add(1));
  const denominator = numerator.add(negative.where(2, decay.square().mul(2)));
  return value.mul(numerator.div(denominator));
});

/**
 * Self-regularised gate; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = x · tanh(ln(1 + e^x))`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Mish.html
 * @example
 * const y = new Mish()(tensor([-1, 0, 1])); // [-0.3034, 0, 0.8651]
 */
export class Mish extends Module {
  override forward(x: Tensor): Tensor {
    return mish(x);
  }
}

export const mishEntry = activationEntry({
  name: "mish",
  schema: {},
  make: () => mish,
  layer: layerEntry("Mish", takes(), Mish),
});
