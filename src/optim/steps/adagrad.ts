/** Division by the root of the sum of all squares so far. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scaleByAdagrad}. */
export interface AdagradScaling {
  /** δ, decay of the rate with the number of steps. Default 0: none, and no cell for it. Range ≥ 0. */
  readonly lrDecay?: HyperValue;
  /** Initial sum of squares; cannot change later. Default 0, range ≥ 0. */
  readonly initialAccumulatorValue?: number;
  /** ε, added to the denominator. Default 1e-10, range ≥ 0. */
  readonly eps?: HyperValue;
}

/** The kinds of the options of {@link scaleByAdagrad}. */
export const adagradScaling = {
  lrDecay: hyper(nonNegative),
  initialAccumulatorValue: nonNegative,
  eps: hyper(nonNegative),
};

/**
 * Divides each element by the root of the sum of its squares so far, so that often changed elements move less.
 *
 * Formula, in step t = 1, 2, … of each parameter: `s ← s + u²`, `u ← u / (√s + ε) / (1 + (t − 1)·δ)`.
 *
 * @param options the hyper-parameters `eps` and, if it is given, `lrDecay`; the initial sum
 * @throws ConfigError if an option is unknown or out of range
 * @see Duchi et al. 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization"
 * @example
 * new Optimizer(model.parameters(), chain(scaleByAdagrad(), scaleByRate(0.01))).step();
 */
export const scaleByAdagrad = checked(
  "scaleByAdagrad",
  takes<AdagradScaling>({}, adagradScaling),
  ({ lrDecay = 0, initialAccumulatorValue = 0, eps = 1e-10 }: AdagradScaling = {}): ChainStep => {
    return step<string, "step" | "sum">({
      name: "scaleByAdagrad",
      hypers: {
        eps: { value: eps, range: nonNegative },
        ...(lrDecay !== 0 && { lrDecay: { value: lrDecay, range: nonNegative } }),
      },
      state: (p) => ({ step: perParameter(p), sum: { ...likeParameter(p), initial: initialAccumulatorValue } }),
      update({ update, hypers, state }) {
        const sum = state.sum.add(update.square());
        const scaled = update.div(sum.sqrt().add(hypers.eps));
        const slowing = hypers.lrDecay ? state.step.mul(hypers.lrDecay).add(1).reciprocal() : undefined;
        return { update: slowing ? scaled.mul(slowing) : scaled, state: { step: state.step.add(1), sum } };
      },
    });
  },
);
