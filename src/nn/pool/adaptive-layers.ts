/** Layers that pool to a given size. The arithmetic is in adaptive.ts. */
import type { Tensor } from "../../tensor/index.js";
import type { Rank } from "../../tensor/sizes.js";
import { checkedConstructor, type Parameters, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import {
  adaptiveAvg,
  adaptiveMax,
  adaptiveMaxWithIndices,
  type OutputSize1d,
  type OutputSize2d,
  type OutputSize3d,
  outputSizeKind,
  type Targets,
  targetsOf,
} from "./adaptive.js";
import type { MaxPooled } from "./sliding.js";

export interface AdaptiveMaxPoolOptions<Indices extends boolean = boolean> {
  /** Whether to return `{ values, indices }`. Default false. */
  readonly returnIndices?: Indices;
}

// @__NO_SIDE_EFFECTS__
function avgParameters(rank: Rank): Parameters {
  return takes({ outputSize: outputSizeKind(rank) });
}

// @__NO_SIDE_EFFECTS__
function maxParameters(rank: Rank): Parameters {
  return takes<AdaptiveMaxPoolOptions>({ outputSize: outputSizeKind(rank) }, { returnIndices: flag });
}

const avgParameters1d = /* @__PURE__ */ avgParameters(1);
const checkAvg1d = /* @__PURE__ */ checkedConstructor("AdaptiveAvgPool1d", avgParameters1d);

/**
 * Mean of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1 is global
 * pooling.
 *
 * @param outputSize one number, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html
 * @example
 * const y = new AdaptiveAvgPool1d(3)(zeros([8, 16, 7])); // shape [8, 16, 3]
 */
export class AdaptiveAvgPool1d extends Module {
  readonly outputSize: Targets;

  constructor(outputSize: OutputSize1d, ...none: never[]) {
    checkAvg1d([outputSize, ...none]);
    super();
    this.outputSize = targetsOf(outputSize, 1);
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvg(1, x, this.outputSize);
  }
}

const avgParameters2d = /* @__PURE__ */ avgParameters(2);
const checkAvg2d = /* @__PURE__ */ checkedConstructor("AdaptiveAvgPool2d", avgParameters2d);

/**
 * Mean of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `[Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1 is global
 * pooling.
 *
 * @param outputSize one number, or `[height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
 * @example
 * const y = new AdaptiveAvgPool2d([3, 2])(zeros([8, 16, 7, 7])); // shape [8, 16, 3, 2]
 */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: Targets;

  constructor(outputSize: OutputSize2d, ...none: never[]) {
    checkAvg2d([outputSize, ...none]);
    super();
    this.outputSize = targetsOf(outputSize, 2);
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvg(2, x, this.outputSize);
  }
}

const avgParameters3d = /* @__PURE__ */ avgParameters(3);
const checkAvg3d = /* @__PURE__ */ checkedConstructor("AdaptiveAvgPool3d", avgParameters3d);

/**
 * Mean of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `[Do, Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1 is global
 * pooling.
 *
 * @param outputSize one number, or `[depth, height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html
 * @example
 * const y = new AdaptiveAvgPool3d([1, 3, 2])(zeros([2, 4, 3, 7, 7])); // shape [2, 4, 1, 3, 2]
 */
export class AdaptiveAvgPool3d extends Module {
  readonly outputSize: Targets;

  constructor(outputSize: OutputSize3d, ...none: never[]) {
    checkAvg3d([outputSize, ...none]);
    super();
    this.outputSize = targetsOf(outputSize, 3);
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvg(3, x, this.outputSize);
  }
}

const maxParameters1d = /* @__PURE__ */ maxParameters(1);
const checkMax1d = /* @__PURE__ */ checkedConstructor("AdaptiveMaxPool1d", maxParameters1d);

/**
 * Largest value of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1
 * is global
 * pooling.
 *
 * @param outputSize one number, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html
 * @example
 * const y = new AdaptiveMaxPool1d(3)(zeros([8, 16, 7])); // shape [8, 16, 3]
 */
export class AdaptiveMaxPool1d<Indices extends boolean = false> extends Module<[x: Tensor], MaxPooled<Indices>> {
  readonly outputSize: Targets;
  readonly returnIndices: boolean;

  constructor(outputSize: OutputSize1d, options: AdaptiveMaxPoolOptions<Indices> = {}) {
    checkMax1d([outputSize, options]);
    super();
    this.outputSize = targetsOf(outputSize, 1);
    this.returnIndices = options.returnIndices ?? false;
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxWithIndices : adaptiveMax;
    return pool(1, x, this.outputSize) as MaxPooled<Indices>;
  }
}

const maxParameters2d = /* @__PURE__ */ maxParameters(2);
const checkMax2d = /* @__PURE__ */ checkedConstructor("AdaptiveMaxPool2d", maxParameters2d);

/**
 * Largest value of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `[Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1
 * is global
 * pooling.
 *
 * @param outputSize one number, or `[height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
 * @example
 * const y = new AdaptiveMaxPool2d([3, 2])(zeros([8, 16, 7, 7])); // shape [8, 16, 3, 2]
 */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends Module<[x: Tensor], MaxPooled<Indices>> {
  readonly outputSize: Targets;
  readonly returnIndices: boolean;

  constructor(outputSize: OutputSize2d, options: AdaptiveMaxPoolOptions<Indices> = {}) {
    checkMax2d([outputSize, options]);
    super();
    this.outputSize = targetsOf(outputSize, 2);
    this.returnIndices = options.returnIndices ?? false;
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxWithIndices : adaptiveMax;
    return pool(2, x, this.outputSize) as MaxPooled<Indices>;
  }
}

const maxParameters3d = /* @__PURE__ */ maxParameters(3);
const checkMax3d = /* @__PURE__ */ checkedConstructor("AdaptiveMaxPool3d", maxParameters3d);

/**
 * Largest value of windows that are placed so that the output has a given size, for any input size.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `[Do, Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`. Size 1
 * is global
 * pooling.
 *
 * @param outputSize one number, or `[depth, height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html
 * @example
 * const y = new AdaptiveMaxPool3d([1, 3, 2])(zeros([2, 4, 3, 7, 7])); // shape [2, 4, 1, 3, 2]
 */
export class AdaptiveMaxPool3d<Indices extends boolean = false> extends Module<[x: Tensor], MaxPooled<Indices>> {
  readonly outputSize: Targets;
  readonly returnIndices: boolean;

  constructor(outputSize: OutputSize3d, options: AdaptiveMaxPoolOptions<Indices> = {}) {
    checkMax3d([outputSize, options]);
    super();
    this.outputSize = targetsOf(outputSize, 3);
    this.returnIndices = options.returnIndices ?? false;
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxWithIndices : adaptiveMax;
    return pool(3, x, this.outputSize) as MaxPooled<Indices>;
  }
}

export const adaptiveAvgPool1dEntry = layerEntry("AdaptiveAvgPool1d", avgParameters1d, AdaptiveAvgPool1d);
export const adaptiveAvgPool2dEntry = layerEntry("AdaptiveAvgPool2d", avgParameters2d, AdaptiveAvgPool2d);
export const adaptiveAvgPool3dEntry = layerEntry("AdaptiveAvgPool3d", avgParameters3d, AdaptiveAvgPool3d);
export const adaptiveMaxPool1dEntry = layerEntry("AdaptiveMaxPool1d", maxParameters1d, AdaptiveMaxPool1d);
export const adaptiveMaxPool2dEntry = layerEntry("AdaptiveMaxPool2d", maxParameters2d, AdaptiveMaxPool2d);
export const adaptiveMaxPool3dEntry = layerEntry("AdaptiveMaxPool3d", maxParameters3d, AdaptiveMaxPool3d);
