/** Adam, and AdamW, which differs from it in the place of the weight decay. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type AdamScaling, adamScaling, scaleByAdam } from "./steps/adam.js";
import { coupledDecay, decoupledDecay } from "./steps/decay.js";
import { scaleByRate } from "./steps/rate.js";

export interface AdamOptions extends AdamScaling {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

export interface AdamWOptions extends AdamScaling {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, decoupled weight decay. Default 0.01, range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const schema = { lr: hyper(nonNegative), ...adamScaling, weightDecay: hyper(nonNegative) };

const AdamBase = optimizer<AdamOptions>("Adam", schema, ({ lr = 0.001, weightDecay, ...scaling }) =>
  chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), scaleByAdam(scaling), scaleByRate(lr)),
);

const AdamWBase = optimizer<AdamWOptions>("AdamW", schema, ({ lr = 0.001, weightDecay = 0.01, ...scaling }) =>
  chain(scaleByAdam(scaling), decoupledDecay(weightDecay), scaleByRate(lr)),
);

/**
 * Adam: steps along the running mean of the gradient, divided by the running root mean square of each element.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * g ← g + λ·θ
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), with amsgrad the largest v so far instead of v
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `amsgrad`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 3e-4 });
 */
export class Adam extends AdamBase {}

/**
 * AdamW: Adam with weight decay that acts on the parameters themselves, not through the gradient's running means.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * θ ← θ − η·λ·θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), with amsgrad the largest v so far instead of v
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `amsgrad`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101
 * @see https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.05 });
 */
export class AdamW extends AdamWBase {}

export const adam = optimizerEntry("adam", Adam, { lr: 2e-3 });
export const adamw = optimizerEntry("adamw", AdamW, { lr: 2e-3, weightDecay: 0.01 });
