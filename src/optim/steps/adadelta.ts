/** Division by the root mean square of gradients, times that of updates. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { belowOne, hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scaleByAdadelta}. */
export interface AdadeltaScaling {
  /** ρ, share of the running means that each step keeps. Default 0.9, range 0 ≤ ρ < 1. */
  readonly rho?: HyperValue;
  /** ε, added within both roots. Default 1e-6, range ≥ 0. */
  readonly eps?: HyperValue;
}

/** The kinds of the options of {@link scaleByAdadelta}. */
export const adadeltaScaling = { rho: hyper(belowOne), eps: hyper(nonNegative) };

/**
 * Divides each element by the running root mean square of gradients and multiplies it by that of the updates so far, so
 * that updates have the unit of the parameters.
 *
 * Formula: `v ← ρ·v + (1 − ρ)·u²`, `u ← √(d + ε) / √(v + ε) · u`, `d ← ρ·d + (1 − ρ)·u²`.
 *
 * @param options the hyper-parameters `rho` and `eps`
 * @throws ConfigError if an option is unknown or out of range
 * @see Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701
 * @example
 * new Optimizer(model.parameters(), chain(scaleByAdadelta(), scaleByRate(1))).step();
 */
export const scaleByAdadelta = checked(
  "scaleByAdadelta",
  takes<AdadeltaScaling>({}, adadeltaScaling),
  ({ rho = 0.9, eps = 1e-6 }: AdadeltaScaling = {}): ChainStep =>
    step({
      name: "scaleByAdadelta",
      hypers: { rho: { value: rho, range: belowOne }, eps: { value: eps, range: nonNegative } },
      state: (p) => ({ step: perParameter(p), square_avg: likeParameter(p), acc_delta: likeParameter(p) }),
      update({ update, hypers, state }) {
        const mean = (average: typeof update, value: typeof update) =>
          average.mul(hypers.rho).add(value.square().mul(hypers.rho.complement()));
        const square = mean(state.square_avg, update);
        const delta = state.acc_delta.add(hypers.eps).sqrt().div(square.add(hypers.eps).sqrt()).mul(update);
        return {
          update: delta,
          state: { step: state.step.add(1), square_avg: square, acc_delta: mean(state.acc_delta, delta) },
        };
      },
    }),
);
