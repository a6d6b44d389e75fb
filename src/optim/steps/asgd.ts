/** SGD with a decaying rate, and the average of its parameters. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link averageIterates}. */
export interface AsgdScaling {
  /** η, learning rate of the first step. Default 0.01, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, decay of the parameters and of the rate. Default 1e-4, range ≥ 0. */
  readonly lambd?: HyperValue;
  /** α, power of the decay of the rate. Default 0.75, range ≥ 0. */
  readonly alpha?: HyperValue;
  /** t₀, the step after which the average begins. Default 1e6, range ≥ 0. */
  readonly t0?: HyperValue;
}

/** The kinds of the options of {@link averageIterates}. */
export const asgdScaling = {
  lr: hyper(nonNegative),
  lambd: hyper(nonNegative),
  alpha: hyper(nonNegative),
  t0: hyper(nonNegative),
};

/**
 * A step by a decaying rate, and the average of the parameters from step t₀ on, which `optimizer.eval()` gives to the
 * model. It includes the learning rate and ends a chain.
 *
 * Formula, in step t = 1, 2, … of each parameter θ, with `ηₜ = η / (1 + λ·η·(t − 1))^α`:
 * `u ← ηₜ·(u + λ·θ)`, `θ ← θ − u`, `a ← a + (θ − a) / max(1, t − 1 − t₀)`.
 *
 * @param options the hyper-parameters `lr`, `lambd`, `alpha` and `t0`; a change applies from the step after the next
 * @throws ConfigError if an option is unknown or out of range
 * @see Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"
 * @example
 * new Optimizer(model.parameters(), averageIterates({ lr: 0.1, t0: 1000 })).step();
 */
export const averageIterates = checked(
  "averageIterates",
  takes<AsgdScaling>({}, asgdScaling),
  ({ lr = 0.01, lambd = 1e-4, alpha = 0.75, t0 = 1e6 }: AsgdScaling = {}): ChainStep =>
    step({
      name: "averageIterates",
      hypers: {
        lr: { value: lr, range: nonNegative },
        lambd: { value: lambd, range: nonNegative },
        alpha: { value: alpha, range: nonNegative },
        t0: { value: t0, range: nonNegative },
      },
      // `eta` and `mu` are computed one step ahead, as PyTorch saves them.
      state: (p) => ({
        step: perParameter(p),
        eta: perParameter(p),
        mu: { ...perParameter(p), initial: 1 },
        ax: likeParameter(p),
      }),
      update({ update, parameter, hypers, state }) {
        const count = state.step.add(1);
        const eta = state.step.eq(0).where(hypers.lr, state.eta);
        const change = update.add(parameter.mul(hypers.lambd)).mul(eta);
        const next = parameter.sub(change);
        const average = state.ax.add(next.sub(state.ax).mul(state.mu));
        const slowing = hypers.lambd.mul(hypers.lr).mul(count).add(1).pow(hypers.alpha);
        return {
          update: change,
          state: {
            step: count,
            eta: hypers.lr.div(slowing),
            mu: count.sub(hypers.t0).maximum(1).reciprocal(),
            ax: state.mu.eq(1).where(next, average),
          },
        };
      },
      evaluated: ({ parameter, state }) => state.step.eq(0).where(parameter, state.ax),
    }),
);
