/** The hyperbolic tangent and what it leaves of x: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Hyperbolic tangent.
 *
 * Shape: any, unchanged. Formula: `y = tanh(x)`.
 *
 * @example
 * const y = tanh(tensor([-1, 0, 1])); // [-0.7616, 0, 0.7616]
 */
export const tanh = checked("tanh", takes({ x: tensorKind }), (x: Tensor): Tensor => x.tanh());

/**
 * Hyperbolic tangent.
 *
 * Shape: any, unchanged. Formula: `y = tanh(x)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html
 * @example
 * const y = new Tanh()(tensor([-1, 0, 1])); // [-0.7616, 0, 0.7616]
 */
export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

export const tanhEntry = activationEntry({
  name: "tanh",
  schema: {},
  make: () => tanh,
  layer: layerEntry("Tanh", takes(), Tanh),
});

/**
 * Difference between x and its hyperbolic tangent.
 *
 * Shape: any, unchanged. Formula: `y = x − tanh(x)`.
 *
 * @example
 * const y = tanhshrink(tensor([-1, 0, 1])); // [-0.2384, 0, 0.2384]
 */
export const tanhshrink = checked("tanhshrink", takes({ x: tensorKind }), (x: Tensor): Tensor => x.sub(x.tanh()));

/**
 * Difference between x and its hyperbolic tangent.
 *
 * Shape: any, unchanged. Formula: `y = x − tanh(x)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html
 * @example
 * const y = new Tanhshrink()(tensor([-1, 0, 1])); // [-0.2384, 0, 0.2384]
 */
export class Tanhshrink extends Module {
  override forward(x: Tensor): Tensor {
    return tanhshrink(x);
  }
}

export const tanhshrinkEntry = activationEntry({
  name: "tanhshrink",
  schema: {},
  make: () => tanhshrink,
  layer: layerEntry("Tanhshrink", takes(), Tanhshrink),
});
