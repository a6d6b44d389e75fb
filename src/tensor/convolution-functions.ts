/** Convolution over one, two or three axes, and its transpose, as public functions of tensors. */
import type { Node } from "../ir/graph.js";
import { graph } from "../ops/index.js";
import { checked, type Parameters, takes } from "../util/arguments.js";
import { count, nullable, sizes } from "../util/kinds.js";
import { isGradEnabled } from "./cells.js";
import {
  addBias,
  type ConvOptions,
  convolution,
  type TransposedOptions,
  transposedConvolution,
} from "./convolution.js";
import type { Padding1d, Padding2d, Padding3d, Rank, Size1d, Size2d, Size3d } from "./sizes.js";
import { paddingKind } from "./sizes.js";
import { Tensor, tensorKind } from "./tensor.js";

/** A tensor of the node, constant to `backward` within `noGrad`. */
export const tensorOf = (node: Node): Tensor => new Tensor(isGradEnabled() ? node : graph.make("detach", [node], {}));

interface Common {
  /** [Cout], added to every element of a channel; default none. */
  readonly bias?: Tensor | null;
  /** Channel groups, convolved independently, from 1; default 1. */
  readonly groups?: number;
}

/** Options of `conv1d`. */
export interface Conv1dOptions extends Common {
  /** Elements between outputs, from 1; default 1. */
  readonly stride?: Size1d;
  /** Zeros on each side, from 0, or [[before, after]], or `"same"`, or `"valid"`; default 0. */
  readonly padding?: Padding1d;
  /** Elements between taps, from 1; default 1. */
  readonly dilation?: Size1d;
}

/** Options of `conv2d`. */
export interface Conv2dOptions extends Common {
  /** Pixels between outputs, from 1; default 1. */
  readonly stride?: Size2d;
  /** Zeros on each side, from 0, or a [before, after] pair for each axis, or `"same"`, or `"valid"`; default 0. */
  readonly padding?: Padding2d;
  /** Pixels between taps, from 1; default 1. */
  readonly dilation?: Size2d;
}

/** Options of `conv3d`. */
export interface Conv3dOptions extends Common {
  /** Voxels between outputs, from 1; default 1. */
  readonly stride?: Size3d;
  /** Zeros on each side, from 0, or a [before, after] pair for each axis, or `"same"`, or `"valid"`; default 0. */
  readonly padding?: Padding3d;
  /** Voxels between taps, from 1; default 1. */
  readonly dilation?: Size3d;
}

/** Options of a transposed convolution. */
export interface ConvTransposeOptions<Size> extends Common {
  /** Elements between the contributions of neighbours, from 1; default 1. */
  readonly stride?: Size;
  /** Elements cut off on each side, from 0; default 0. */
  readonly padding?: Size;
  /** Elements added after each axis, from 0, less than stride or dilation; default 0. */
  readonly outputPadding?: Size;
  /** Elements between taps, from 1; default 1. */
  readonly dilation?: Size;
}

// @__NO_SIDE_EFFECTS__
function convParameters(rank: Rank): Parameters {
  return takes<Conv2dOptions>(
    { x: tensorKind, weight: tensorKind },
    {
      bias: nullable(tensorKind),
      stride: sizes(rank),
      padding: paddingKind(rank),
      dilation: sizes(rank),
      groups: count(),
    },
  );
}

// @__NO_SIDE_EFFECTS__
function transposedParameters(rank: Rank): Parameters {
  return takes<ConvTransposeOptions<Size2d>>(
    { x: tensorKind, weight: tensorKind },
    {
      bias: nullable(tensorKind),
      stride: sizes(rank),
      padding: sizes(rank, 0),
      outputPadding: sizes(rank, 0),
      groups: count(),
      dilation: sizes(rank),
    },
  );
}

type Biased = { readonly bias?: Tensor | null };

function convolved(rank: Rank, x: Tensor, weight: Tensor, { bias, ...options }: ConvOptions & Biased): Tensor {
  const y = convolution(rank, x.node, weight.node, options);
  return tensorOf(bias ? addBias(`conv${rank}d`, y, bias.node) : y);
}

function transposed(rank: Rank, x: Tensor, weight: Tensor, { bias, ...options }: TransposedOptions & Biased): Tensor {
  const y = transposedConvolution(rank, x.node, weight.node, options);
  return tensorOf(bias ? addBias(`convTranspose${rank}d`, y, bias.node) : y);
}

/**
 * 1-d convolution (cross-correlation, as in PyTorch).
 *
 * `[N, Cin, L] · [Cout, Cin / groups, K] -> [N, Cout, Lo], Lo = ⌊(L + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param options.bias - [Cout], added to every element; default none
 * @param options.stride - elements between outputs, from 1; default 1
 * @param options.padding - zeros on each side, from 0, or [[before, after]], `"same"` or `"valid"`; default 0
 * @param options.dilation - elements between taps, from 1; default 1
 * @param options.groups - channel groups, convolved independently; default 1
 * @throws ShapeError if channels, groups or sizes do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
 * @example
 * const y = conv1d(zeros([1, 3, 20]), ones([4, 3, 5]), { padding: "same" }); // shape [1, 4, 20]
 */
export const conv1d = checked("conv1d", convParameters(1), (x: Tensor, weight: Tensor, options: Conv1dOptions = {}) =>
  convolved(1, x, weight, options),
);

/**
 * 2-d convolution (cross-correlation, as in PyTorch).
 *
 * `[N, Cin, H, W] · [Cout, Cin / groups, Kh, Kw] -> [N, Cout, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param options.bias - [Cout], added to every pixel; default none
 * @param options.stride - pixels between outputs, from 1; default 1
 * @param options.padding - zeros around the image, from 0, or [[top, bottom], [left, right]], `"same"` or `"valid"`;
 *   default 0
 * @param options.dilation - pixels between taps, from 1; default 1
 * @param options.groups - channel groups, convolved independently; default 1
 * @throws ShapeError if channels, groups or sizes do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 * @example
 * const y = conv2d(zeros([1, 3, 8, 8]), ones([4, 3, 3, 3]), { padding: 1 });
 */
export const conv2d = checked("conv2d", convParameters(2), (x: Tensor, weight: Tensor, options: Conv2dOptions = {}) =>
  convolved(2, x, weight, options),
);

/**
 * 3-d convolution (cross-correlation, as in PyTorch).
 *
 * `[N, Cin, D, H, W] · [Cout, Cin / groups, Kd, Kh, Kw] -> [N, Cout, Do, Ho, Wo]`,
 * `Do = ⌊(D + 2p − d(K − 1) − 1) / s⌋ + 1`, likewise Ho and Wo. It needs memory for Kd copies of x.
 *
 * @param options.bias - [Cout], added to every voxel; default none
 * @param options.stride - voxels between outputs, from 1; default 1
 * @param options.padding - zeros on each side, from 0, or a [before, after] pair for each axis, `"same"` or `"valid"`;
 *   default 0
 * @param options.dilation - voxels between taps, from 1; default 1
 * @param options.groups - channel groups, convolved independently; default 1
 * @throws ShapeError if channels, groups or sizes do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html
 * @example
 * const y = conv3d(zeros([1, 2, 4, 8, 8]), ones([3, 2, 3, 3, 3]), { padding: 1 }); // shape [1, 3, 4, 8, 8]
 */
export const conv3d = checked("conv3d", convParameters(3), (x: Tensor, weight: Tensor, options: Conv3dOptions = {}) =>
  convolved(3, x, weight, options),
);

/**
 * Transposed 1-d convolution: the gradient of a convolution with respect to its input, as a layer that enlarges.
 *
 * `[N, Cin, L] · [Cin, Cout / groups, K] -> [N, Cout, Lo], Lo = (L − 1)s − 2p + d(K − 1) + outputPadding + 1`
 *
 * @param options.bias - [Cout], added to every element; default none
 * @param options.stride - elements between the contributions of neighbours, from 1; default 1
 * @param options.padding - elements cut off on each side, from 0; default 0
 * @param options.outputPadding - elements added after the axis, less than stride or dilation; default 0
 * @param options.groups - channel groups, convolved independently; default 1
 * @param options.dilation - elements between taps, from 1; default 1
 * @throws ShapeError if channels, groups or sizes do not fit, ConfigError if outputPadding is too large
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
 * @example
 * const y = convTranspose1d(zeros([1, 3, 10]), ones([3, 4, 2]), { stride: 2 }); // shape [1, 4, 20]
 */
export const convTranspose1d = checked(
  "convTranspose1d",
  transposedParameters(1),
  (x: Tensor, weight: Tensor, options: ConvTransposeOptions<Size1d> = {}) => transposed(1, x, weight, options),
);

/**
 * Transposed 2-d convolution: the gradient of a convolution with respect to its input, as a layer that enlarges.
 *
 * `[N, Cin, H, W] · [Cin, Cout / groups, Kh, Kw] -> [N, Cout, Ho, Wo]`,
 * `Ho = (H − 1)s − 2p + d(K − 1) + outputPadding + 1`, likewise Wo.
 *
 * @param options.bias - [Cout], added to every pixel; default none
 * @param options.stride - pixels between the contributions of neighbours, from 1; default 1
 * @param options.padding - pixels cut off on each side, from 0; default 0
 * @param options.outputPadding - rows and columns added after each axis, less than stride or dilation; default 0
 * @param options.groups - channel groups, convolved independently; default 1
 * @param options.dilation - pixels between taps, from 1; default 1
 * @throws ShapeError if channels, groups or sizes do not fit, ConfigError if outputPadding is too large
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
 * @example
 * const y = convTranspose2d(zeros([1, 3, 8, 8]), ones([3, 4, 2, 2]), { stride: 2 }); // shape [1, 4, 16, 16]
 */
export const convTranspose2d = checked(
  "convTranspose2d",
  transposedParameters(2),
  (x: Tensor, weight: Tensor, options: ConvTransposeOptions<Size2d> = {}) => transposed(2, x, weight, options),
);

/**
 * Transposed 3-d convolution: the gradient of a convolution with respect to its input, as a layer that enlarges.
 *
 * `[N, Cin, D, H, W] · [Cin, Cout / groups, Kd, Kh, Kw] -> [N, Cout, Do, Ho, Wo]`,
 * `Do = (D − 1)s − 2p + d(K − 1) + outputPadding + 1`, likewise Ho and Wo.
 *
 * @param options.bias - [Cout], added to every voxel; default none
 * @param options.stride - voxels between the contributions of neighbours, from 1; default 1
 * @param options.padding - voxels cut off on each side, from 0; default 0
 * @param options.outputPadding - voxels added after each axis, less than stride or dilation; default 0
 * @param options.groups - channel groups, convolved independently; default 1
 * @param options.dilation - voxels between taps, from 1; default 1
 * @throws ShapeError if channels, groups or sizes do not fit, ConfigError if outputPadding is too large
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html
 * @example
 * const y = convTranspose3d(zeros([1, 2, 2, 4, 4]), ones([2, 3, 2, 2, 2]), { stride: 2 }); // shape [1, 3, 4, 8, 8]
 */
export const convTranspose3d = checked(
  "convTranspose3d",
  transposedParameters(3),
  (x: Tensor, weight: Tensor, options: ConvTransposeOptions<Size3d> = {}) => transposed(3, x, weight, options),
);
