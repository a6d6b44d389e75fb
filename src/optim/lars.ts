/** LARS: momentum SGD whose layers change at the same relative rate; for large batches. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { belowOne, hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { scaleByMomentum } from "./steps/momentum.js";
import { scaleByRate } from "./steps/rate.js";
import { type LarsScaling, larsScaling, scaleByLars } from "./steps/trust.js";

export interface LARSOptions extends LarsScaling {
  /** η, learning rate. Default 1, range ≥ 0. */
  readonly lr?: HyperValue;
  /** μ, share of the velocity that each step keeps. Default 0.9, range 0 ≤ μ < 1. */
  readonly momentum?: HyperValue;
}

const Base = optimizer<LARSOptions>(
  "LARS",
  { lr: hyper(nonNegative), momentum: hyper(belowOne), ...larsScaling },
  ({ lr = 1, momentum = 0.9, ...scaling }) => chain(scaleByLars(scaling), scaleByRate(lr), scaleByMomentum(momentum)),
);

/**
 * LARS: scales the update of each layer to a share of the norm of its parameter. Biases and normalisations usually belong
 * to another chain: see {@link partition}.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * r = κ·‖θ‖ / (‖g‖ + λ·‖θ‖ + ε), or 1 where ‖θ‖ or ‖g‖ is 0
 * v ← μ·v + η·r·(g + λ·θ)
 * θ ← θ − v
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, momentum, `trustCoefficient`, `weightDecay`, `eps`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see You et al. 2017, "Large Batch Training of Convolutional Networks", arXiv:1708.03888
 * @example
 * const optimizer = new LARS(model.parameters(), { lr: 2, weightDecay: 1e-4 });
 */
export class LARS extends Base {}

export const lars = optimizerEntry("lars", LARS, { lr: 2, momentum: 0.9, weightDecay: 5e-4 });
