/** RAdam: Adam whose adaptive rate is rectified in the first steps. */
import { flag } from "../util/kinds.js";
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type MomentScaling, momentScaling } from "./steps/adam.js";
import { coupledDecay, decoupledDecay } from "./steps/decay.js";
import { scaleByRadam } from "./steps/radam.js";
import { scaleByRate } from "./steps/rate.js";

export interface RAdamOptions extends MomentScaling {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** Whether the weight decay acts on the parameters themselves, as in AdamW. Default false. */
  readonly decoupledWeightDecay?: boolean;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<RAdamOptions>(
  "RAdam",
  { lr: hyper(nonNegative), ...momentScaling, weightDecay: hyper(nonNegative), decoupledWeightDecay: flag },
  ({ lr = 0.001, weightDecay, decoupledWeightDecay = false, ...scaling }) => {
    const decay = weightDecay === undefined ? [] : [weightDecay];
    const [before, after] = decoupledWeightDecay
      ? [[], decay.map((weight) => decoupledDecay(weight))]
      : [decay.map((weight) => coupledDecay(weight)), []];
    return chain(...before, scaleByRadam(scaling), ...after, scaleByRate(lr));
  },
);

/**
 * RAdam: Adam without division while the mean square is too uncertain, and a rectified rate afterwards.
 *
 * Formula, for the gradient g of each parameter θ, in its step t = 1, 2, …, with ρ = 2/(1 − β₂) − 1 and ρₜ = ρ − 2·t·β₂ᵗ/(1 − β₂ᵗ):
 * ```text
 * g ← g + λ·θ, or θ ← θ − η·λ·θ with decoupledWeightDecay
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * r = √((ρₜ − 4)·(ρₜ − 2)·ρ / ((ρ − 4)·(ρ − 2)·ρₜ))
 * θ ← θ − η · m/(1 − β₁ᵗ) · r·√(1 − β₂ᵗ)/(√v + ε)  if ρₜ > 5, else θ − η · m/(1 − β₁ᵗ)
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `weightDecay`, `decoupledWeightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond", arXiv:1908.03265
 * @see https://pytorch.org/docs/stable/generated/torch.optim.RAdam.html
 * @example
 * const optimizer = new RAdam(model.parameters(), { lr: 1e-3 });
 */
export class RAdam extends Base {}

export const radam = optimizerEntry("radam", RAdam, { lr: 2e-3 });
