/** Activations that set an interval to a constant: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { finite, range } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface HardshrinkOptions {
  /** Bound λ. Default 0.5, range ≥ 0. */
  readonly lambd?: number;
}

const hardshrinkOptions = { lambd: range(0, Number.POSITIVE_INFINITY) };

/**
 * Sets values near 0 to 0.
 *
 * Shape: any, unchanged. Formula: `y = 0` for |x| ≤ lambd, else `x`.
 *
 * @example
 * const y = hardshrink(tensor([-1, 0.3, 2])); // [-1, 0, 2]
 */
export const hardshrink = checked(
  "hardshrink",
  takes<HardshrinkOptions>({ x: tensorKind }, hardshrinkOptions),
  (x: Tensor, { lambd = 0.5 }: HardshrinkOptions = {}): Tensor => {
    const value = floats(x);
    return value.abs().le(lambd).where(0, value);
  },
);

const hardshrinkParameters = takes<HardshrinkOptions>({}, hardshrinkOptions);
const hardshrinkCheck = checkedConstructor("Hardshrink", hardshrinkParameters);

/**
 * Sets values near 0 to 0.
 *
 * Shape: any, unchanged. Formula: `y = 0` for |x| ≤ lambd, else `x`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html
 * @example
 * const y = new Hardshrink()(tensor([-1, 0.3, 2])); // [-1, 0, 2]
 */
export class Hardshrink extends Module {
  readonly lambd: number;

  constructor(options: HardshrinkOptions = {}) {
    hardshrinkCheck([options]);
    super();
    this.lambd = options.lambd ?? 0.5;
  }

  override forward(x: Tensor): Tensor {
    return hardshrink(x, { lambd: this.lambd });
  }
}

export const hardshrinkEntry = activationEntry({
  name: "hardshrink",
  schema: hardshrinkOptions,
  make: (options: HardshrinkOptions) => (x) => hardshrink(x, options),
  layer: layerEntry("Hardshrink", hardshrinkParameters, Hardshrink),
});

export interface SoftshrinkOptions {
  /** Bound λ. Default 0.5, range ≥ 0. */
  readonly lambd?: number;
}

const softshrinkOptions = { lambd: range(0, Number.POSITIVE_INFINITY) };

/**
 * Moves values towards 0 by lambd, those near 0 to 0.
 *
 * Shape: any, unchanged. Formula: `y = sign(x) · max(|x| − lambd, 0)`.
 *
 * @example
 * const y = softshrink(tensor([-1, 0.3, 2])); // [-0.5, 0, 1.5]
 */
export const softshrink = checked(
  "softshrink",
  takes<SoftshrinkOptions>({ x: tensorKind }, softshrinkOptions),
  (x: Tensor, { lambd = 0.5 }: SoftshrinkOptions = {}): Tensor => {
    const value = floats(x);
    const shrunk = value.gt(0).where(value.sub(lambd), value.add(lambd));
    return value.abs().le(lambd).where(0, shrunk);
  },
);

const softshrinkParameters = takes<SoftshrinkOptions>({}, softshrinkOptions);
const softshrinkCheck = checkedConstructor("Softshrink", softshrinkParameters);

/**
 * Moves values towards 0 by lambd, those near 0 to 0.
 *
 * Shape: any, unchanged. Formula: `y = sign(x) · max(|x| − lambd, 0)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Softshrink.html
 * @example
 * const y = new Softshrink()(tensor([-1, 0.3, 2])); // [-0.5, 0, 1.5]
 */
export class Softshrink extends Module {
  readonly lambd: number;

  constructor(options: SoftshrinkOptions = {}) {
    softshrinkCheck([options]);
    super();
    this.lambd = options.lambd ?? 0.5;
  }

  override forward(x: Tensor): Tensor {
    return softshrink(x, { lambd: this.lambd });
  }
}

export const softshrinkEntry = activationEntry({
  name: "softshrink",
  schema: softshrinkOptions,
  make: (options: SoftshrinkOptions) => (x) => softshrink(x, options),
  layer: layerEntry("Softshrink", softshrinkParameters, Softshrink),
});

const thresholdArguments = { threshold: finite, value: finite };

/**
 * Replaces values up to a threshold by a constant.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > threshold, else `value`.
 *
 * @param threshold the largest value that is replaced
 * @param value what it is replaced by
 * @example
 * const y = threshold(tensor([-1, 0.3, 2]), 0.5, 9); // [9, 9, 2]
 */
export const threshold = checked(
  "threshold",
  takes({ x: tensorKind, ...thresholdArguments }),
  (x: Tensor, threshold: number, value: number): Tensor => {
    const input = floats(x);
    return input.le(threshold).where(value, input);
  },
);

const thresholdParameters = takes(thresholdArguments);
const thresholdCheck = checkedConstructor("Threshold", thresholdParameters);

/**
 * Replaces values up to a threshold by a constant.
 *
 * Shape: any, unchanged. Formula: `y = x` for x > threshold, else `value`.
 *
 * @param threshold the largest value that is replaced
 * @param value what it is replaced by
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Threshold.html
 * @example
 * const y = new Threshold(0.5, 9)(tensor([-1, 0.3, 2])); // [9, 9, 2]
 */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number) {
    thresholdCheck([threshold, value]);
    super();
    this.threshold = threshold;
    this.value = value;
  }

  override forward(x: Tensor): Tensor {
    return threshold(x, this.threshold, this.value);
  }
}

export const thresholdEntry = activationEntry({
  name: "threshold",
  schema: thresholdArguments,
  make: (given: { readonly threshold: number; readonly value: number }) => {
    return (x) => threshold(x, given.threshold, given.value);
  },
  layer: layerEntry("Threshold", thresholdParameters, Threshold),
});
