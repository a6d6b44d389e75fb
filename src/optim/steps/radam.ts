/** Adam's running means, where the variance of the adaptive rate is bounded. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import type { HyperTensor } from "../hyper.js";
import { belowOne, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";
import { type MomentScaling, momentScaling } from "./adam.js";

/**
 * Adam's direction, rectified: while too few gradients were seen for their mean square to be known, the mean of the
 * gradient without division; afterwards scaled so that the rate's variance is that of a long history.
 *
 * Formula, in step t = 1, 2, … of each parameter, with `ρ = 2/(1 − β₂) − 1` and `ρₜ = ρ − 2·t·β₂ᵗ/(1 − β₂ᵗ)`:
 * ```text
 * m ← β₁·m + (1 − β₁)·u,  v ← β₂·v + (1 − β₂)·u²
 * u ← m/(1 − β₁ᵗ) · r · √(1 − β₂ᵗ) / (√v + ε)  if ρₜ > 5, else m/(1 − β₁ᵗ)
 * r = √((ρₜ − 4)·(ρₜ − 2)·ρ / ((ρ − 4)·(ρ − 2)·ρₜ))
 * ```
 *
 * @param options the hyper-parameters `beta1` and `beta2` as `betas`, and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @see Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond", arXiv:1908.03265
 * @example
 * new Optimizer(model.parameters(), chain(scaleByRadam(), scaleByRate(1e-3))).step();
 */
export const scaleByRadam = checked(
  "scaleByRadam",
  takes<MomentScaling>({}, momentScaling),
  ({ betas = [0.9, 0.999], eps = 1e-8 }: MomentScaling = {}): ChainStep =>
    step({
      name: "scaleByRadam",
      hypers: {
        beta1: { value: betas[0], range: belowOne },
        beta2: { value: betas[1], range: belowOne },
        eps: { value: eps, range: nonNegative },
      },
      state: (p) => ({ step: perParameter(p), exp_avg: likeParameter(p), exp_avg_sq: likeParameter(p) }),
      update({ update, hypers: { beta1, beta2, eps: added }, state }) {
        const count = state.step.add(1);
        const mean = state.exp_avg.mul(beta1).add(update.mul(beta1.complement()));
        const square = state.exp_avg_sq.mul(beta2).add(update.square().mul(beta2.complement()));
        const corrected = mean.mul(beta1.complementOfPower(count).reciprocal());
        const [rho, rhoNow] = lengths(beta2, count);
        const share = (x: Tensor) => x.sub(4).mul(x.sub(2)).div(x);
        const factor = share(rhoNow).div(share(rho)).mul(beta2.complementOfPower(count)).sqrt();
        const adaptive = corrected.mul(factor).div(square.sqrt().add(added));
        return {
          update: rhoNow.gt(5).where(adaptive, corrected),
          state: { step: count, exp_avg: mean, exp_avg_sq: square },
        };
      },
    }),
);

/**
 * ρ and ρₜ, the lengths of simple moving averages that are as good as the exponential one, at the end and in step t.
 *
 * In f32 the difference of the formula would keep four digits of ρₜ ≈ 5 from ρ ≈ 2000. With `a = −ln(β)/2`, `ρ = coth(a)`
 * and `ρₜ = t + coth(a) − t·coth(t·a) = t + L(a) − t·L(t·a)`, where `L(z) = coth(z) − 1/z` has the series
 * `z/3 − z³/45 + …` for small z. For large z `t·(1 − L(z)) = 1/a − 2·t/(e^(2z) − 1)`.
 */
function lengths(beta: HyperTensor, t: Tensor): [rho: Tensor, rhoNow: Tensor] {
  const a = beta.log().mul(-0.5);
  const z = t.mul(a);
  const series = (x: Tensor) => {
    const y = x.square();
    const inner = y
      .mul(2 / 93555)
      .sub(1 / 4725)
      .mul(y)
      .add(2 / 945)
      .mul(y)
      .sub(1 / 45)
      .mul(y)
      .add(1 / 3);
    return x.mul(inner);
  };
  const isSmall = (x: Tensor) => x.lt(0.25);
  const difference = isSmall(a).where(series(a), a.tanh().reciprocal().sub(a.reciprocal()));
  const rest = isSmall(z).where(t.sub(t.mul(series(z))), a.reciprocal().sub(t.mul(2).div(z.mul(2).exp().sub(1))));
  return [a.tanh().reciprocal(), rest.add(difference)];
}
