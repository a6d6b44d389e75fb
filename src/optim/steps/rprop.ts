/** Steps whose length follows the signs of gradients alone. */
import { checked, takes } from "../../util/arguments.js";
import type { Kind } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative, pairOf, positive } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link stepBySigns}. */
export interface RpropScaling {
  /** η, length of the first step. Default 0.01, range ≥ 0. */
  readonly lr?: HyperValue;
  /** Factors of the length when the sign changed, and when it did not. Default 0.5 and 1.2, range > 0. */
  readonly etas?: readonly [etaMinus: HyperValue, etaPlus: HyperValue];
  /** Smallest and largest length. Default 1e-6 and 50, range > 0. */
  readonly stepSizes?: readonly [stepSizeMin: HyperValue, stepSizeMax: HyperValue];
}

/** The kinds of the options of {@link stepBySigns}. */
export const rpropScaling: { readonly [Name in keyof Required<RpropScaling>]: Kind } = {
  lr: hyper(nonNegative),
  etas: pairOf(hyper(positive)),
  stepSizes: pairOf(hyper(positive)),
};

/**
 * Replaces each element by its sign times a length of its own, which grows while the sign stays and shrinks when it
 * changes. It includes the learning rate. It is for gradients of the whole data set: those of batches change signs by
 * chance.
 *
 * Formula, with g the gradient that the step kept, of 0 at first: `s = sign(u·g)`; the length l, at first η, becomes
 * `l·η₊` if s > 0, `l·η₋` if s < 0, between its limits; `u ← 0` if s < 0; `g ← u`, `u ← sign(u)·l`.
 *
 * @param options the hyper-parameters `lr`, `etaMinus` and `etaPlus` as `etas`, `stepSizeMin` and `stepSizeMax` as
 * `stepSizes`
 * @throws ConfigError if an option is unknown or out of range
 * @see Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm"
 * @example
 * new Optimizer(model.parameters(), stepBySigns({ lr: 0.1 })).step();
 */
export const stepBySigns = checked(
  "stepBySigns",
  takes<RpropScaling>({}, rpropScaling),
  ({ lr = 0.01, etas = [0.5, 1.2], stepSizes = [1e-6, 50] }: RpropScaling = {}): ChainStep =>
    step({
      name: "stepBySigns",
      hypers: {
        lr: { value: lr, range: nonNegative },
        etaMinus: { value: etas[0], range: positive },
        etaPlus: { value: etas[1], range: positive },
        stepSizeMin: { value: stepSizes[0], range: positive },
        stepSizeMax: { value: stepSizes[1], range: positive },
      },
      state: (p) => ({ step: perParameter(p), prev: likeParameter(p), step_size: likeParameter(p) }),
      update({ update, hypers, state }) {
        const { lr: first, etaMinus, etaPlus, stepSizeMin, stepSizeMax } = hypers;
        const product = update.mul(state.prev);
        const turned = product.lt(0);
        const factor = turned.where(etaMinus, product.gt(0).where(etaPlus, 1));
        const before = state.step.eq(0).where(first, state.step_size);
        const length = before.mul(factor).maximum(stepSizeMin).minimum(stepSizeMax);
        const used = turned.where(0, update);
        return {
          update: used.sign().mul(length),
          state: { step: state.step.add(1), prev: used, step_size: length },
        };
      },
    }),
);
