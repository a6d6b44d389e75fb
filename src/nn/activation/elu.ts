/** Exponential linear units: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { finite, nonZero } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/**
 * `scale · x` above 0, else `scale · alpha · (e^(slope · x) − 1)`; at 0 it has the gradient from below. The exponent is
 * limited to 0 before the function of it is, so that the branch that is not taken stays finite.
 */
function exponential(x: Tensor, alpha: number, scale: number, slope: number): Tensor {
  const positive = x.gt(0);
  const below = positive.where(0, x.mul(slope)).expm1();
  return positive.where(x.mul(scale), below.mul(scale * alpha));
}

export interface ELUOptions {
  /** Limit for x → −∞, negated. Default 1. */
  readonly alpha?: number;
}

const eluOptions = { alpha: finite };

/**
 * Exponential linear unit.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `alpha · (e^x − 1)`.
 *
 * @see Clevert, Unterthiner & Hochreiter 2015, "Exponential Linear Units", arXiv:1511.07289
 * @example
 * const y = elu(tensor([-1, 2])); // [-0.6321, 2]
 */
export const elu = checked(
  "elu",
  takes<ELUOptions>({ x: tensorKind }, eluOptions),
  (x: Tensor, { alpha = 1 }: ELUOptions = {}): Tensor => {
    return exponential(floats(x), alpha, 1, 1);
  },
);

const eluParameters = takes<ELUOptions>({}, eluOptions);
const eluCheck = checkedConstructor("ELU", eluParameters);

/**
 * Exponential linear unit.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `alpha · (e^x − 1)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ELU.html
 * @example
 * const y = new ELU()(tensor([-1, 2])); // [-0.6321, 2]
 */
export class ELU extends Module {
  readonly alpha: number;

  constructor(options: ELUOptions = {}) {
    eluCheck([options]);
    super();
    this.alpha = options.alpha ?? 1;
  }

  override forward(x: Tensor): Tensor {
    return elu(x, { alpha: this.alpha });
  }
}

export const eluEntry = activationEntry({
  name: "elu",
  schema: eluOptions,
  make: (options: ELUOptions) => (x) => elu(x, options),
  layer: layerEntry("ELU", eluParameters, ELU),
});

export interface CELUOptions {
  /** Limit for x → −∞, negated; not 0. Default 1. */
  readonly alpha?: number;
}

const celuOptions = { alpha: nonZero };

/**
 * Exponential linear unit with slope 1 at 0 for every alpha.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `alpha · (e^(x / alpha) − 1)`.
 *
 * @see Barron 2017, "Continuously Differentiable Exponential Linear Units", arXiv:1704.07483
 * @example
 * const y = celu(tensor([-1, 2]), { alpha: 2 }); // [-0.7869, 2]
 */
export const celu = checked(
  "celu",
  takes<CELUOptions>({ x: tensorKind }, celuOptions),
  (x: Tensor, { alpha = 1 }: CELUOptions = {}): Tensor => {
    return exponential(floats(x), alpha, 1, 1 / alpha);
  },
);

const celuParameters = takes<CELUOptions>({}, celuOptions);
const celuCheck = checkedConstructor("CELU", celuParameters);

/**
 * Exponential linear unit with slope 1 at 0 for every alpha.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > 0, else `alpha · (e^(x / alpha) − 1)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.CELU.html
 * @example
 * const y = new CELU({ alpha: 2 })(tensor([-1, 2])); // [-0.7869, 2]
 */
export class CELU extends Module {
  readonly alpha: number;

  constructor(options: CELUOptions = {}) {
    celuCheck([options]);
    super();
    this.alpha = options.alpha ?? 1;
  }

  override forward(x: Tensor): Tensor {
    return celu(x, { alpha: this.alpha });
  }
}

export const celuEntry = activationEntry({
  name: "celu",
  schema: celuOptions,
  make: (options: CELUOptions) => (x) => celu(x, options),
  layer: layerEntry("CELU", celuParameters, CELU),
});

/**
 * Scaled exponential linear unit, whose constants keep mean 0 and variance 1 from layer to layer.
 *
 * Shape: any, unchanged. Formula: `y = 1.0507 · x` for x > 0, else `1.0507 · 1.6733 · (e^x − 1)`.
 *
 * @see Klambauer et al. 2017, "Self-Normalizing Neural Networks", arXiv:1706.02515
 * @example
 * const y = selu(tensor([-1, 2])); // [-1.1113, 2.1014]
 */
export const selu = checked(
  "selu",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => exponential(floats(x), SELU_ALPHA, SELU_SCALE, 1),
);

/**
 * Scaled exponential linear unit, whose constants keep mean 0 and variance 1 from layer to layer.
 *
 * Shape: any, unchanged. Formula: `y = 1.0507 · x` for x > 0, else `1.0507 · 1.6733 · (e^x − 1)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.SELU.html
 * @example
 * const y = new SELU()(tensor([-1, 2])); // [-1.1113, 2.1014]
 */
export class SELU extends Module {
  override forward(x: Tensor): Tensor {
    return selu(x);
  }
}

export const seluEntry = activationEntry({
  name: "selu",
  schema: {},
  make: () => selu,
  layer: layerEntry("SELU", takes(), SELU),
});
