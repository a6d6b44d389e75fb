/** The running mean of gradients, divided by a decaying maximum. */
import { checked, takes } from "../../util/arguments.js";
import { belowOne, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";
import { type MomentScaling, momentScaling } from "./adam.js";

/**
 * The running mean of the gradient, divided by a decaying maximum of each element.
 *
 * Formula, in step t = 1, 2, … of each parameter: `m ← β₁·m + (1 − β₁)·u`, `v ← max(β₂·v, |u| + ε)`,
 * `u ← m/(1 − β₁ᵗ) / v`.
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`, and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @see Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", section 7.1, arXiv:1412.6980
 * @example
 * new Optimizer(model.parameters(), chain(scaleByMaximum(), scaleByRate(2e-3))).step();
 */
export const scaleByMaximum = checked(
  "scaleByMaximum",
  takes<MomentScaling>({}, momentScaling),
  ({ betas = [0.9, 0.999], eps = 1e-8 }: MomentScaling = {}): ChainStep =>
    step({
      name: "scaleByMaximum",
      hypers: {
        beta1: { value: betas[0], range: belowOne },
        beta2: { value: betas[1], range: belowOne },
        eps: { value: eps, range: nonNegative },
      },
      state: (p) => ({ step: perParameter(p), exp_avg: likeParameter(p), exp_inf: likeParameter(p) }),
      update({ update, hypers: { beta1, beta2, eps: added }, state }) {
        const count = state.step.add(1);
        const mean = state.exp_avg.mul(beta1).add(update.mul(beta1.complement()));
        const largest = state.exp_inf.mul(beta2).maximum(update.abs().add(added));
        return {
          update: mean.div(largest).div(beta1.complementOfPower(count)),
          state: { step: count, exp_avg: mean, exp_inf: largest },
        };
      },
    }),
);
