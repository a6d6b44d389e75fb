/**
 * The number of parameters and multiply-adds of a model. Multiply-adds are counted in the graph that the model builds,
 * so every module is treated alike; this file must not know any layer.
 */
import { buildOnly } from "../tensor/flops.js";
import { multiplyAdds, zeros } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { shape } from "../util/kinds.js";
import { moduleKind } from "./kinds.js";
import type { AnyModule, Module } from "./module.js";

/**
 * The number of values in the parameters of a module, frozen ones included; a parameter used in two places counts once.
 *
 * Formula: `Σ_p ∏ shape(p)`.
 *
 * @example
 * countParameters(new Linear(784, 10)); // 7850
 */
export const countParameters = checked(
  "countParameters",
  takes({ module: moduleKind }),
  (module: AnyModule): number => {
    return module.parameters().reduce((sum, { size }) => sum + size, 0);
  },
);

/**
 * The multiply-adds of one forward pass in evaluation, over convolutions and matrix products; papers call them FLOPs.
 * Nothing is computed, and the model stays unchanged.
 *
 * Formula: `Σ outputs · inputs per output`.
 *
 * @param inputShape shape of the input, `[N, C, H, W]`
 * @throws ShapeError if the model does not accept such an input
 * @see He et al. 2016, "Deep Residual Learning for Image Recognition", table 1
 * @example
 * countFlops(new Conv2d(3, 16, 3, { padding: 1 }), [1, 3, 32, 32]); // 442368
 */
export const countFlops = checked(
  "countFlops",
  takes({ model: moduleKind, inputShape: shape }),
  (model: Module, inputShape: readonly number[]): number => {
    return model.inMode("eval", () => multiplyAdds(buildOnly(() => model(zeros(inputShape)))));
  },
);
