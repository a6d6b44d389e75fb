/** Piecewise linear gates: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { finite } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { relu6 } from "./relu6.js";

/**
 * Piecewise linear approximation of the logistic function; its gradient is 0 at both bends.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x + 3, 0), 6) / 6`.
 *
 * @see Courbariaux, Bengio & David 2015, "BinaryConnect", arXiv:1511.00363
 * @example
 * const y = hardsigmoid(tensor([-4, 0, 1])); // [0, 0.5, 0.6667]
 */
export const hardsigmoid = checked(
  "hardsigmoid",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => relu6(floats(x).add(3)).div(6),
);

/**
 * Piecewise linear approximation of the logistic function; its gradient is 0 at both bends.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x + 3, 0), 6) / 6`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html
 * @example
 * const y = new Hardsigmoid()(tensor([-4, 0, 1])); // [0, 0.5, 0.6667]
 */
export class Hardsigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}

export const hardsigmoidEntry = activationEntry({
  name: "hardsigmoid",
  schema: {},
  make: () => hardsigmoid,
  layer: layerEntry("Hardsigmoid", takes(), Hardsigmoid),
});

/**
 * Piecewise quadratic approximation of the sigmoid linear unit; its gradient is 0 at −3 and 1 at 3.
 *
 * Shape: any, unchanged. Formula: `y = x · min(max(x + 3, 0), 6) / 6`.
 *
 * @see Howard et al. 2019, "Searching for MobileNetV3", arXiv:1905.02244
 * @example
 * const y = hardswish(tensor([-4, 1, 4])); // [0, 0.6667, 4]
 */
export const hardswish = checked("hardswish", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  const value = floats(x);
  const inner = value.mul(value.add(3)).div(6);
  return value.ge(3).where(value, value.le(-3).where(0, inner));
});

/**
 * Piecewise quadratic approximation of the sigmoid linear unit; its gradient is 0 at −3 and 1 at 3.
 *
 * Shape: any, unchanged. Formula: `y = x · min(max(x + 3, 0), 6) / 6`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Hardswish.html
 * @example
 * const y = new Hardswish()(tensor([-4, 1, 4])); // [0, 0.6667, 4]
 */
export class Hardswish extends Module {
  override forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}

export const hardswishEntry = activationEntry({
  name: "hardswish",
  schema: {},
  make: () => hardswish,
  layer: layerEntry("Hardswish", takes(), Hardswish),
});

function checkBounds(minVal: number, maxVal: number): void {
  if (minVal > maxVal) {
    throw configError("hardtanh", `minVal ${minVal} exceeds maxVal ${maxVal}`, "Swap the bounds");
  }
}

export interface HardtanhOptions {
  /** Lower bound. Default −1. */
  readonly minVal?: number;
  /** Upper bound, ≥ minVal. Default 1. */
  readonly maxVal?: number;
}

const hardtanhOptions = { minVal: finite, maxVal: finite };

/**
 * Limits x to an interval; its gradient is 0 at both bounds.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x, minVal), maxVal)`.
 *
 * @throws ConfigError if minVal exceeds maxVal
 * @example
 * const y = hardtanh(tensor([-2, 0.5, 3])); // [-1, 0.5, 1]
 */
export const hardtanh = checked(
  "hardtanh",
  takes<HardtanhOptions>({ x: tensorKind }, hardtanhOptions),
  (x: Tensor, { minVal = -1, maxVal = 1 }: HardtanhOptions = {}): Tensor => {
    checkBounds(minVal, maxVal);
    const value = floats(x);
    return value.ge(maxVal).where(maxVal, value.le(minVal).where(minVal, value));
  },
);

const hardtanhParameters = takes<HardtanhOptions>({}, hardtanhOptions);
const hardtanhCheck = checkedConstructor("Hardtanh", hardtanhParameters);

/**
 * Limits x to an interval; its gradient is 0 at both bounds.
 *
 * Shape: any, unchanged. Formula: `y = min(max(x, minVal), maxVal)`.
 *
 * @throws ConfigError if minVal exceeds maxVal
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html
 * @example
 * const y = new Hardtanh({ maxVal: 2 })(tensor([-2, 0.5, 3])); // [-1, 0.5, 2]
 */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(options: HardtanhOptions = {}) {
    hardtanhCheck([options]);
    super();
    this.minVal = options.minVal ?? -1;
    this.maxVal = options.maxVal ?? 1;
    checkBounds(this.minVal, this.maxVal);
  }

  override forward(x: Tensor): Tensor {
    return hardtanh(x, { minVal: this.minVal, maxVal: this.maxVal });
  }
}

export const hardtanhEntry = activationEntry({
  name: "hardtanh",
  schema: hardtanhOptions,
  make: (options: HardtanhOptions) => (x) => hardtanh(x, options),
  layer: layerEntry("Hardtanh", hardtanhParameters, Hardtanh),
});
