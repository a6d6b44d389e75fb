/** Lion: the sign of a momentum. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { decoupledDecay } from "./steps/decay.js";
import { type LionScaling, lionScaling, scaleByLion } from "./steps/lion.js";
import { scaleByRate } from "./steps/rate.js";

export interface LionOptions extends LionScaling {
  /** η, learning rate; about a tenth of AdamW's. Default 1e-4, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, decoupled weight decay. Default 0, range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<LionOptions>(
  "Lion",
  { lr: hyper(nonNegative), ...lionScaling, weightDecay: hyper(nonNegative) },
  ({ lr = 1e-4, weightDecay = 0, ...scaling }) =>
    chain(scaleByLion(scaling), decoupledDecay(weightDecay), scaleByRate(lr)),
);

/**
 * Lion: every element moves by the learning rate, along the sign of a mean of gradient and momentum.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * c = β₁·m + (1 − β₁)·g
 * θ ← θ − η·(sign(c) + λ·θ)
 * m ← β₂·m + (1 − β₂)·g
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675
 * @example
 * const optimizer = new Lion(model.parameters(), { lr: 1e-4, weightDecay: 0.1 });
 */
export class Lion extends Base {}

export const lion = optimizerEntry("lion", Lion, { lr: 2e-4, weightDecay: 0.1 });
