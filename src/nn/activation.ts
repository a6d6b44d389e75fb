/** Activation layers: modules without parameters around the functions of the same name. */
import type { Tensor } from "../tensor/index.js";
import { relu } from "./functional.js";
import { Module } from "./module.js";

/**
 * Rectified linear unit.
 *
 * Shape: any, unchanged. Formula: `y = max(x, 0)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html
 * @example
 * const y = new ReLU().call(tensor([-1, 2])); // [0, 2]
 */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}
