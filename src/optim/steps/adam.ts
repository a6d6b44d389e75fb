/** Running means of gradients and of their squares, with bias correction. */
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, nonNegative, pairOf } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** Options of steps that keep Adam's running means. */
export interface MomentScaling {
  /**
   * β₁ and β₂, shares of the running means of g and g² that each step keeps. Default 0.9 and 0.999, range 0 ≤ β < 1.
   */
  readonly betas?: readonly [beta1: HyperValue, beta2: HyperValue];
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
}

/** The options of {@link scaleByAdam}. */
export interface AdamScaling extends MomentScaling {
  /** Whether to divide by the largest running mean square so far (AMSGrad). Default false. */
  readonly amsgrad?: boolean;
}

/** The kinds of the options of steps that keep Adam's running means. */
export const momentScaling = { betas: pairOf(hyper(belowOne)), eps: hyper(nonNegative) };
/** The kinds of the options of {@link scaleByAdam}. */
export const adamScaling = { ...momentScaling, amsgrad: flag };

/**
 * The running mean of the gradient, divided by the running root mean square of each element.
 *
 * Formula, in step t = 1, 2, … of each parameter:
 * ```text
 * m ← β₁·m + (1 − β₁)·u,  v ← β₂·v + (1 − β₂)·u²
 * u ← m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), with amsgrad the largest v so far instead of v
 * ```
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`, and `eps`; `amsgrad`
 * @throws ConfigError if an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
 * @see Reddi et al. 2018, "On the Convergence of Adam and Beyond", arXiv:1904.09237
 * @example
 * new Optimizer(model.parameters(), chain(scaleByAdam({ betas: [0.9, 0.99] }), scaleByRate(1e-3))).step();
 */
export const scaleByAdam = checked(
  "scaleByAdam",
  takes<AdamScaling>({}, adamScaling),
  ({ betas = [0.9, 0.999], eps = 1e-8, amsgrad = false }: AdamScaling = {}): ChainStep => {
    const [beta1, beta2] = betas;
    return step<"beta1" | "beta2" | "eps", string>({
      name: "scaleByAdam",
      hypers: {
        beta1: { value: beta1, range: belowOne },
        beta2: { value: beta2, range: belowOne },
        eps: { value: eps, range: nonNegative },
      },
      state: (p) => ({
        step: perParameter(p),
        exp_avg: likeParameter(p),
        exp_avg_sq: likeParameter(p),
        ...(amsgrad && { max_exp_avg_sq: likeParameter(p) }),
      }),
      update({ update, hypers, state }) {
        const count = state.step.add(1);
        const mean = state.exp_avg.mul(hypers.beta1).add(update.mul(hypers.beta1.complement()));
        const square = state.exp_avg_sq.mul(hypers.beta2).add(update.square().mul(hypers.beta2.complement()));
        const largest = amsgrad ? state.max_exp_avg_sq.maximum(square) : undefined;
        const root = (largest ?? square).sqrt().mul(hypers.beta2.complementOfPower(count).rsqrt());
        return {
          update: mean.div(root.add(hypers.eps)).mul(hypers.beta1.complementOfPower(count).reciprocal()),
          state: { step: count, exp_avg: mean, exp_avg_sq: square, ...(largest && { max_exp_avg_sq: largest }) },
        };
      },
    });
  },
);

/** The options of {@link scaleBySecondMoment}. */
export interface SecondMomentScaling {
  /** β₂, share of the running mean of g² that each step keeps. Default 0.999, range 0 ≤ β < 1. */
  readonly beta2?: HyperValue;
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
}

/**
 * Divides each element by its running root mean square with bias correction: Adam without momentum.
 *
 * Formula, in step t = 1, 2, … of each parameter: `v ← β₂·v + (1 − β₂)·u²`, `u ← u / (√(v/(1 − β₂ᵗ)) + ε)`.
 *
 * @param options the hyper-parameters `beta2` and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @example
 * new Optimizer(model.parameters(), chain(scaleBySecondMoment(), scaleByRate(1e-3))).step();
 */
export const scaleBySecondMoment = checked(
  "scaleBySecondMoment",
  takes<SecondMomentScaling>({}, { beta2: hyper(belowOne), eps: hyper(nonNegative) }),
  ({ beta2 = 0.999, eps = 1e-8 }: SecondMomentScaling = {}): ChainStep =>
    step({
      name: "scaleBySecondMoment",
      hypers: { beta2: { value: beta2, range: belowOne }, eps: { value: eps, range: nonNegative } },
      state: (p) => ({ step: perParameter(p), exp_avg_sq: likeParameter(p) }),
      update({ update, hypers, state }) {
        const count = state.step.add(1);
        const square = state.exp_avg_sq.mul(hypers.beta2).add(update.square().mul(hypers.beta2.complement()));
        const root = square.sqrt().mul(hypers.beta2.complementOfPower(count).rsqrt());
        return { update: update.div(root.add(hypers.eps)), state: { step: count, exp_avg_sq: square } };
      },
    }),
);
