/** Pooling over sliding windows of one, two or three axes, as public functions of tensors. */
import { checked, type Parameters, takes } from "../util/arguments.js";
import { flag, nonZero, nullable, sizes } from "../util/kinds.js";
import { tensorOf } from "./convolution-functions.js";
import type { ValuesAndIndices } from "./methods/sorting.js";
import * as pooling from "./pooling.js";
import type { Pair, Rank, Size1d, Size2d, Size3d, Sizes } from "./sizes.js";
import { type Tensor, tensorKind } from "./tensor.js";

/** Options of maximum pooling. */
export interface MaxPoolOptions<Size extends Sizes> {
  /** Elements between windows, from 1; default the kernel size. */
  readonly stride?: Size;
  /** Elements around the image that are never the maximum, at most half the window; default 0. */
  readonly padding?: Size;
  /** Elements between taps, from 1; default 1. */
  readonly dilation?: Size;
  /** Whether a last window may reach beyond the padded image; default false. */
  readonly ceilMode?: boolean;
}

/** Options of average pooling. */
export interface AvgPoolOptions<Size extends Sizes> {
  /** Elements between windows, from 1; default the kernel size. */
  readonly stride?: Size;
  /** Zeros around the image, at most half the window; default 0. */
  readonly padding?: Size;
  /** Whether a last window may reach beyond the padded image; default false. */
  readonly ceilMode?: boolean;
  /** Include padding in the divisor of the mean; default true. */
  readonly countIncludePad?: boolean;
  /** Divisor of every sum; default the number of elements of the window. */
  readonly divisorOverride?: number | null;
}

// @__NO_SIDE_EFFECTS__
function maxParameters(rank: Rank): Parameters {
  return takes<MaxPoolOptions<Sizes>>(
    { x: tensorKind, kernelSize: sizes(rank) },
    { stride: sizes(rank), padding: sizes(rank, 0), dilation: sizes(rank), ceilMode: flag },
  );
}

// @__NO_SIDE_EFFECTS__
function avgParameters(rank: Rank): Parameters {
  return takes<AvgPoolOptions<Sizes>>(
    { x: tensorKind, kernelSize: sizes(rank) },
    {
      stride: sizes(rank),
      padding: sizes(rank, 0),
      ceilMode: flag,
      countIncludePad: flag,
      divisorOverride: nullable(nonZero),
    },
  );
}

export type { WindowOptions } from "./pooling.js";

/** [N, C, H, W] -> [N, C, rows, columns, Kh, Kw], with zeros around the images. */
export const unfoldWindows = (x: Tensor, options: pooling.WindowOptions): Tensor =>
  tensorOf(pooling.unfoldWindows(x.node, options));

/** The adjoint of {@link unfoldWindows} for images of a size. */
export const foldWindows = (x: Tensor, size: Pair, options: pooling.WindowOptions): Tensor =>
  tensorOf(pooling.foldWindows(x.node, size, options));

/** The largest element along the last axis; the gradient goes to the first of equal ones. */
export const firstMax = (x: Tensor): Tensor => tensorOf(pooling.firstMax(x.node));

function withIndices(rank: Rank, x: Tensor, kernelSize: Sizes, options: MaxPoolOptions<Sizes>): ValuesAndIndices {
  return {
    values: tensorOf(pooling.maxPool(rank, x.node, kernelSize, options)),
    indices: tensorOf(pooling.maxPoolIndices(rank, x.node, kernelSize, options)),
  };
}

/**
 * Largest value of each window.
 *
 * `[N, C, L] -> [N, C, Lo], Lo = ⌊(L + 2p − d(K − 1) − 1) / s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - elements between windows; default kernelSize
 * @param options.padding - −∞ around the input, at most half the window; default 0
 * @param options.dilation - elements between taps; default 1
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
 * @example
 * const y = maxPool1d(zeros([8, 16, 28]), 2); // shape [8, 16, 14]
 */
export const maxPool1d = checked(
  "maxPool1d",
  maxParameters(1),
  (x: Tensor, kernelSize: Size1d, options: MaxPoolOptions<Size1d> = {}): Tensor =>
    tensorOf(pooling.maxPool(1, x.node, kernelSize, options)),
);

/**
 * Largest value of each window, and where it is.
 *
 * `[N, C, L] -> [N, C, Lo]` each, with sizes and options as of `maxPool1d`; `indices` are i32 positions in the elements
 * of a channel in row-major order, which
 * `maxUnpool1d` takes.
 *
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const { values, indices } = maxPool1dWithIndices(zeros([8, 16, 28]), 2); // two tensors [8, 16, 14]
 */
export const maxPool1dWithIndices = checked(
  "maxPool1dWithIndices",
  maxParameters(1),
  (x: Tensor, kernelSize: Size1d, options: MaxPoolOptions<Size1d> = {}) => withIndices(1, x, kernelSize, options),
);

/**
 * Mean of each window.
 *
 * `[N, C, L] -> [N, C, Lo], Lo = ⌊(L + 2p − K) / s⌋ + 1`; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - elements between windows; default kernelSize
 * @param options.padding - zeros around the input, at most half the window; default 0
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @param options.countIncludePad - include padding in the divisor of the mean; default true
 * @param options.divisorOverride - divisor of every sum, not 0; default the number of elements of the window
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
 * @example
 * const y = avgPool1d(zeros([8, 16, 28]), 2); // shape [8, 16, 14]
 */
export const avgPool1d = checked(
  "avgPool1d",
  avgParameters(1),
  (x: Tensor, kernelSize: Size1d, options: AvgPoolOptions<Size1d> = {}): Tensor =>
    tensorOf(pooling.avgPool(1, x.node, kernelSize, options)),
);

/**
 * Largest value of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in place
 * of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - pixels between windows; default kernelSize
 * @param options.padding - −∞ around the input, at most half the window; default 0
 * @param options.dilation - pixels between taps; default 1
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 * @example
 * const y = maxPool2d(zeros([8, 16, 28, 28]), 2); // shape [8, 16, 14, 14]
 */
export const maxPool2d = checked(
  "maxPool2d",
  maxParameters(2),
  (x: Tensor, kernelSize: Size2d, options: MaxPoolOptions<Size2d> = {}): Tensor =>
    tensorOf(pooling.maxPool(2, x.node, kernelSize, options)),
);

/**
 * Largest value of each window, and where it is.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo]` each, with sizes and options as of `maxPool2d`; `indices` are i32 positions in the
 * pixels of a channel in row-major order, which
 * `maxUnpool2d` takes.
 *
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const { values, indices } = maxPool2dWithIndices(zeros([8, 16, 28, 28]), 2); // two tensors [8, 16, 14, 14]
 */
export const maxPool2dWithIndices = checked(
  "maxPool2dWithIndices",
  maxParameters(2),
  (x: Tensor, kernelSize: Size2d, options: MaxPoolOptions<Size2d> = {}) => withIndices(2, x, kernelSize, options),
);

/**
 * Mean of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − K) / s⌋ + 1`, likewise Wo; with `ceilMode` ⌈ ⌉ in place of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - pixels between windows; default kernelSize
 * @param options.padding - zeros around the input, at most half the window; default 0
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @param options.countIncludePad - include padding in the divisor of the mean; default true
 * @param options.divisorOverride - divisor of every sum, not 0; default the number of pixels of the window
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 * @example
 * const y = avgPool2d(zeros([8, 16, 28, 28]), 2); // shape [8, 16, 14, 14]
 */
export const avgPool2d = checked(
  "avgPool2d",
  avgParameters(2),
  (x: Tensor, kernelSize: Size2d, options: AvgPoolOptions<Size2d> = {}): Tensor =>
    tensorOf(pooling.avgPool(2, x.node, kernelSize, options)),
);

/**
 * Largest value of each window.
 *
 * `[N, C, D, H, W] -> [N, C, Do, Ho, Wo], Do = ⌊(D + 2p − d(K − 1) − 1) / s⌋ + 1`, likewise Ho and Wo; with `ceilMode`
 * ⌈ ⌉ in place of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - voxels between windows; default kernelSize
 * @param options.padding - −∞ around the input, at most half the window; default 0
 * @param options.dilation - voxels between taps; default 1
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html
 * @example
 * const y = maxPool3d(zeros([2, 4, 8, 28, 28]), 2); // shape [2, 4, 4, 14, 14]
 */
export const maxPool3d = checked(
  "maxPool3d",
  maxParameters(3),
  (x: Tensor, kernelSize: Size3d, options: MaxPoolOptions<Size3d> = {}): Tensor =>
    tensorOf(pooling.maxPool(3, x.node, kernelSize, options)),
);

/**
 * Largest value of each window, and where it is.
 *
 * `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]` each, with sizes and options as of `maxPool3d`; `indices` are i32 positions
 * in the voxels of a channel in row-major order, which
 * `maxUnpool3d` takes.
 *
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const { values, indices } = maxPool3dWithIndices(zeros([2, 4, 8, 28, 28]), 2); // two tensors [2, 4, 4, 14, 14]
 */
export const maxPool3dWithIndices = checked(
  "maxPool3dWithIndices",
  maxParameters(3),
  (x: Tensor, kernelSize: Size3d, options: MaxPoolOptions<Size3d> = {}) => withIndices(3, x, kernelSize, options),
);

/**
 * Mean of each window.
 *
 * `[N, C, D, H, W] -> [N, C, Do, Ho, Wo], Do = ⌊(D + 2p − K) / s⌋ + 1`, likewise Ho and Wo; with `ceilMode` ⌈ ⌉ in
 * place of ⌊ ⌋
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - voxels between windows; default kernelSize
 * @param options.padding - zeros around the input, at most half the window; default 0
 * @param options.ceilMode - whether a last window may reach beyond the padded input; default false
 * @param options.countIncludePad - include padding in the divisor of the mean; default true
 * @param options.divisorOverride - divisor of every sum, not 0; default the number of voxels of the window
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html
 * @example
 * const y = avgPool3d(zeros([2, 4, 8, 28, 28]), 2); // shape [2, 4, 4, 14, 14]
 */
export const avgPool3d = checked(
  "avgPool3d",
  avgParameters(3),
  (x: Tensor, kernelSize: Size3d, options: AvgPoolOptions<Size3d> = {}): Tensor =>
    tensorOf(pooling.avgPool(3, x.node, kernelSize, options)),
);
