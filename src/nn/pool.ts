/** Pooling layers: modules without parameters that check their options once and call the functions of functional.ts. */

import { type Pair, pairOf } from "../tensor/contract.js";
import { avgPool2d, maxPool2d, type Size2d, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { flag, size2d } from "../util/kinds.js";
import { checkImages } from "./checks.js";
import { layerEntry } from "./entries.js";
import { adaptiveAvgPool2d } from "./functional.js";
import { Module } from "./module.js";

export interface MaxPool2dOptions {
  /** Step of the window in pixels. Default: the kernel size. */
  readonly stride?: Size2d;
  /** Border on each side, in pixels, of values that are never the maximum. Default 0, at most half of the kernel. */
  readonly padding?: Size2d;
  /** Distance between the pixels of a window. Default 1, range ≥ 1. */
  readonly dilation?: Size2d;
}

const maxParameters = takes<MaxPool2dOptions>(
  { kernelSize: size2d() },
  { stride: size2d(), padding: size2d(0), dilation: size2d() },
);
const checkMax = checkedConstructor("MaxPool2d", maxParameters);

/**
 * Largest value of each window.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H + 2p − d(K−1) − 1)/s⌋ + 1`, likewise Wo.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input is no image batch
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 * @example
 * const y = new MaxPool2d(2)(zeros([8, 16, 28, 28])); // shape [8, 16, 14, 14]
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;

  constructor(kernelSize: Size2d, options: MaxPool2dOptions = {}) {
    checkMax([kernelSize, options]);
    super();
    this.kernelSize = pairOf(kernelSize);
    this.stride = pairOf(options.stride ?? kernelSize);
    this.padding = checkPoolPadding("MaxPool2d", this.kernelSize, options.padding ?? 0);
    this.dilation = pairOf(options.dilation ?? 1);
  }

  override forward(x: Tensor): Tensor {
    checkImages("maxPool2d", x);
    const { kernelSize, stride, padding, dilation } = this;
    return maxPool2d(x, kernelSize, { stride, padding, dilation });
  }
}

export interface AvgPool2dOptions {
  /** Step of the window in pixels. Default: the kernel size. */
  readonly stride?: Size2d;
  /** Border of zeros on each side, in pixels. Default 0, at most half of the kernel. */
  readonly padding?: Size2d;
  /** Whether padding counts in the divisor. Default true. */
  readonly countIncludePad?: boolean;
}

const averageParameters = takes<AvgPool2dOptions>(
  { kernelSize: size2d() },
  { stride: size2d(), padding: size2d(0), countIncludePad: flag },
);
const checkAverage = checkedConstructor("AvgPool2d", averageParameters);

/**
 * Mean of each window.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H + 2p − K)/s⌋ + 1`, likewise Wo.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input is no image batch
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
 * @example
 * const y = new AvgPool2d(4)(zeros([8, 16, 28, 28])); // shape [8, 16, 7, 7]
 */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly countIncludePad: boolean;

  constructor(kernelSize: Size2d, options: AvgPool2dOptions = {}) {
    checkAverage([kernelSize, options]);
    super();
    this.kernelSize = pairOf(kernelSize);
    this.stride = pairOf(options.stride ?? kernelSize);
    this.padding = checkPoolPadding("AvgPool2d", this.kernelSize, options.padding ?? 0);
    this.countIncludePad = options.countIncludePad ?? true;
  }

  override forward(x: Tensor): Tensor {
    checkImages("avgPool2d", x);
    const { kernelSize, stride, padding, countIncludePad } = this;
    return avgPool2d(x, kernelSize, { stride, padding, countIncludePad });
  }
}

const adaptiveParameters = takes({ outputSize: size2d() });
const checkAdaptive = checkedConstructor("AdaptiveAvgPool2d", adaptiveParameters);

/**
 * Mean over windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`.
 * Formula: output row i averages the rows `⌊i·H/Ho⌋` to `⌈(i+1)·H/Ho⌉ − 1`, likewise columns. Size 1 is global pooling.
 *
 * @param outputSize Ho and Wo in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input is no image batch
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
 * @example
 * const y = new AdaptiveAvgPool2d(1)(zeros([8, 512, 7, 7])); // shape [8, 512, 1, 1]
 */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: Pair;

  constructor(outputSize: Size2d, ...none: never[]) {
    checkAdaptive([outputSize, ...none]);
    super();
    this.outputSize = pairOf(outputSize);
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/** Refuses more padding than half a window, which would give windows that lie in the padding alone. */
function checkPoolPadding(op: string, kernelSize: Pair, padding: Size2d): Pair {
  const pair = pairOf(padding);
  if (pair.some((pixels, axis) => pixels > kernelSize[axis] / 2)) {
    const problem = `padding [${pair.join(", ")}] is more than half of kernelSize [${kernelSize.join(", ")}]`;
    throw configError(op, problem, `Use padding of at most ${Math.floor(Math.min(...kernelSize) / 2)}`);
  }
  return pair;
}

export const maxPool2dEntry = layerEntry("MaxPool2d", maxParameters, MaxPool2d);
export const avgPool2dEntry = layerEntry("AvgPool2d", averageParameters, AvgPool2d);
export const adaptiveAvgPool2dEntry = layerEntry("AdaptiveAvgPool2d", adaptiveParameters, AdaptiveAvgPool2d);
