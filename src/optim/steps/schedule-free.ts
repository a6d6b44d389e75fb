/** Averaging of iterates that takes the place of a schedule. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { finite } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, insideUnit, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link scheduleFree}. */
export interface ScheduleFreeOptions {
  /** r: the weight of step t in the average grows as t^r; cannot change later. Default 0. */
  readonly r?: number;
  /** p: the weight of a step is the p-th power of the largest learning rate so far; cannot change later. Default 2. */
  readonly weightLrPower?: number;
}

/** The kinds of the options of {@link scheduleFree}. */
export const scheduleFreeKinds = { r: finite, weightLrPower: finite };

/**
 * Schedule-free steps: gradients are taken at a point y between the iterate z and the average x of all iterates. The
 * parameters are y while they are trained; `optimizer.eval()` makes them x, and `optimizer.train()` y again. It includes
 * the learning rate, which needs no decay; a warm-up is a schedule as usual.
 *
 * Formula, in step t = 1, 2, … of each parameter, with the weight `w = t^r · (largest η so far)^p`:
 * ```text
 * c = w / (sum of all w)
 * y ← y + c·(z − y) + η·(μ·(1 − c) − 1)·u
 * z ← z − η·u
 * x = y + (1 − 1/μ)·(z − y)
 * ```
 *
 * @param lr η, the hyper-parameter of that name. Range ≥ 0
 * @param momentum μ, share of the average in y, the hyper-parameter of that name. Range 0 < μ < 1
 * @param options `r` and `weightLrPower`
 * @throws ConfigError if an argument is out of range
 * @see Defazio et al. 2024, "The Road Less Scheduled", arXiv:2405.15682
 * @example
 * const free = new Optimizer(model.parameters(), chain(clipByNorm(1), scheduleFree(1, 0.9)));
 * free.eval();
 * free.train();
 */
export const scheduleFree = checked(
  "scheduleFree",
  takes<ScheduleFreeOptions>({ lr: hyper(nonNegative), momentum: hyper(insideUnit) }, scheduleFreeKinds),
  (lr: HyperValue, momentum: HyperValue, { r = 0, weightLrPower = 2 }: ScheduleFreeOptions = {}): ChainStep =>
    step({
      name: "scheduleFree",
      hypers: { lr: { value: lr, range: nonNegative }, momentum: { value: momentum, range: insideUnit } },
      state: (p) => ({
        k: perParameter(p),
        lr_max: perParameter(p),
        weight_sum: perParameter(p),
        z: likeParameter(p),
      }),
      update({ update, parameter, hypers, state }) {
        const count = state.k.add(1);
        const z = state.k.eq(0).where(parameter, state.z);
        const largest = state.lr_max.maximum(hypers.lr);
        const weight = power(count, r).mul(power(largest, weightLrPower));
        const total = state.weight_sum.add(weight);
        const share = total.gt(0).where(weight.div(total), 0);
        const along = share.neg().add(1).mul(hypers.momentum).neg().add(1).mul(hypers.lr);
        return {
          update: parameter.sub(z).mul(share).add(update.mul(along)),
          state: { k: count, lr_max: largest, weight_sum: total, z: z.sub(update.mul(hypers.lr)) },
        };
      },
      evaluated({ parameter, hypers, state }) {
        const share = hypers.momentum.reciprocal().neg().add(1);
        return state.k.eq(0).where(parameter, parameter.add(state.z.sub(parameter).mul(share)));
      },
    }),
);

/** A power with a constant exponent, exact for the usual ones. */
function power(x: Tensor, exponent: number): Tensor {
  if (exponent === 0) return x.mul(0).add(1);
  if (exponent === 1) return x;
  return exponent === 2 ? x.square() : x.pow(exponent);
}
