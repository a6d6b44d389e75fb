/** Averaged SGD: SGD with a decaying rate, and the average of its parameters. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type AsgdScaling, asgdScaling, averageIterates } from "./steps/asgd.js";
import { coupledDecay } from "./steps/decay.js";

export interface ASGDOptions extends AsgdScaling {
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<ASGDOptions>(
  "ASGD",
  { ...asgdScaling, weightDecay: hyper(nonNegative) },
  ({ weightDecay, ...scaling }) =>
    chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), averageIterates(scaling)),
);

/**
 * Averaged SGD: SGD with a decaying rate; `eval()` gives the model the average of its parameters.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …, with ηₜ = η / (1 + λ·η·(t − 1))^α:
 * ```text
 * g ← g + w·θ,  w: weightDecay
 * θ ← θ − ηₜ·(g + λ·θ)
 * a ← a + (θ − a) / max(1, t − 1 − t₀)
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `lambd`, `alpha`, `t0`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.ASGD.html
 * @example
 * const optimizer = new ASGD(model.parameters(), { lr: 0.1, t0: 1000 });
 */
export class ASGD extends Base {}

export const asgd = optimizerEntry("asgd", ASGD, { lr: 0.05 });
