/** The sign of an interpolated momentum. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, pairOf } from "../kinds.js";
import { type ChainStep, likeParameter, step } from "../rule.js";

/** The options of {@link scaleByLion}. */
export interface LionScaling {
  /** β₁ and β₂, shares of the momentum in the update and in itself. Default 0.9 and 0.99, range 0 ≤ β < 1. */
  readonly betas?: readonly [beta1: HyperValue, beta2: HyperValue];
}

/** The kinds of the options of {@link scaleByLion}. */
export const lionScaling = { betas: pairOf(hyper(belowOne)) };

/**
 * The sign of a mean of gradient and momentum, so that all elements move by the same amount.
 *
 * Formula: `c = β₁·m + (1 − β₁)·u`, `m ← β₂·m + (1 − β₂)·u`, `u ← sign(c)`.
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`
 * @throws ConfigError if an option is unknown or out of range
 * @see Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675
 * @example
 * new Optimizer(model.parameters(), chain(scaleByLion(), decoupledDecay(0.1), scaleByRate(1e-4))).step();
 */
export const scaleByLion = checked(
  "scaleByLion",
  takes<LionScaling>({}, lionScaling),
  ({ betas = [0.9, 0.99] }: LionScaling = {}): ChainStep =>
    step({
      name: "scaleByLion",
      hypers: { beta1: { value: betas[0], range: belowOne }, beta2: { value: betas[1], range: belowOne } },
      state: (p) => ({ exp_avg: likeParameter(p) }),
      update({ update, hypers: { beta1, beta2 }, state }) {
        const mean = (beta: typeof beta1) => state.exp_avg.mul(beta).add(update.mul(beta.complement()));
        return { update: mean(beta1).sign(), state: { exp_avg: mean(beta2) } };
      },
    }),
);
