/** Division by the running root mean square of gradients. */
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scaleByRms}. */
export interface RmsScaling {
  /** α, share of the running means that each step keeps. Default 0.99, range 0 ≤ α < 1. */
  readonly alpha?: HyperValue;
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
  /** Whether the square of the running mean of the gradient is subtracted, which leaves its variance. Default false. */
  readonly centered?: boolean;
}

/** The kinds of the options of {@link scaleByRms}. */
export const rmsScaling = { alpha: hyper(belowOne), eps: hyper(nonNegative), centered: flag };

/**
 * Divides each element by its running root mean square, or by its running standard deviation.
 *
 * Formula: `v ← α·v + (1 − α)·u²`, and `m ← α·m + (1 − α)·u` if centered; `u ← u / (√v + ε)`, or `u / (√(v − m²) + ε)`.
 *
 * @param options the hyper-parameters `alpha` and `eps`, and `centered`
 * @throws ConfigError if an option is unknown or out of range
 * @see Tieleman & Hinton 2012, "Lecture 6.5: RMSProp"; centred: Graves 2013, arXiv:1308.0850
 * @example
 * new Optimizer(model.parameters(), chain(scaleByRms({ alpha: 0.9 }), scaleByRate(1e-3))).step();
 */
export const scaleByRms = checked(
  "scaleByRms",
  takes<RmsScaling>({}, rmsScaling),
  ({ alpha = 0.99, eps = 1e-8, centered = false }: RmsScaling = {}): ChainStep => {
    const hypers = { alpha: { value: alpha, range: belowOne }, eps: { value: eps, range: nonNegative } };
    if (!centered) {
      return step({
        name: "scaleByRms",
        hypers,
        state: (p) => ({ step: perParameter(p), square_avg: likeParameter(p) }),
        update({ update, hypers: { alpha: kept, eps: added }, state }) {
          const square = state.square_avg.mul(kept).add(update.square().mul(kept.complement()));
          return {
            update: update.div(square.sqrt().add(added)),
            state: { step: state.step.add(1), square_avg: square },
          };
        },
      });
    }
    return step({
      name: "scaleByRms",
      hypers,
      state: (p) => ({ step: perParameter(p), square_avg: likeParameter(p), grad_avg: likeParameter(p) }),
      update({ update, hypers: { alpha: kept, eps: added }, state }) {
        const square = state.square_avg.mul(kept).add(update.square().mul(kept.complement()));
        const mean = state.grad_avg.mul(kept).add(update.mul(kept.complement()));
        // The difference is not negative but for rounding, which would make the root NaN.
        const deviation = square.sub(mean.square()).maximum(0).sqrt();
        return {
          update: update.div(deviation.add(added)),
          state: { step: state.step.add(1), square_avg: square, grad_avg: mean },
        };
      },
    });
  },
);
