/** LAMB: Adam whose layers change at the same relative rate; for large batches. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type MomentScaling, momentScaling, scaleByAdam } from "./steps/adam.js";
import { decoupledDecay } from "./steps/decay.js";
import { scaleByRate } from "./steps/rate.js";
import { scaleByTrustRatio } from "./steps/trust.js";

export interface LAMBOptions extends Omit<MomentScaling, "eps"> {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** ε, added to the denominator. Default 1e-6, range ≥ 0. */
  readonly eps?: HyperValue;
  /** λ, weight decay. Default 0.01, range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<LAMBOptions>(
  "LAMB",
  { lr: hyper(nonNegative), ...momentScaling, weightDecay: hyper(nonNegative) },
  ({ lr = 0.001, eps = 1e-6, weightDecay = 0.01, ...scaling }) =>
    chain(scaleByAdam({ ...scaling, eps }), decoupledDecay(weightDecay), scaleByTrustRatio(), scaleByRate(lr)),
);

/**
 * LAMB: Adam's direction with weight decay, scaled for each layer to the norm of its parameter.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * u = m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε) + λ·θ
 * θ ← θ − η · u·‖θ‖/‖u‖, or θ − η·u where a norm is 0
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", arXiv:1904.00962
 * @example
 * const optimizer = new LAMB(model.parameters(), { lr: 5e-3 });
 */
export class LAMB extends Base {}

export const lamb = optimizerEntry("lamb", LAMB, { lr: 5e-3, weightDecay: 0.01 });
