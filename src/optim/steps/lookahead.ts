/** Slow weights that follow those of any chain. */
import { checked, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, shareKind } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link lookahead}. */
export interface LookaheadOptions {
  /** k, number of steps between two steps of the slow weights, the hyper-parameter `k`. Default 5, range ≥ 1. */
  readonly k?: HyperValue;
  /** α, share of the way that the slow weights go, the hyper-parameter `slowShare`. Default 0.5, range 0 to 1. */
  readonly alpha?: HyperValue;
}

/**
 * Lookahead: every k steps moves slow weights φ a part of the way to the parameters, and the parameters to them. It
 * ends a chain, whichever it is. The slow weights begin at the parameters before the first step.
 *
 * Formula, after every k-th step: `φ ← φ + α·(θ − φ)`, `θ ← φ`.
 *
 * @param options `k` and `alpha`
 * @throws ConfigError if an option is unknown or out of range
 * @see Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back", arXiv:1907.08610
 * @example
 * new Optimizer(model.parameters(), chain(AdamW.chain({ lr: 1e-3 }), lookahead({ k: 6 }))).step();
 */
export const lookahead = checked(
  "lookahead",
  takes<LookaheadOptions>({}, { k: hyper(count()), alpha: hyper(shareKind) }),
  ({ k = 5, alpha = 0.5 }: LookaheadOptions = {}): ChainStep =>
    step({
      name: "lookahead",
      hypers: { k: { value: k, range: count() }, slowShare: { value: alpha, range: shareKind } },
      afterUpdate: true,
      // `fast_steps` is the number of steps since the last one of the slow weights, plus 1; 0 before the first.
      state: (p) => ({ fast_steps: perParameter(p), slow: likeParameter(p) }),
      update({ parameter, start, hypers, state }) {
        const before = state.fast_steps.eq(0).where(start, state.slow);
        const steps = state.fast_steps.maximum(1);
        const due = steps.ge(hypers.k);
        const slow = due.where(before.add(parameter.sub(before).mul(hypers.slowShare)), before);
        return {
          parameter: due.where(slow, parameter),
          state: { fast_steps: due.where(1, steps.add(1)), slow },
        };
      },
    }),
);
