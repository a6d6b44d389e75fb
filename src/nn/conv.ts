/**
 * The convolution layers. This file holds their parameters and initial values; the arithmetic is that of `conv1d`,
 * `conv2d` and `conv3d` of the tensor layer, and of `pad`.
 */

import { checkSame } from "../tensor/convolution.js";
import { conv1d, conv2d, conv3d, type Generator, Parameter, type Tensor } from "../tensor/index.js";
import {
  type Padding,
  type Padding1d,
  type Padding2d,
  type Padding3d,
  type Pair,
  paddingKind,
  type Rank,
  type Size1d,
  type Size2d,
  type Size3d,
  type Sizes,
  sidesOf,
  sizesOf,
} from "../tensor/sizes.js";
import { checkedConstructor, type Parameters, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { callback, count, flag, sizes, word } from "../util/kinds.js";
import { checkSpace } from "./checks.js";
import { layerEntry } from "./entries.js";
import { fans, kaimingUniform } from "./init/index.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { type PadMode, padBy } from "./padding/pad.js";
import { defaultGenerator } from "./random.js";

/** Initial value of a weight. */
export type WeightInit = (shape: readonly number[], options: { readonly generator: Generator }) => Tensor;

/** Options that all convolution layers share. */
export interface ConvLayerOptions {
  /** Number of groups of channels, convolved separately; it divides both channel counts. Default 1. */
  readonly groups?: number;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Function from a shape to the initial weight. Default: PyTorch's, see below. */
  readonly init?: WeightInit;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

/** Padding by zeros, the mirror image, the edge, or the other end. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

interface PaddedOptions extends ConvLayerOptions {
  /** What the padding consists of. Default `"zeros"`. */
  readonly paddingMode?: PaddingMode;
}

export interface Conv1dOptions extends PaddedOptions {
  /** Step of the window in elements. Default 1, range ≥ 1. */
  readonly stride?: Size1d;
  /** Elements added on each side, or `[[before, after]]`, or `"same"`, or `"valid"`. Default 0, range ≥ 0. */
  readonly padding?: Padding1d;
  /** Distance between the taps of the kernel in elements. Default 1, range ≥ 1. */
  readonly dilation?: Size1d;
}

export interface Conv2dOptions extends PaddedOptions {
  /** Step of the window in pixels. Default 1, range ≥ 1. */
  readonly stride?: Size2d;
  /**
   * Pixels added on each side, or `[[top, bottom], [left, right]]`, or `"same"`, or `"valid"`. Default 0, range ≥ 0.
   */
  readonly padding?: Padding2d;
  /** Distance between the taps of the kernel in pixels. Default 1, range ≥ 1. */
  readonly dilation?: Size2d;
}

export interface Conv3dOptions extends PaddedOptions {
  /** Step of the window in voxels. Default 1, range ≥ 1. */
  readonly stride?: Size3d;
  /** Voxels added on each side, or a [before, after] pair per axis, or `"same"`, or `"valid"`. Default 0, range ≥ 0. */
  readonly padding?: Padding3d;
  /** Distance between the taps of the kernel in voxels. Default 1, range ≥ 1. */
  readonly dilation?: Size3d;
}

export const torchInit: WeightInit = (shape, { generator }) => kaimingUniform(shape, { a: Math.sqrt(5), generator });

// @__NO_SIDE_EFFECTS__
function parametersOf(rank: Rank): Parameters {
  return takes<Conv2dOptions>(
    { inChannels: count(), outChannels: count(), kernelSize: sizes(rank) },
    {
      stride: sizes(rank),
      padding: paddingKind(rank),
      dilation: sizes(rank),
      groups: count(),
      bias: flag,
      paddingMode: word(["zeros", "reflect", "replicate", "circular"]),
      init: callback,
      generator: generatorKind,
    },
  );
}

type AnyOptions = ConvLayerOptions & {
  readonly stride?: Sizes;
  readonly padding?: Padding;
  readonly dilation?: Sizes;
  readonly paddingMode?: PaddingMode;
};

/** Names of the options in the order of the fields; what the convolution layers share. */
abstract class Conv<Size extends readonly number[]> extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Size;
  readonly stride: Size;
  /** A size per axis, or a [before, after] pair per axis, or the given word. */
  readonly padding: Padding;
  readonly dilation: Size;
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  /** `[outChannels, inChannels / groups, ...kernelSize]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;

  constructor(name: string, rank: Rank, inChannels: number, outChannels: number, kernel: Sizes, options: AnyOptions) {
    super();
    const { bias = true, init = torchInit, generator = defaultGenerator(), padding = 0 } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = sizesOf(kernel, rank) as Size;
    this.stride = sizesOf(options.stride ?? 1, rank) as Size;
    this.padding = typeof padding === "number" ? sizesOf(padding, rank) : padding;
    this.dilation = sizesOf(options.dilation ?? 1, rank) as Size;
    this.groups = checkGroups(name, options.groups ?? 1, inChannels, outChannels);
    this.paddingMode = options.paddingMode ?? "zeros";
    if (padding === "same") checkSame(name, this.stride);

    const shape = [outChannels, inChannels / this.groups, ...this.kernelSize];
    const bound = 1 / Math.sqrt(fans(shape).fanIn);
    const field = `conv${rank}d`;
    this.weight = new Parameter(init(shape, { generator }), { name: `${field}.weight` });
    this.bias = bias
      ? new Parameter(generator.uniform([outChannels], { low: -bound, high: bound }), { name: `${field}.bias` })
      : null;
  }

  /** The input, padded unless the convolution itself pads with zeros, and the padding that is left to it. */
  protected padded(op: string, rank: Rank, x: Tensor): readonly [x: Tensor, padding: Padding] {
    // Not `weight`: each access of a parametrised weight computes it, and moves its running vectors.
    const { inChannels, padding, paddingMode, kernelSize, dilation } = this;
    checkSpace(op, rank, x, inChannels);
    if (paddingMode === "zeros") return [x, padding];
    const mode: PadMode = paddingMode;
    const pads = [...sidesOf(padding, kernelSize, dilation)].reverse().flat();
    return [padBy(op, x, pads, { mode }), 0];
  }
}

const parameters1d = /* @__PURE__ */ parametersOf(1);
const check1d = /* @__PURE__ */ checkedConstructor("Conv1d", parameters1d);

/**
 * Convolution over sequences.
 *
 * Shape: `[N, Cin, L] -> [N, Cout, Lo]`, `Lo = ⌊(L + 2p − d(K−1) − 1)/s⌋ + 1`.
 * Formula: `y[n,o,i] = b[o] + Σ_{c,u} w[o,c,u] · x[n, c, s·i + d·u − p]`, c over the group of o.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cin/groups · K`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in elements, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
 * @example
 * const y = new Conv1d(4, 16, 5, { padding: "same" })(zeros([8, 4, 50])); // shape [8, 16, 50]
 */
export class Conv1d extends Conv<readonly [number]> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, options: Conv1dOptions = {}) {
    check1d([inChannels, outChannels, kernelSize, options]);
    super("Conv1d", 1, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, dilation, groups } = this;
    const [padded, padding] = this.padded("conv1d", 1, x);
    return conv1d(padded, weight, { bias, stride, padding: padding as Padding1d, dilation, groups });
  }
}

const parameters2d = /* @__PURE__ */ parametersOf(2);
const check2d = /* @__PURE__ */ checkedConstructor("Conv2d", parameters2d);

/**
 * Convolution over images.
 *
 * Shape: `[N, Cin, H, W] -> [N, Cout, Ho, Wo]`, `Ho = ⌊(H + 2p − d(K−1) − 1)/s⌋ + 1`, likewise Wo.
 * Formula: `y[n,o,i,j] = b[o] + Σ_{c,u,v} w[o,c,u,v] · x[n, c, s·i + d·u − p, s·j + d·v − p]`, c over the group of o.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cin/groups · Kh · Kw`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 * @example
 * const y = new Conv2d(3, 16, 3, { padding: 1 })(zeros([8, 3, 32, 32])); // shape [8, 16, 32, 32]
 */
export class Conv2d extends Conv<Pair> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    check2d([inChannels, outChannels, kernelSize, options]);
    super("Conv2d", 2, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, dilation, groups } = this;
    const [padded, padding] = this.padded("conv2d", 2, x);
    return conv2d(padded, weight, { bias, stride, padding: padding as Padding2d, dilation, groups });
  }
}

const parameters3d = /* @__PURE__ */ parametersOf(3);
const check3d = /* @__PURE__ */ checkedConstructor("Conv3d", parameters3d);

/**
 * Convolution over volumes or clips of images. It needs memory for Kd copies of its input.
 *
 * Shape: `[N, Cin, D, H, W] -> [N, Cout, Do, Ho, Wo]`, `Do = ⌊(D + 2p − d(K−1) − 1)/s⌋ + 1`, likewise Ho and Wo.
 * Formula: as that of `Conv2d`, with one more axis.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cin/groups · Kd · Kh · Kw`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in voxels, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
 * @example
 * const y = new Conv3d(3, 8, 3, { padding: 1, stride: [1, 2, 2] })(zeros([1, 3, 4, 16, 16])); // shape [1, 8, 4, 8, 8]
 */
export class Conv3d extends Conv<readonly [number, number, number]> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size3d, options: Conv3dOptions = {}) {
    check3d([inChannels, outChannels, kernelSize, options]);
    super("Conv3d", 3, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, dilation, groups } = this;
    const [padded, padding] = this.padded("conv3d", 3, x);
    return conv3d(padded, weight, { bias, stride, padding: padding as Padding3d, dilation, groups });
  }
}

/** The number of groups, if it divides both channel counts. */
export function checkGroups(name: string, groups: number, inChannels: number, outChannels: number): number {
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    const problem = `groups ${groups} must divide inChannels ${inChannels} and outChannels ${outChannels}`;
    const choices = Array.from({ length: Math.min(inChannels, outChannels) }, (_, i) => i + 1);
    const fitting = choices.filter((n) => inChannels % n === 0 && outChannels % n === 0);
    throw configError(name, problem, `Choose groups from ${fitting.join(", ")}`);
  }
  return groups;
}

export const conv1dEntry = layerEntry("Conv1d", parameters1d, Conv1d);
export const conv2dEntry = layerEntry("Conv2d", parameters2d, Conv2d);
export const conv3dEntry = layerEntry("Conv3d", parameters3d, Conv3d);
