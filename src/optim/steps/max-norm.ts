/** A constraint on the norms of weights. */
import { checked, takes } from "../../util/arguments.js";
import type { HyperValue } from "../hyper.js";
import { hyper, positive } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";
import { unitNorm } from "./clip.js";

/**
 * Max-norm constraint: after the update, scales the incoming weights of each output unit or channel, `[O, …]`, to a
 * norm of at most c. Vectors, such as biases, stay as they are. It ends a chain.
 *
 * Formula: `θ[o] ← θ[o] · min(1, c/‖θ[o]‖)` for each o.
 *
 * @param limit c, the hyper-parameter `maxWeightNorm`. Range > 0
 * @see Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 5.1
 * @example
 * new Optimizer(model.parameters(), chain(SGD.chain({ lr: 0.1 }), limitNorms(3))).step();
 */
export const limitNorms = checked(
  "limitNorms",
  takes({ limit: hyper(positive) }),
  (limit: HyperValue): ChainStep =>
    step({
      name: "limitNorms",
      hypers: { maxWeightNorm: { value: limit, range: positive } },
      afterUpdate: true,
      update({ parameter, hypers: { maxWeightNorm } }) {
        if (parameter.rank < 2) return {};
        const norm = unitNorm(parameter);
        // By the larger of norm and limit, so that a norm of 0 divides nothing.
        return { parameter: parameter.mul(norm.maximum(maxWeightNorm).reciprocal().mul(maxWeightNorm)) };
      },
    }),
);
