/** Stochastic gradient descent with its momentum terms, each of which can be switched off. */
import { onesLike } from "../tensor/index.js";
import { checkDecay, checkNonNegative, configError } from "./checks.js";
import { Optimizer, type ParamsOrGroups, type Rule } from "./optimizer.js";

/** What an SGD group may set. */
export interface SGDSettings {
  /** μ, share of the momentum that is kept. Default 0 (no momentum), range 0 ≤ μ < 1. */
  readonly momentum: number;
  /** τ, share of the gradient that is kept out of the momentum after the first step. Default 0, range 0 ≤ τ < 1. */
  readonly dampening: number;
  /** Nesterov's form: the step looks one momentum ahead. Needs momentum > 0 and dampening 0. Default false. */
  readonly nesterov: boolean;
  /** λ, weight of the L2 penalty. Default 0, range ≥ 0. */
  readonly weightDecay: number;
}

export interface SGDOptions extends Partial<SGDSettings> {
  /** η, learning rate. Range ≥ 0. */
  readonly lr: number;
}

const sgd: Rule<SGDSettings> = {
  name: "sgd",
  defaults: { momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },

  check({ momentum, dampening, nesterov, weightDecay }) {
    checkDecay("sgd", "momentum", momentum);
    checkDecay("sgd", "dampening", dampening);
    checkNonNegative("sgd", "weightDecay", weightDecay);
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      const problem = `nesterov needs momentum > 0 and dampening 0, got momentum ${momentum}, dampening ${dampening}`;
      throw configError("sgd", problem, "Set momentum: 0.9, or leave nesterov out");
    }
  },

  // `started` is 0 before the first step, which takes the gradient undampened; without dampening it changes nothing.
  state: ({ momentum, dampening }) => ({
    ...(momentum > 0 ? { momentum_buffer: "parameter" } : {}),
    ...(momentum > 0 && dampening > 0 ? { started: "scalar" } : {}),
  }),

  update({ parameter, gradient, lr, state, settings }) {
    const { momentum, dampening, nesterov, weightDecay } = settings;
    const g = weightDecay > 0 ? gradient.add(parameter.mul(weightDecay)) : gradient;
    if (momentum === 0) return { parameter: parameter.sub(g.mul(lr)), state: {} };
    const fresh = dampening > 0 ? g.mul(state.started.mul(-dampening).add(1)) : g;
    const buffer = state.momentum_buffer.mul(momentum).add(fresh);
    const step = nesterov ? g.add(buffer.mul(momentum)) : buffer;
    return {
      parameter: parameter.sub(step.mul(lr)),
      state: { momentum_buffer: buffer, ...(dampening > 0 ? { started: onesLike(state.started) } : {}) },
    };
  },
};

/**
 * Stochastic gradient descent, with momentum, Nesterov momentum and weight decay.
 *
 * Formula, for the gradient g of each parameter θ:
 * ```text
 * g ← g + λ·θ
 * b ← g in the first step, then μ·b + (1 − τ)·g
 * θ ← θ − η·b, or θ − η·(g + μ·b) with nesterov
 * ```
 *
 * @param params parameters, or groups `{ params, lrFactor, ...settings }`
 * @param options learning rate `lr` and the settings of all groups
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @see Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
 */
export class SGD extends Optimizer<SGDSettings> {
  constructor(params: ParamsOrGroups<SGDSettings>, { lr, ...settings }: SGDOptions) {
    super(sgd, params, lr, settings);
  }
}
