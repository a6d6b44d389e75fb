/** Several gradients for one update, inside a compiled step. */

import { checked, takes } from "../../util/arguments.js";
import { count, word } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, step } from "../rule.js";

/** The options of {@link accumulate}. */
export interface AccumulateOptions {
  /** Reduction of the gradients: `mean` if the loss of a batch is a mean, `sum` if it is a sum. Default `mean`. */
  readonly reduction?: "mean" | "sum";
}

/**
 * Runs the steps after it in every k-th call only, with the mean of k gradients: if the loss is a mean, one update by k
 * small batches then equals that by a batch k times as large. In the other calls parameters and the state of the steps
 * after it stay unchanged. Steps before it receive each gradient by itself.
 *
 * Formula: `s ← s + u`; in every k-th call `u ← s / k, s ← 0` for the steps that follow. A missing gradient counts as
 * zeros; a parameter without a gradient in all k calls is not updated.
 *
 * Schedules count calls of `step()`, not updates.
 *
 * @param calls k, the hyper-parameter `accumulation`. Range: whole numbers from 1
 * @param options `reduction`: `sum` leaves out the division by k. Default `mean`
 * @throws ConfigError if the reduction is unknown
 * @example
 * const rule = chain(accumulate(4), clipByNorm(1), scaleByAdam(), scaleByRate(1e-3));
 * new Optimizer(model.parameters(), rule).step();
 */
export const accumulate = checked(
  "accumulate",
  takes<AccumulateOptions>({ calls: hyper(count()) }, { reduction: word(["mean", "sum"]) }),
  (calls: HyperValue, { reduction = "mean" }: AccumulateOptions = {}): ChainStep => {
    return step({
      name: "accumulate",
      hypers: { accumulation: { value: calls, range: count() } },
      takesMissing: true,
      shared: { calls: { shape: [], dtype: "f32" } },
      // `gradients` counts those in the sum, to distinguish a parameter without gradients from one whose sum is zero.
      state: (p) => ({ gradient_sum: likeParameter(p), gradients: perParameter(p) }),
      across({ hypers: { accumulation }, shared }) {
        const calls = shared.calls.add(1);
        const due = calls.ge(accumulation);
        return { due, values: { due, calls }, shared: { calls: due.where(0, calls) } };
      },
      update({ update, state, values: { due, calls }, hasGradient }) {
        const sum = hasGradient ? state.gradient_sum.add(update) : state.gradient_sum;
        const gradients = hasGradient ? state.gradients.add(1) : state.gradients;
        return {
          update: reduction === "mean" ? sum.div(calls.to(sum.dtype)) : sum,
          due: due.logicalAnd(gradients.gt(0)),
          state: { gradient_sum: due.where(0, sum), gradients: due.where(0, gradients) },
        };
      },
    });
  },
);
