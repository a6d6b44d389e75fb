/** Activation layers: modules without parameters around the functions of the same name. */
import type { Tensor } from "../tensor/index.js";
import { relu, relu6 } from "./functional.js";
import { Module } from "./module.js";

/**
 * Rectified linear unit.
 *
 * Shape: any, unchanged. Formula: `y = max(x, 0)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html
 * @example
 * const y = new ReLU()(tensor([-1, 2])); // [0, 2]
 */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/**
 * Rectified linear unit with a ceiling.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x, 0), 6)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html
 * @example
 * const y = new ReLU6()(tensor([-1, 2, 7])); // [0, 2, 6]
 */
export class ReLU6 extends Module {
  override forward(x: Tensor): Tensor {
    return relu6(x);
  }
}
