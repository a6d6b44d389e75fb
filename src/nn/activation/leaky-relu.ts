/** The rectified linear unit with a slope below 0: as a function, as a layer, and as an entry of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { finite } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface LeakyReLUOptions {
  /** Slope below 0. Default 0.01. */
  readonly negativeSlope?: number;
}

const leakyReluOptions = { negativeSlope: finite };

/**
 * Rectified linear unit with a slope below 0, which is also its gradient at 0.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `negativeSlope · x`.
 *
 * @see Maas, Hannun & Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models"
 * @example
 * const y = leakyRelu(tensor([-1, 2]), { negativeSlope: 0.1 }); // [-0.1, 2]
 */
export const leakyRelu = checked(
  "leakyRelu",
  takes<LeakyReLUOptions>({ x: tensorKind }, leakyReluOptions),
  (x: Tensor, { negativeSlope = 0.01 }: LeakyReLUOptions = {}): Tensor => {
    const value = floats(x);
    return value.gt(0).where(value, value.mul(negativeSlope));
  },
);

const leakyReluParameters = takes<LeakyReLUOptions>({}, leakyReluOptions);
const leakyReluCheck = checkedConstructor("LeakyReLU", leakyReluParameters);

/**
 * Rectified linear unit with a slope below 0, which is also its gradient at 0.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `negativeSlope · x`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
 * @example
 * const y = new LeakyReLU({ negativeSlope: 0.1 })(tensor([-1, 2])); // [-0.1, 2]
 */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(options: LeakyReLUOptions = {}) {
    leakyReluCheck([options]);
    super();
    this.negativeSlope = options.negativeSlope ?? 0.01;
  }

  override forward(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}

export const leakyReluEntry = activationEntry({
  name: "leakyRelu",
  schema: leakyReluOptions,
  make: (options: LeakyReLUOptions) => (x) => leakyRelu(x, options),
  layer: layerEntry("LeakyReLU", leakyReluParameters, LeakyReLU),
});
