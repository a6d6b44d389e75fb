/**
 * The transposed convolution layers. This file holds their parameters and initial values; the arithmetic is that of
 * `convTranspose1d`, `convTranspose2d` and `convTranspose3d` of the tensor layer.
 */
import { checkOutputPadding } from "../tensor/convolution.js";
import { convTranspose1d, convTranspose2d, convTranspose3d, Parameter, type Tensor } from "../tensor/index.js";
import { type Pair, type Rank, type Size1d, type Size2d, type Size3d, type Sizes, sizesOf } from "../tensor/sizes.js";
import { checkedConstructor, type Parameters, takes } from "../util/arguments.js";
import { callback, count, flag, sizes } from "../util/kinds.js";
import { checkSpace } from "./checks.js";
import { type ConvLayerOptions, checkGroups, torchInit } from "./conv.js";
import { layerEntry } from "./entries.js";
import { fans } from "./init/index.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { defaultGenerator } from "./random.js";

export interface ConvTransposeOptions<Size> extends ConvLayerOptions {
  /** Elements between the contributions of neighbours. Default 1, range ≥ 1. */
  readonly stride?: Size;
  /** Elements cut off on each side. Default 0, range ≥ 0. */
  readonly padding?: Size;
  /** Elements added after each axis. Default 0, less than the stride or the dilation. */
  readonly outputPadding?: Size;
  /** Distance between the taps of the kernel. Default 1, range ≥ 1. */
  readonly dilation?: Size;
}

// @__NO_SIDE_EFFECTS__
function parametersOf(rank: Rank): Parameters {
  return takes<ConvTransposeOptions<Sizes>>(
    { inChannels: count(), outChannels: count(), kernelSize: sizes(rank) },
    {
      stride: sizes(rank),
      padding: sizes(rank, 0),
      outputPadding: sizes(rank, 0),
      groups: count(),
      bias: flag,
      dilation: sizes(rank),
      init: callback,
      generator: generatorKind,
    },
  );
}

/** What the transposed convolution layers share. */
abstract class ConvTranspose<Size extends readonly number[]> extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly outputPadding: Size;
  readonly groups: number;
  readonly dilation: Size;
  /** `[inChannels, outChannels / groups, ...kernelSize]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;

  constructor(
    name: string,
    rank: Rank,
    inChannels: number,
    outChannels: number,
    kernel: Sizes,
    options: ConvTransposeOptions<Sizes>,
  ) {
    super();
    const { bias = true, init = torchInit, generator = defaultGenerator() } = options;
    const each = (value: Sizes) => sizesOf(value, rank) as Size;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = each(kernel);
    this.stride = each(options.stride ?? 1);
    this.padding = each(options.padding ?? 0);
    this.outputPadding = each(options.outputPadding ?? 0);
    this.groups = checkGroups(name, options.groups ?? 1, inChannels, outChannels);
    this.dilation = each(options.dilation ?? 1);
    checkOutputPadding(name, this.outputPadding, this.stride, this.dilation);

    const shape = [inChannels, outChannels / this.groups, ...this.kernelSize];
    const bound = 1 / Math.sqrt(fans(shape).fanIn);
    const field = `convTranspose${rank}d`;
    this.weight = new Parameter(init(shape, { generator }), { name: `${field}.weight` });
    this.bias = bias
      ? new Parameter(generator.uniform([outChannels], { low: -bound, high: bound }), { name: `${field}.bias` })
      : null;
  }
}

const parameters1d = /* @__PURE__ */ parametersOf(1);
const check1d = /* @__PURE__ */ checkedConstructor("ConvTranspose1d", parameters1d);

/**
 * Transposed convolution over sequences: it enlarges as the convolution with the same options makes smaller.
 *
 * Shape: `[N, Cin, L] -> [N, Cout, Lo]`, `Lo = (L − 1)s − 2p + d(K − 1) + outputPadding + 1`.
 * Formula: the gradient of that convolution with respect to its input, `W` being its weight, plus b.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cout/groups · K`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in elements, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
 * @example
 * const y = new ConvTranspose1d(16, 4, 2, { stride: 2 })(zeros([8, 16, 25])); // shape [8, 4, 50]
 */
export class ConvTranspose1d extends ConvTranspose<readonly [number]> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, options: ConvTransposeOptions<Size1d> = {}) {
    check1d([inChannels, outChannels, kernelSize, options]);
    super("ConvTranspose1d", 1, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this;
    checkSpace("convTranspose1d", 1, x, this.inChannels);
    return convTranspose1d(x, weight, { bias, stride, padding, outputPadding, groups, dilation });
  }
}

const parameters2d = /* @__PURE__ */ parametersOf(2);
const check2d = /* @__PURE__ */ checkedConstructor("ConvTranspose2d", parameters2d);

/**
 * Transposed convolution over images: it enlarges as the convolution with the same options makes smaller.
 *
 * Shape: `[N, Cin, H, W] -> [N, Cout, Ho, Wo]`, `Ho = (H − 1)s − 2p + d(K − 1) + outputPadding + 1`, likewise Wo.
 * Formula: the gradient of that convolution with respect to its input, `W` being its weight, plus b.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cout/groups · Kh · Kw`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in pixels, ≥ 1: one number, or `[height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 * @example
 * const y = new ConvTranspose2d(16, 4, 2, { stride: 2 })(zeros([8, 16, 7, 7])); // shape [8, 4, 14, 14]
 */
export class ConvTranspose2d extends ConvTranspose<Pair> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: ConvTransposeOptions<Size2d> = {}) {
    check2d([inChannels, outChannels, kernelSize, options]);
    super("ConvTranspose2d", 2, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this;
    checkSpace("convTranspose2d", 2, x, this.inChannels);
    return convTranspose2d(x, weight, { bias, stride, padding, outputPadding, groups, dilation });
  }
}

const parameters3d = /* @__PURE__ */ parametersOf(3);
const check3d = /* @__PURE__ */ checkedConstructor("ConvTranspose3d", parameters3d);

/**
 * Transposed convolution over volumes: it enlarges as the convolution with the same options makes smaller.
 *
 * Shape: `[N, Cin, D, H, W] -> [N, Cout, Do, Ho, Wo]`, `Do = (D − 1)s − 2p + d(K − 1) + outputPadding + 1`, likewise Ho
 * and Wo.
 * Formula: the gradient of that convolution with respect to its input, `W` being its weight, plus b.
 * W and b start as `U(−1/√fanIn, 1/√fanIn)` with `fanIn = Cout/groups · Kd · Kh · Kw`, PyTorch's default.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @param kernelSize K in voxels, ≥ 1: one number, or `[depth, height, width]`
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
 * @example
 * const y = new ConvTranspose3d(4, 2, 2, { stride: 2 })(zeros([1, 4, 2, 7, 7])); // shape [1, 2, 4, 14, 14]
 */
export class ConvTranspose3d extends ConvTranspose<readonly [number, number, number]> {
  constructor(inChannels: number, outChannels: number, kernelSize: Size3d, options: ConvTransposeOptions<Size3d> = {}) {
    check3d([inChannels, outChannels, kernelSize, options]);
    super("ConvTranspose3d", 3, inChannels, outChannels, kernelSize, options);
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this;
    checkSpace("convTranspose3d", 3, x, this.inChannels);
    return convTranspose3d(x, weight, { bias, stride, padding, outputPadding, groups, dilation });
  }
}

export const convTranspose1dEntry = layerEntry("ConvTranspose1d", parameters1d, ConvTranspose1d);
export const convTranspose2dEntry = layerEntry("ConvTranspose2d", parameters2d, ConvTranspose2d);
export const convTranspose3dEntry = layerEntry("ConvTranspose3d", parameters3d, ConvTranspose3d);
