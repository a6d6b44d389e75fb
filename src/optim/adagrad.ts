/** AdaGrad: a rate of its own for each element, which falls with the sum of its squared gradients. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { type AdagradScaling, adagradScaling, scaleByAdagrad } from "./steps/adagrad.js";
import { coupledDecay } from "./steps/decay.js";
import { scaleByRate } from "./steps/rate.js";

export interface AdagradOptions extends AdagradScaling {
  /** η, learning rate. Default 0.01, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const Base = optimizer<AdagradOptions>(
  "Adagrad",
  { lr: hyper(nonNegative), ...adagradScaling, weightDecay: hyper(nonNegative) },
  ({ lr = 0.01, weightDecay, ...scaling }) =>
    chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), scaleByAdagrad(scaling), scaleByRate(lr)),
);

/**
 * AdaGrad: divides each element by the root of the sum of its squared gradients.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * g ← g + λ·θ
 * s ← s + g²
 * θ ← θ − η/(1 + (t − 1)·δ) · g / (√s + ε)
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `lrDecay`, `initialAccumulatorValue`, `eps`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Duchi et al. 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
 * @example
 * const optimizer = new Adagrad(model.parameters(), { lr: 0.05 });
 */
export class Adagrad extends Base {}

export const adagrad = optimizerEntry("adagrad", Adagrad, { lr: 0.01 });
