/** The rectified linear unit with a ceiling: as a function, as a layer, and as an entry of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Rectified linear unit with a ceiling; its gradient is 0 at both bends.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x, 0), 6)`.
 *
 * @see Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381
 * @example
 * const y = relu6(tensor([-1, 2, 7])); // [0, 2, 6]
 */
export const relu6 = checked("relu6", takes({ x: tensorKind }), (x: Tensor): Tensor => x.ge(6).where(6, x.relu()));

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

export const relu6Entry = activationEntry({
  name: "relu6",
  schema: {},
  make: () => relu6,
  layer: layerEntry("ReLU6", takes(), ReLU6),
});
