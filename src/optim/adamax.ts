/** AdaMax: Adam that divides by a decaying maximum. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type MomentScaling, momentScaling } from "./steps/adam.js";
import { scaleByMaximum } from "./steps/adamax.js";
import { coupledDecay } from "./steps/decay.js";
import { scaleByRate } from "./steps/rate.js";

export interface AdamaxOptions extends MomentScaling {
  /** η, learning rate. Default 0.002, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<AdamaxOptions>(
  "Adamax",
  { lr: hyper(nonNegative), ...momentScaling, weightDecay: hyper(nonNegative) },
  ({ lr = 0.002, weightDecay, ...scaling }) =>
    chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), scaleByMaximum(scaling), scaleByRate(lr)),
);

/**
 * AdaMax: steps along the running mean of the gradient, divided by a decaying maximum of each element.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * g ← g + λ·θ
 * m ← β₁·m + (1 − β₁)·g,  v ← max(β₂·v, |g| + ε)
 * θ ← θ − η · m/(1 − β₁ᵗ) / v
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", section 7.1, arXiv:1412.6980
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adamax.html
 * @example
 * const optimizer = new Adamax(model.parameters(), { lr: 2e-3 });
 */
export class Adamax extends Base {}

export const adamax = optimizerEntry("adamax", Adamax, { lr: 2e-3 });
