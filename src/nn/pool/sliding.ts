/** Layers that pool over sliding windows. The arithmetic is that of the tensor layer's functions of the same names. */
import {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  type Tensor,
  type ValuesAndIndices,
} from "../../tensor/index.js";
import { checkPoolPadding } from "../../tensor/pooling.js";
import {
  type Pair,
  type Rank,
  type Size1d,
  type Size2d,
  type Size3d,
  type Sizes,
  sizesOf,
} from "../../tensor/sizes.js";
import { checkedConstructor, type Parameters, takes } from "../../util/arguments.js";
import { flag, nonZero, nullable, sizes } from "../../util/kinds.js";
import { checkSpace } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface MaxPoolOptions<Size, Indices extends boolean = boolean> {
  /** Step of the window. Default: the kernel size. */
  readonly stride?: Size;
  /** Border on each side, of values that are never the maximum. Default 0, at most half of the kernel. */
  readonly padding?: Size;
  /** Distance between the elements of a window. Default 1, range ≥ 1. */
  readonly dilation?: Size;
  /** Whether to return `{ values, indices }`; `MaxUnpool` takes the indices. Default false. */
  readonly returnIndices?: Indices;
  /** Whether a last window may reach beyond the padded input. Default false. */
  readonly ceilMode?: boolean;
}

/** The output of a layer, with or without the positions of the values. */
export type MaxPooled<Indices extends boolean> = Indices extends true ? ValuesAndIndices : Tensor;

export interface AvgPoolOptions<Size> {
  /** Step of the window. Default: the kernel size. */
  readonly stride?: Size;
  /** Border of zeros on each side. Default 0, at most half of the kernel. */
  readonly padding?: Size;
  /** Whether a last window may reach beyond the padded input. Default false. */
  readonly ceilMode?: boolean;
  /** Whether padding counts in the divisor. Default true. */
  readonly countIncludePad?: boolean;
  /** Divisor of every sum, not 0. Default: the number of elements of the window. */
  readonly divisorOverride?: number | null;
}

// @__NO_SIDE_EFFECTS__
function maxParameters(rank: Rank): Parameters {
  return takes<MaxPoolOptions<Sizes>>(
    { kernelSize: sizes(rank) },
    { stride: sizes(rank), padding: sizes(rank, 0), dilation: sizes(rank), returnIndices: flag, ceilMode: flag },
  );
}

// @__NO_SIDE_EFFECTS__
function avgParameters(rank: Rank): Parameters {
  return takes<AvgPoolOptions<Sizes>>(
    { kernelSize: sizes(rank) },
    {
      stride: sizes(rank),
      padding: sizes(rank, 0),
      ceilMode: flag,
      countIncludePad: flag,
      divisorOverride: nullable(nonZero),
    },
  );
}

/** What the layers of maximum pooling share. */
abstract class MaxPool<Size extends readonly number[], Indices extends boolean> extends Module<
  [x: Tensor],
  MaxPooled<Indices>
> {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(name: string, rank: Rank, kernel: Sizes, options: MaxPoolOptions<Sizes>) {
    super();
    const each = (value: Sizes) => sizesOf(value, rank) as Size;
    this.kernelSize = each(kernel);
    this.stride = each(options.stride ?? kernel);
    this.padding = each(options.padding ?? 0);
    this.dilation = each(options.dilation ?? 1);
    this.returnIndices = options.returnIndices ?? false;
    this.ceilMode = options.ceilMode ?? false;
    checkPoolPadding(name, this.kernelSize, this.padding);
  }
}

/** What the layers of average pooling share. */
abstract class AvgPool<Size extends readonly number[]> extends Module {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;

  constructor(name: string, rank: Rank, kernel: Sizes, options: AvgPoolOptions<Sizes>) {
    super();
    const each = (value: Sizes) => sizesOf(value, rank) as Size;
    this.kernelSize = each(kernel);
    this.stride = each(options.stride ?? kernel);
    this.padding = each(options.padding ?? 0);
    this.ceilMode = options.ceilMode ?? false;
    this.countIncludePad = options.countIncludePad ?? true;
    this.divisorOverride = options.divisorOverride ?? null;
    checkPoolPadding(name, this.kernelSize, this.padding);
  }
}

const maxParameters1d = /* @__PURE__ */ maxParameters(1);
const checkMax1d = /* @__PURE__ */ checkedConstructor("MaxPool1d", maxParameters1d);

/**
 * Largest value of each window.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = ⌊(L + 2p − d(K−1) − 1)/s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place
 * of ⌊ ⌋, without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in elements, ≥ 1: one number
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
 * @example
 * const y = new MaxPool1d(2)(zeros([8, 16, 28])); // shape [8, 16, 14]
 */
export class MaxPool1d<Indices extends boolean = false> extends MaxPool<readonly [number], Indices> {
  constructor(kernelSize: Size1d, options: MaxPoolOptions<Size1d, Indices> = {}) {
    checkMax1d([kernelSize, options]);
    super("MaxPool1d", 1, kernelSize, options);
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    checkSpace("maxPool1d", 1, x);
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool1dWithIndices : maxPool1d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as MaxPooled<Indices>;
  }
}

const maxParameters2d = /* @__PURE__ */ maxParameters(2);
const checkMax2d = /* @__PURE__ */ checkedConstructor("MaxPool2d", maxParameters2d);

/**
 * Largest value of each window.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H + 2p − d(K−1) − 1)/s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in
 * place
 * of ⌊ ⌋, without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 * @example
 * const y = new MaxPool2d(2)(zeros([8, 16, 28, 28])); // shape [8, 16, 14, 14]
 */
export class MaxPool2d<Indices extends boolean = false> extends MaxPool<Pair, Indices> {
  constructor(kernelSize: Size2d, options: MaxPoolOptions<Size2d, Indices> = {}) {
    checkMax2d([kernelSize, options]);
    super("MaxPool2d", 2, kernelSize, options);
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    checkSpace("maxPool2d", 2, x);
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool2dWithIndices : maxPool2d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as MaxPooled<Indices>;
  }
}

const maxParameters3d = /* @__PURE__ */ maxParameters(3);
const checkMax3d = /* @__PURE__ */ checkedConstructor("MaxPool3d", maxParameters3d);

/**
 * Largest value of each window.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = ⌊(D + 2p − d(K−1) − 1)/s⌋ + 1`, likewise Ho and Wo; with
 * `ceilMode` ⌈ ⌉ in place
 * of ⌊ ⌋, without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in voxels, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html
 * @example
 * const y = new MaxPool3d(2)(zeros([2, 4, 8, 28, 28])); // shape [2, 4, 4, 14, 14]
 */
export class MaxPool3d<Indices extends boolean = false> extends MaxPool<readonly [number, number, number], Indices> {
  constructor(kernelSize: Size3d, options: MaxPoolOptions<Size3d, Indices> = {}) {
    checkMax3d([kernelSize, options]);
    super("MaxPool3d", 3, kernelSize, options);
  }

  override forward(x: Tensor): MaxPooled<Indices> {
    checkSpace("maxPool3d", 3, x);
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool3dWithIndices : maxPool3d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as MaxPooled<Indices>;
  }
}

const avgParameters1d = /* @__PURE__ */ avgParameters(1);
const checkAvg1d = /* @__PURE__ */ checkedConstructor("AvgPool1d", avgParameters1d);

/**
 * Mean of each window.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = ⌊(L + 2p − K)/s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋,
 * without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in elements, ≥ 1: one number
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html
 * @example
 * const y = new AvgPool1d(2)(zeros([8, 16, 28])); // shape [8, 16, 14]
 */
export class AvgPool1d extends AvgPool<readonly [number]> {
  constructor(kernelSize: Size1d, options: AvgPoolOptions<Size1d> = {}) {
    checkAvg1d([kernelSize, options]);
    super("AvgPool1d", 1, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    checkSpace("avgPool1d", 1, x);
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool1d(x, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride });
  }
}

const avgParameters2d = /* @__PURE__ */ avgParameters(2);
const checkAvg2d = /* @__PURE__ */ checkedConstructor("AvgPool2d", avgParameters2d);

/**
 * Mean of each window.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `Ho = ⌊(H + 2p − K)/s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in place of ⌊
 * ⌋,
 * without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
 * @example
 * const y = new AvgPool2d(2)(zeros([8, 16, 28, 28])); // shape [8, 16, 14, 14]
 */
export class AvgPool2d extends AvgPool<Pair> {
  constructor(kernelSize: Size2d, options: AvgPoolOptions<Size2d> = {}) {
    checkAvg2d([kernelSize, options]);
    super("AvgPool2d", 2, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    checkSpace("avgPool2d", 2, x);
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool2d(x, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride });
  }
}

const avgParameters3d = /* @__PURE__ */ avgParameters(3);
const checkAvg3d = /* @__PURE__ */ checkedConstructor("AvgPool3d", avgParameters3d);

/**
 * Mean of each window.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `Do = ⌊(D + 2p − K)/s⌋ + 1`, likewise Ho and Wo; with `ceilMode` ⌈ ⌉
 * in place of ⌊ ⌋,
 * without a window that would begin in the padding after the axis.
 *
 * @param kernelSize size of the window in voxels, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html
 * @example
 * const y = new AvgPool3d(2)(zeros([2, 4, 8, 28, 28])); // shape [2, 4, 4, 14, 14]
 */
export class AvgPool3d extends AvgPool<readonly [number, number, number]> {
  constructor(kernelSize: Size3d, options: AvgPoolOptions<Size3d> = {}) {
    checkAvg3d([kernelSize, options]);
    super("AvgPool3d", 3, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    checkSpace("avgPool3d", 3, x);
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool3d(x, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride });
  }
}

export const maxPool1dEntry = layerEntry("MaxPool1d", maxParameters1d, MaxPool1d);
export const maxPool2dEntry = layerEntry("MaxPool2d", maxParameters2d, MaxPool2d);
export const maxPool3dEntry = layerEntry("MaxPool3d", maxParameters3d, MaxPool3d);
export const avgPool1dEntry = layerEntry("AvgPool1d", avgParameters1d, AvgPool1d);
export const avgPool2dEntry = layerEntry("AvgPool2d", avgParameters2d, AvgPool2d);
export const avgPool3dEntry = layerEntry("AvgPool3d", avgParameters3d, AvgPool3d);
