/** The rectified linear unit: as a function, as a layer, and as an entry of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Rectified linear unit.
 *
 * Shape: any, unchanged. Formula: `y = max(x, 0)`.
 *
 * @example
 * const y = relu(tensor([-1, 2])); // [0, 2]
 */
export const relu = checked("relu", takes({ x: tensorKind }), (x: Tensor): Tensor => x.relu());

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

export const reluEntry = activationEntry({
  name: "relu",
  schema: {},
  make: () => relu,
  layer: layerEntry("ReLU", takes(), ReLU),
});
