/** Softplus and softsign: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { finite, nonZero } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { log1pExp } from "./log1p-exp.js";

export interface SoftplusOptions {
  /** Sharpness; not 0. Default 1. */
  readonly beta?: number;
  /** Bound on beta · x above which y is x. Default 20. */
  readonly threshold?: number;
}

const softplusOptions = { beta: nonZero, threshold: finite };

/**
 * Smooth approximation of the rectified linear unit; x itself where beta · x exceeds the threshold.
 *
 * Shape: any, unchanged. Formula: `y = ln(1 + e^(beta · x)) / beta`.
 *
 * @see Dugas et al. 2000, "Incorporating Second-Order Functional Knowledge for Better Option Pricing"
 * @example
 * const y = softplus(tensor([-1, 0, 50])); // [0.3133, 0.6931, 50]
 */
export const softplus = checked(
  "softplus",
  takes<SoftplusOptions>({ x: tensorKind }, softplusOptions),
  (x: Tensor, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor => {
    const value = floats(x);
    const scaled = value.mul(beta);
    return scaled.gt(threshold).where(value, log1pExp(scaled).div(beta));
  },
);

const softplusParameters = takes<SoftplusOptions>({}, softplusOptions);
const softplusCheck = checkedConstructor("Softplus", softplusParameters);

/**
 * Smooth approximation of the rectified linear unit; x itself where beta · x exceeds the threshold.
 *
 * Shape: any, unchanged. Formula: `y = ln(1 + e^(beta · x)) / beta`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Softplus.html
 * @example
 * const y = new Softplus({ beta: 2 })(tensor([-1, 0, 50])); // [0.0635, 0.3466, 50]
 */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options: SoftplusOptions = {}) {
    softplusCheck([options]);
    super();
    this.beta = options.beta ?? 1;
    this.threshold = options.threshold ?? 20;
  }

  override forward(x: Tensor): Tensor {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }
}

export const softplusEntry = activationEntry({
  name: "softplus",
  schema: softplusOptions,
  make: (options: SoftplusOptions) => (x) => softplus(x, options),
  layer: layerEntry("Softplus", softplusParameters, Softplus),
});

/**
 * Sigmoid curve with polynomial tails.
 *
 * Shape: any, unchanged. Formula: `y = x / (1 + |x|)`.
 *
 * @example
 * const y = softsign(tensor([-1, 0, 3])); // [-0.5, 0, 0.75]
 */
export const softsign = checked("softsign", takes({ x: tensorKind }), (x: Tensor): Tensor => x.div(x.abs().add(1)));

/**
 * Sigmoid curve with polynomial tails.
 *
 * Shape: any, unchanged. Formula: `y = x / (1 + |x|)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Softsign.html
 * @example
 * const y = new Softsign()(tensor([-1, 0, 3])); // [-0.5, 0, 0.75]
 */
export class Softsign extends Module {
  override forward(x: Tensor): Tensor {
    return softsign(x);
  }
}

export const softsignEntry = activationEntry({
  name: "softsign",
  schema: {},
  make: () => softsign,
  layer: layerEntry("Softsign", takes(), Softsign),
});
