/** Stochastic gradient descent; its options decide the terms of the update. */

import { configError } from "../util/errors.js";
import { flag } from "../util/kinds.js";
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { belowOne, hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { coupledDecay } from "./steps/decay.js";
import { scaleByMomentum } from "./steps/momentum.js";
import { scaleByRate } from "./steps/rate.js";

export interface SGDOptions {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** μ, share of the momentum that each step keeps. Default 0: no momentum, and no cell for it. Range 0 ≤ μ < 1. */
  readonly momentum?: HyperValue;
  /** τ, dampening: after the first step gradients are added with weight 1 − τ. Default 0: none. Range 0 ≤ τ < 1. */
  readonly dampening?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
  /** Nesterov's form: the step looks one momentum ahead. Needs momentum and no dampening. Default false. */
  readonly nesterov?: boolean;
}

/** The kinds of the options of SGD. */
export const sgdSchema = {
  lr: hyper(nonNegative),
  momentum: hyper(belowOne),
  dampening: hyper(belowOne),
  weightDecay: hyper(nonNegative),
  nesterov: flag,
};

/** The chain of SGD. */
export function sgdChain({ lr = 0.001, momentum = 0, dampening = 0, weightDecay, nesterov = false }: SGDOptions) {
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    const problem = `nesterov needs momentum > 0 and dampening 0, got momentum ${momentum}, dampening ${dampening}`;
    throw configError("SGD", problem, "Set momentum: 0.9, or leave nesterov out");
  }
  const damped = dampening === 0 ? {} : { dampening };
  return chain(
    ...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]),
    ...(momentum === 0 ? [] : [scaleByMomentum(momentum, { nesterov, ...damped })]),
    scaleByRate(lr),
  );
}

const Base = optimizer<SGDOptions>("SGD", sgdSchema, sgdChain);

/**
 * Stochastic gradient descent, with momentum, Nesterov momentum and weight decay.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * g ← g + λ·θ
 * b ← g in the first step, then μ·b + (1 − τ)·g
 * θ ← θ − η·b, or θ − η·(g + μ·b) with nesterov
 * ```
 * Momentum and dampening of 0 leave out their terms, as in PyTorch: such an optimizer compiles another program. A
 * weight decay that is given has its term even if it is 0.
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, momentum, dampening, weight decay
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @see Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
 */
export class SGD extends Base {}

export const sgd = optimizerEntry("sgd", SGD, { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 });
