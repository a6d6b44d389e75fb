/** Steps that scale updates by one number: the learning rate, and factors on it. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";

/**
 * Multiplies updates by the learning rate, the hyper-parameter `lr`. The last step of most chains.
 *
 * Formula: `u ← η·u`.
 *
 * @param lr η, or a schedule. Range ≥ 0
 * @example
 * new Optimizer(model.parameters(), chain(scaleByRate(cosine(0.1, 1000)))).step();
 */
export const scaleByRate = checked(
  "scaleByRate",
  takes({ lr: hyper(nonNegative) }),
  (lr: HyperValue): ChainStep =>
    step({
      name: "scaleByRate",
      hypers: { lr: { value: lr, range: nonNegative } },
      update: ({ update, hypers }) => ({ update: update.mul(hypers.lr) }),
    }),
);

/**
 * Multiplies updates by a schedule, the hyper-parameter `factor`, so that setting `lr` keeps the shape of the schedule.
 *
 * Formula: `u ← f(t)·u`, t the number of the step, counted from 0.
 *
 * @param factor f, or a number. Range ≥ 0
 * @example
 * const rule = chain(scaleByRate(0.1), scaleBySchedule(cosine(1, 1000)));
 * new Optimizer(model.parameters(), rule).lr = 0.05;
 */
export const scaleBySchedule = checked(
  "scaleBySchedule",
  takes({ factor: hyper(nonNegative) }),
  (factor: HyperValue): ChainStep =>
    step({
      name: "scaleBySchedule",
      hypers: { factor: { value: factor, range: nonNegative } },
      update: ({ update, hypers }) => ({ update: update.mul(hypers.factor) }),
    }),
);
