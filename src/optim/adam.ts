/** Adam, and AdamW, which differs from it in how it decays weights. */
import { onesLike, type Tensor } from "../tensor/index.js";
import { checkDecay, checkNonNegative, configError } from "./checks.js";
import { Optimizer, type ParamsOrGroups, type Rule, type Update, type Updated } from "./optimizer.js";

/** What an Adam or AdamW group may set. */
export interface AdamSettings {
  /** β₁ and β₂, shares of the running means of g and of g² that are kept. Default 0.9 and 0.999, range 0 ≤ β < 1. */
  readonly betas: readonly [beta1: number, beta2: number];
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps: number;
  /** λ, weight decay. Default 0 for Adam, 0.01 for AdamW; range ≥ 0. */
  readonly weightDecay: number;
}

export interface AdamOptions extends Partial<AdamSettings> {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: number;
}

const adam = makeRule("adam", 0, (now) =>
  now.settings.weightDecay === 0
    ? moveAgainst(now)
    : moveAgainst({ ...now, gradient: now.gradient.add(now.parameter.mul(now.settings.weightDecay)) }),
);

const adamW = makeRule("adamW", 0.01, (now) =>
  now.settings.weightDecay === 0
    ? moveAgainst(now)
    : moveAgainst({ ...now, parameter: now.parameter.mul(now.lr.mul(-now.settings.weightDecay).add(1)) }),
);

function makeRule(
  name: string,
  weightDecay: number,
  update: (now: Update<AdamSettings>) => Updated,
): Rule<AdamSettings> {
  return {
    name,
    defaults: { betas: [0.9, 0.999], eps: 1e-8, weightDecay },
    check(settings) {
      if (!Array.isArray(settings.betas) || settings.betas.length !== 2) {
        throw configError(name, `betas must be a pair of numbers, got ${String(settings.betas)}`);
      }
      for (const [index, beta] of settings.betas.entries()) checkDecay(name, `betas[${index}]`, beta);
      checkNonNegative(name, "eps", settings.eps);
      checkNonNegative(name, "weightDecay", settings.weightDecay);
    },
    state: () => ({ step: "scalar", exp_avg: "parameter", exp_avg_sq: "parameter" }),
    update,
  };
}

/** One Adam step without weight decay. */
function moveAgainst({ parameter, gradient, lr, state, settings }: Update<AdamSettings>): Updated {
  const [beta1, beta2] = settings.betas;
  const step = state.step.add(1);
  const mean = state.exp_avg.mul(beta1).add(gradient.mul(1 - beta1));
  const square = state.exp_avg_sq.mul(beta2).add(gradient.square().mul(1 - beta2));
  const stepSize = lr.div(biasCorrection(beta1, step));
  const denominator = square.sqrt().mul(biasCorrection(beta2, step).rsqrt()).add(settings.eps);
  return {
    parameter: parameter.sub(mean.div(denominator).mul(stepSize)),
    state: { step, exp_avg: mean, exp_avg_sq: square },
  };
}

/**
 * `1 − β^t` for a step count t ≥ 1 on the device.
 *
 * In f32 the difference itself would keep only four digits of 1 − 0.999. With `a = −t·ln(β)/2` it is
 * `1 − e^(−2a) = 2·tanh(a) / (1 + tanh(a))`, which loses none.
 */
function biasCorrection(beta: number, step: Tensor): Tensor {
  if (beta === 0) return onesLike(step);
  const u = step.mul(-Math.log(beta) / 2).tanh();
  return u.mul(2).div(u.add(1));
}

/**
 * Adam: steps along the running mean of the gradient, divided by the running root mean square of each element.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * g ← g + λ·θ
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
 * ```
 *
 * @param params parameters, or groups `{ params, lrFactor, ...settings }`
 * @param options learning rate `lr` and the settings of all groups
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 3e-4 });
 */
export class Adam extends Optimizer<AdamSettings> {
  constructor(params: ParamsOrGroups<AdamSettings>, { lr = 0.001, ...settings }: AdamOptions = {}) {
    super(adam, params, lr, settings);
  }
}

/**
 * AdamW: Adam with weight decay that acts on the parameters themselves, not through the gradient's running means.
 *
 * Formula, for the gradient g of each parameter θ in its step t = 1, 2, …:
 * ```text
 * θ ← θ − η·λ·θ
 * m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 * θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
 * ```
 *
 * @param params parameters, or groups `{ params, lrFactor, ...settings }`
 * @param options learning rate `lr` and the settings of all groups
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101
 * @see https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.05 });
 */
export class AdamW extends Optimizer<AdamSettings> {
  constructor(params: ParamsOrGroups<AdamSettings>, { lr = 0.001, ...settings }: AdamOptions = {}) {
    super(adamW, params, lr, settings);
  }
}
