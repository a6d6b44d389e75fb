/** Adam's running means with Nesterov's momentum. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";
import { type MomentScaling, momentScaling } from "./adam.js";

/** The options of {@link scaleByNadam}. */
export interface NadamScaling extends MomentScaling {
  /** ψ, decay of the momentum's warm-up. Default 0.004, range ≥ 0. */
  readonly momentumDecay?: HyperValue;
}

/** The kinds of the options of {@link scaleByNadam}. */
export const nadamScaling = { ...momentScaling, momentumDecay: hyper(nonNegative) };

/**
 * Adam's direction with Nesterov's form of momentum, whose weight μ rises over the first steps.
 *
 * Formula, in step t = 1, 2, … of each parameter, with `μₜ = β₁·(1 − 0.96^(t·ψ)/2)`:
 * ```text
 * m ← β₁·m + (1 − β₁)·u,  v ← β₂·v + (1 − β₂)·u²,  P ← P·μₜ
 * u ← ((1 − μₜ)/(1 − P)·u + μₜ₊₁/(1 − P·μₜ₊₁)·m) / (√(v/(1 − β₂ᵗ)) + ε)
 * ```
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`, `eps` and `momentumDecay`
 * @throws ConfigError if an option is unknown or out of range
 * @see Dozat 2016, "Incorporating Nesterov Momentum into Adam"
 * @example
 * new Optimizer(model.parameters(), chain(scaleByNadam(), scaleByRate(2e-3))).step();
 */
export const scaleByNadam = checked(
  "scaleByNadam",
  takes<NadamScaling>({}, nadamScaling),
  ({ betas = [0.9, 0.999], eps = 1e-8, momentumDecay = 0.004 }: NadamScaling = {}): ChainStep =>
    step({
      name: "scaleByNadam",
      hypers: {
        beta1: { value: betas[0], range: belowOne },
        beta2: { value: betas[1], range: belowOne },
        eps: { value: eps, range: nonNegative },
        momentumDecay: { value: momentumDecay, range: nonNegative },
      },
      state: (p) => ({
        step: perParameter(p),
        mu_product: { ...perParameter(p), initial: 1 },
        exp_avg: likeParameter(p),
        exp_avg_sq: likeParameter(p),
      }),
      update({ update, hypers, state }) {
        const { beta1, beta2 } = hypers;
        const count = state.step.add(1);
        const decay = hypers.momentumDecay.mul(Math.log(0.96));
        const weight = (at: typeof count) => at.mul(decay).exp().mul(-0.5).add(1).mul(beta1);
        const [now, next] = [weight(count), weight(count.add(1))];
        const product = state.mu_product.mul(now);
        const mean = state.exp_avg.mul(beta1).add(update.mul(beta1.complement()));
        const square = state.exp_avg_sq.mul(beta2).add(update.square().mul(beta2.complement()));
        const root = square.sqrt().mul(beta2.complementOfPower(count).rsqrt()).add(hypers.eps);
        const one = (x: typeof count) => x.neg().add(1);
        const fresh = update.mul(one(now).div(one(product)));
        return {
          update: fresh.add(mean.mul(next.div(one(product.mul(next))))).div(root),
          state: { step: count, mu_product: product, exp_avg: mean, exp_avg_sq: square },
        };
      },
    }),
);
