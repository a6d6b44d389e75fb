/** AdaDelta: updates in the unit of the parameters, without a rate to choose. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type AdadeltaScaling, adadeltaScaling, scaleByAdadelta } from "./steps/adadelta.js";
import { coupledDecay } from "./steps/decay.js";
import { scaleByRate } from "./steps/rate.js";

export interface AdadeltaOptions extends AdadeltaScaling {
  /** η, learning rate. Default 1, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<AdadeltaOptions>(
  "Adadelta",
  { lr: hyper(nonNegative), ...adadeltaScaling, weightDecay: hyper(nonNegative) },
  ({ lr = 1, weightDecay, ...scaling }) =>
    chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), scaleByAdadelta(scaling), scaleByRate(lr)),
);

/**
 * AdaDelta: scales each element by the ratio of the running root mean squares of updates and gradients.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * g ← g + λ·θ
 * v ← ρ·v + (1 − ρ)·g²
 * u ← √(d + ε) / √(v + ε) · g
 * d ← ρ·d + (1 − ρ)·u²
 * θ ← θ − η·u
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `rho`, `eps`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
 * @example
 * const optimizer = new Adadelta(model.parameters(), { rho: 0.95 });
 */
export class Adadelta extends Base {}

export const adadelta = optimizerEntry("adadelta", Adadelta, { lr: 1 });
