/** Steps that scale updates by one number: the learning rate, and factors on it. */
import { type HyperValue, nonNegative } from "../hyper.js";
import { type ChainStep, step } from "../rule.js";
import type { Schedule } from "../schedule.js";

/**
 * Multiplies updates by the learning rate, the hyper-parameter `lr`. The last step of most chains.
 *
 * Formula: `u ← η·u`.
 *
 * @param lr η, or a schedule. Default 0.001, range ≥ 0
 * @example
 * new Optimizer(model.parameters(), chain(scaleByRate(cosine(0.1, { totalSteps: 1000 })))).step();
 */
export function scaleByRate(lr: HyperValue = 0.001): ChainStep {
  return step({
    name: "scaleByRate",
    hypers: { lr: { value: lr, range: nonNegative } },
    update: ({ update, hypers }) => ({ update: update.mul(hypers.lr) }),
  });
}

/**
 * Multiplies updates by a schedule, the hyper-parameter `factor`, so that `lr` may be set without a change to the shape of
 * the schedule.
 *
 * Formula: `u ← f(t)·u`, t the number of the step, counted from 0.
 *
 * @param schedule f, values ≥ 0
 * @example
 * const rule = chain(scaleByRate(0.1), scaleBySchedule(cosine(1, { totalSteps: 1000 })));
 * new Optimizer(model.parameters(), rule).lr = 0.05;
 */
export function scaleBySchedule(schedule: Schedule): ChainStep {
  return step({
    name: "scaleBySchedule",
    hypers: { factor: { value: schedule, range: nonNegative } },
    update: ({ update, hypers }) => ({ update: update.mul(hypers.factor) }),
  });
}
