/** Running sums and running means of gradients. */
import { onesLike, type Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scaleByMomentum}. */
export interface MomentumOptions {
  /** τ, dampening: after the first step gradients are added with weight 1 − τ. Default none, range 0 ≤ τ < 1. */
  readonly dampening?: HyperValue;
  /** Nesterov's form: the update looks one momentum ahead. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Momentum as in SGD: replaces each gradient by a running sum.
 *
 * Formula: `b ← u` in the first step, then `b ← μ·b + (1 − τ)·u`; `u ← b`, or `u + μ·b` with nesterov.
 *
 * @param momentum μ, share of the sum that each step keeps, the hyper-parameter of that name. Range 0 ≤ μ < 1
 * @param options dampening and Nesterov's form; `dampening` is a hyper-parameter if it is given
 * @see Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"
 * @example
 * new Optimizer(model.parameters(), chain(scaleByMomentum(0.9, { nesterov: true }), scaleByRate(0.1))).step();
 */
export const scaleByMomentum = checked(
  "scaleByMomentum",
  takes<MomentumOptions>({ momentum: hyper(belowOne) }, { dampening: hyper(belowOne), nesterov: flag }),
  (momentum: HyperValue, options: MomentumOptions = {}): ChainStep => {
    const { dampening, nesterov = false } = options;
    const hypers = { momentum: { value: momentum, range: belowOne } };
    const moved = (update: Tensor, buffer: Tensor, kept: Tensor) => (nesterov ? update.add(buffer.mul(kept)) : buffer);
    if (dampening === undefined) {
      return step({
        name: "scaleByMomentum",
        hypers,
        state: (p) => ({ momentum_buffer: likeParameter(p) }),
        update({ update, hypers: { momentum: kept }, state }) {
          const buffer = state.momentum_buffer.mul(kept).add(update);
          return { update: moved(update, buffer, kept), state: { momentum_buffer: buffer } };
        },
      });
    }
    return step({
      name: "scaleByMomentum",
      hypers: { ...hypers, dampening: { value: dampening, range: belowOne } },
      // `started` is 0 before the first step, in which the gradient is not dampened.
      state: (p) => ({ momentum_buffer: likeParameter(p), started: perParameter(p) }),
      update({ update, hypers: { momentum: kept, dampening: damped }, state }) {
        const fresh = update.mul(state.started.mul(damped).neg().add(1));
        const buffer = state.momentum_buffer.mul(kept).add(fresh);
        return {
          update: moved(update, buffer, kept),
          state: { momentum_buffer: buffer, started: onesLike(state.started) },
        };
      },
    });
  },
);

/**
 * Momentum as in Muon: replaces each gradient by a running mean.
 *
 * Formula: `b ← μ·b + (1 − μ)·u`; `u ← b`, or `(1 − μ)·u + μ·b` with nesterov.
 *
 * @param momentum μ, share of the mean that each step keeps, the hyper-parameter of that name. Range 0 ≤ μ < 1
 * @param options `nesterov`: the update looks one momentum ahead. Default false
 * @example
 * new Optimizer(model.parameters(), chain(averageGradients(0.9), scaleByRate(0.1))).step();
 */
export const averageGradients = checked(
  "averageGradients",
  takes<Pick<MomentumOptions, "nesterov">>({ momentum: hyper(belowOne) }, { nesterov: flag }),
  (momentum: HyperValue, { nesterov = false }: Pick<MomentumOptions, "nesterov"> = {}): ChainStep => {
    return step({
      name: "averageGradients",
      hypers: { momentum: { value: momentum, range: belowOne } },
      state: (p) => ({ momentum_buffer: likeParameter(p) }),
      update({ update, hypers: { momentum: kept }, state }) {
        const own = update.mul(kept.complement());
        const buffer = state.momentum_buffer.mul(kept).add(own);
        return { update: nesterov ? own.add(buffer.mul(kept)) : buffer, state: { momentum_buffer: buffer } };
      },
    });
  },
);
