/** Schedule-free SGD and AdamW: an average of all iterates takes the place of a schedule. */
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { belowOne, hyper, insideUnit, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { scaleBySecondMoment } from "./steps/adam.js";
import { coupledDecay, decoupledDecay } from "./steps/decay.js";
import { type ScheduleFreeOptions, scheduleFree, scheduleFreeKinds } from "./steps/schedule-free.js";

export interface ScheduleFreeSGDOptions extends ScheduleFreeOptions {
  /** η, learning rate. Default 1, range ≥ 0. */
  readonly lr?: HyperValue;
  /** μ, share of the average in the point where gradients are taken. Default 0.9, range 0 < μ < 1. */
  readonly momentum?: HyperValue;
  /** λ, weight of the L2 penalty. Default: no penalty, and no cell for it. Range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const SGDBase = optimizer<ScheduleFreeSGDOptions>(
  "ScheduleFreeSGD",
  { lr: hyper(nonNegative), momentum: hyper(insideUnit), weightDecay: hyper(nonNegative), ...scheduleFreeKinds },
  ({ lr = 1, momentum = 0.9, weightDecay, ...options }) =>
    chain(...(weightDecay === undefined ? [] : [coupledDecay(weightDecay)]), scheduleFree(lr, momentum, options)),
);

/**
 * Schedule-free SGD: no schedule and no last step to choose. Call `eval()` before scoring or saving weights, and `train()`
 * before the next step.
 *
 * Formula, for the gradient g at y in step t = 1, 2, …, with the weight w = t^r · (largest η so far)^p:
 * ```text
 * g ← g + λ·y,  c = w / (sum of all w)
 * y ← y + c·(z − y) + η·(μ·(1 − c) − 1)·g
 * z ← z − η·g
 * x = y + (1 − 1/μ)·(z − y)
 * ```
 * The parameters are y in training and x in evaluation; z is state.
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, momentum, `weightDecay`, `r`, `weightLrPower`; a warm-up is a schedule of `lr`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Defazio et al. 2024, "The Road Less Scheduled", arXiv:2405.15682
 * @example
 * const optimizer = new ScheduleFreeSGD(model.parameters(), { lr: 1 });
 * optimizer.eval();
 * model(images);
 * optimizer.train();
 */
export class ScheduleFreeSGD extends SGDBase {}

export interface ScheduleFreeAdamWOptions extends ScheduleFreeOptions {
  /** η, learning rate. Default 0.0025, range ≥ 0. */
  readonly lr?: HyperValue;
  /**
   * μ, share of the average in the point where gradients are taken, the hyper-parameter `momentum`, and β₂, share of the
   * running mean of g² that each step keeps. Default 0.9 and 0.999, range 0 < μ < 1 and 0 ≤ β₂ < 1.
   */
  readonly betas?: readonly [momentum: HyperValue, beta2: HyperValue];
  /** ε, added to the denominator. Default 1e-8, range ≥ 0. */
  readonly eps?: HyperValue;
  /** λ, decoupled weight decay at y. Default 0, range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const betasKind = {
  name: "a pair, a number > 0 and < 1, and a number ≥ 0 and < 1",
  accepts: (value: unknown) =>
    Array.isArray(value) &&
    value.length === 2 &&
    hyper(insideUnit).accepts(value[0]) &&
    hyper(belowOne).accepts(value[1]),
};

const AdamWBase = optimizer<ScheduleFreeAdamWOptions>(
  "ScheduleFreeAdamW",
  {
    lr: hyper(nonNegative),
    betas: betasKind,
    eps: hyper(nonNegative),
    weightDecay: hyper(nonNegative),
    ...scheduleFreeKinds,
  },
  ({ lr = 0.0025, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, ...options }) =>
    chain(
      scaleBySecondMoment({ beta2: betas[1], eps }),
      decoupledDecay(weightDecay),
      scheduleFree(lr, betas[0], options),
    ),
);

/**
 * Schedule-free AdamW: no schedule and no last step to choose. Call `eval()` before scoring or saving weights, and
 * `train()` before the next step.
 *
 * Formula, for the gradient g at y in step t = 1, 2, …, with the weight w = t^r · (largest η so far)^p:
 * ```text
 * v ← β₂·v + (1 − β₂)·g²
 * u = g / (√(v/(1 − β₂ᵗ)) + ε) + λ·y,  c = w / (sum of all w)
 * y ← y + c·(z − y) + η·(μ·(1 − c) − 1)·u
 * z ← z − η·u
 * x = y + (1 − 1/μ)·(z − y)
 * ```
 * The parameters are y in training and x in evaluation; z is state.
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `betas`, `eps`, `weightDecay`, `r`, `weightLrPower`; a warm-up is a schedule of `lr`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Defazio et al. 2024, "The Road Less Scheduled", arXiv:2405.15682
 * @example
 * const optimizer = new ScheduleFreeAdamW(model.parameters(), { lr: 2.5e-3, weightDecay: 0.01 });
 * optimizer.eval();
 * model(images);
 * optimizer.train();
 */
export class ScheduleFreeAdamW extends AdamWBase {}

export const scheduleFreeSgd = optimizerEntry("schedule-free-sgd", ScheduleFreeSGD, { lr: 0.5, momentum: 0.9 });
export const scheduleFreeAdamw = optimizerEntry("schedule-free-adamw", ScheduleFreeAdamW, { lr: 2.5e-3 });
