/** RMSProp: gradients divided by their running root mean square, with or without momentum. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { belowOne, hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { coupledDecay } from "./steps/decay.js";
import { scaleByMomentum } from "./steps/momentum.js";
import { scaleByRate } from "./steps/rate.js";
import { type RmsScaling, rmsScaling, scaleByRms } from "./steps/rms.js";

export interface RMSpropOptions extends RmsScaling {
  /** η, learning rate. Default 0.01, range ≥ 0. */
  readonly lr?: HyperValue;
  /** μ, share of the momentum that each step keeps. Default 0: no momentum, and no cell for it. Range 0 ≤ μ < 1. */
  readonly momentum?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<RMSpropOptions>(
  "RMSprop",
  { lr: hyper(nonNegative), ...rmsScaling, weightDecay: hyper(nonNegative), momentum: hyper(belowOne) },
  ({ lr = 0.01, momentum = 0, weightDecay, ...scaling }) =>
    chain(
      ...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]),
      scaleByRms(scaling),
      ...(momentum === 0 ? [] : [scaleByMomentum(momentum)]),
      scaleByRate(lr),
    ),
);

/**
 * RMSProp: divides each element by the running root mean square of its gradients.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * g ← g + λ·θ
 * v ← α·v + (1 − α)·g²,  m ← α·m + (1 − α)·g if centered
 * u ← g / (√v + ε), or g / (√(v − m²) + ε) if centered
 * b ← μ·b + u
 * θ ← θ − η·b
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `alpha`, `eps`, `centered`, momentum, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Tieleman & Hinton 2012, "Lecture 6.5: RMSProp"; centred: Graves 2013, arXiv:1308.0850
 * @see https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 * @example
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class RMSprop extends Base {}

export const rmsprop = optimizerEntry("rmsprop", RMSprop, { lr: 1e-3, momentum: 0.9 });
