/** Running means of gradients and of their squares, with bias correction. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, nonNegative, pairOf } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scaleByAdam}. */
export interface AdamScaling {
  /**
   * β₁ and β₂, shares of the running means of g and g² that each step keeps. Default 0.9 and 0.999, range 0 ≤ β < 1.
   */
  readonly betas?: readonly [beta1: HyperValue, beta2: HyperValue];
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
}

/** The kinds of the options of {@link scaleByAdam}. */
export const adamScaling = { betas: pairOf(hyper(belowOne)), eps: hyper(nonNegative) };

/**
 * The running mean of the gradient, divided by the running root mean square of each element.
 *
 * Formula, in step t = 1, 2, … of each parameter:
 * ```text
 * m ← β₁·m + (1 − β₁)·u,  v ← β₂·v + (1 − β₂)·u²
 * u ← m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
 * ```
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`, and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
 * @example
 * new Optimizer(model.parameters(), chain(scaleByAdam({ betas: [0.9, 0.99] }), scaleByRate(1e-3))).step();
 */
export const scaleByAdam = checked(
  "scaleByAdam",
  takes<AdamScaling>({}, adamScaling),
  ({ betas = [0.9, 0.999], eps = 1e-8 }: AdamScaling = {}): ChainStep => {
    const [beta1, beta2] = betas;
    return step({
      name: "scaleByAdam",
      hypers: {
        beta1: { value: beta1, range: belowOne },
        beta2: { value: beta2, range: belowOne },
        eps: { value: eps, range: nonNegative },
      },
      state: (p) => ({ step: perParameter(p), exp_avg: likeParameter(p), exp_avg_sq: likeParameter(p) }),
      update({ update, hypers, state }) {
        const count = state.step.add(1);
        const mean = state.exp_avg.mul(hypers.beta1).add(update.mul(hypers.beta1.complement()));
        const square = state.exp_avg_sq.mul(hypers.beta2).add(update.square().mul(hypers.beta2.complement()));
        const root = square.sqrt().mul(hypers.beta2.complementOfPower(count).rsqrt());
        return {
          update: mean.div(root.add(hypers.eps)).mul(hypers.beta1.complementOfPower(count).reciprocal()),
          state: { step: count, exp_avg: mean, exp_avg_sq: square },
        };
      },
    });
  },
);
