/** NAdam: Adam with Nesterov's momentum. */
import { flag } from "../util/kinds.js";
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { coupledDecay, decoupledDecay } from "./steps/decay.js";
import { type NadamScaling, nadamScaling, scaleByNadam } from "./steps/nadam.js";
import { scaleByRate } from "./steps/rate.js";

export interface NAdamOptions extends NadamScaling {
  /** η, learning rate. Default 0.002, range ≥ 0. */
  readonly lr?: HyperValue;
  /** Whether the weight decay acts on the parameters themselves, as in AdamW. Default false. */
  readonly decoupledWeightDecay?: boolean;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<NAdamOptions>(
  "NAdam",
  { lr: hyper(nonNegative), ...nadamScaling, weightDecay: hyper(nonNegative), decoupledWeightDecay: flag },
  ({ lr = 0.002, weightDecay, decoupledWeightDecay = false, ...scaling }) => {
    const decay = weightDecay === undefined ? [] : [weightDecay];
    const [before, after] = decoupledWeightDecay
      ? [[], decay.map((weight) => decoupledDecay(weight))]
      : [decay.map((weight) => coupledDecay(weight)), []];
    return chain(...before, scaleByNadam(scaling), ...after, scaleByRate(lr));
  },
);

/**
 * NAdam: Adam with Nesterov's form of momentum, whose weight rises over the first steps.
 *
 * Formula, for the gradient g of each parameter θ, in its step t = 1, 2, …, with μₜ = β₁·(1 − 0.96^(t·ψ)/2):
 * ```text
 * g ← g + λ·θ, or θ ← θ − η·λ·θ with decoupledWeightDecay
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²,  P ← P·μₜ
 * θ ← θ − η · ((1 − μₜ)/(1 − P)·g + μₜ₊₁/(1 − P·μₜ₊₁)·m) / (√(v/(1 − β₂ᵗ)) + ε)
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `momentumDecay`, `weightDecay`, `decoupledWeightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Dozat 2016, "Incorporating Nesterov Momentum into Adam"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.NAdam.html
 * @example
 * const optimizer = new NAdam(model.parameters(), { lr: 2e-3 });
 */
export class NAdam extends Base {}

export const nadam = optimizerEntry("nadam", NAdam, { lr: 2e-3 });
