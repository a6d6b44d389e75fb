/** The logistic function and its logarithm: functions, layers, and entries of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { log1pExp } from "./log1p-exp.js";

/**
 * Logistic function; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = 1 / (1 + e^−x)`.
 *
 * @example
 * const y = sigmoid(tensor([-1, 0, 1])); // [0.2689, 0.5, 0.7311]
 */
export const sigmoid = checked("sigmoid", takes({ x: tensorKind }), (x: Tensor): Tensor => x.sigmoid());

/**
 * Logistic function; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = 1 / (1 + e^−x)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
 * @example
 * const y = new Sigmoid()(tensor([-1, 0, 1])); // [0.2689, 0.5, 0.7311]
 */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

export const sigmoidEntry = activationEntry({
  name: "sigmoid",
  schema: {},
  make: () => sigmoid,
  layer: layerEntry("Sigmoid", takes(), Sigmoid),
});

/**
 * Logarithm of the logistic function; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = −ln(1 + e^−x)`.
 *
 * @example
 * const y = logSigmoid(tensor([-100, 0])); // [-100, -0.6931]
 */
export const logSigmoid = checked(
  "logSigmoid",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => log1pExp(x.neg()).neg(),
);

/**
 * Logarithm of the logistic function; nothing overflows for large |x|.
 *
 * Shape: any, unchanged. Formula: `y = −ln(1 + e^−x)`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html
 * @example
 * const y = new LogSigmoid()(tensor([-100, 0])); // [-100, -0.6931]
 */
export class LogSigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return logSigmoid(x);
  }
}

export const logSigmoidEntry = activationEntry({
  name: "logSigmoid",
  schema: {},
  make: () => logSigmoid,
  layer: layerEntry("LogSigmoid", takes(), LogSigmoid),
});
