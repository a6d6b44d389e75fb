/**
 * The convolution layer. This file holds its parameters and their initial values; the arithmetic is the primitive
 * `conv2d` of the tensor layer.
 */

import { type Pair, pairOf } from "../tensor/contract.js";
import { conv2d, type Generator, Parameter, type Size2d, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { callback, count, flag, size2d } from "../util/kinds.js";
import { checkImages } from "./checks.js";
import { layerEntry } from "./entries.js";
import { fans, kaimingUniform } from "./init/index.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { defaultGenerator } from "./random.js";

export interface Conv2dOptions {
  /** Step of the window in pixels. Default 1, range ≥ 1. */
  readonly stride?: Size2d;
  /** Zeros added on each side, in pixels. Default 0, range ≥ 0. */
  readonly padding?: Size2d;
  /** Distance between the taps of the kernel in pixels. Default 1, range ≥ 1. */
  readonly dilation?: Size2d;
  /** Number of groups of channels, convolved separately; it divides both channel counts. Default 1. */
  readonly groups?: number;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Function from a shape to the initial weight. Default: PyTorch's, see below. */
  readonly init?: (shape: readonly number[], options: { readonly generator: Generator }) => Tensor;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const torchInit: NonNullable<Conv2dOptions["init"]> = (shape, { generator }) =>
  kaimingUniform(shape, { a: Math.sqrt(5), generator });

const parameters = takes<Conv2dOptions>(
  { inChannels: count(), outChannels: count(), kernelSize: size2d() },
  {
    stride: size2d(),
    padding: size2d(0),
    dilation: size2d(),
    groups: count(),
    bias: flag,
    init: callback,
    generator: generatorKind,
  },
);
const check = checkedConstructor("Conv2d", parameters);

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
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  /** `[outChannels, inChannels / groups, Kh, Kw]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    check([inChannels, outChannels, kernelSize, options]);
    super();
    const { bias = true, init = torchInit, generator = defaultGenerator() } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pairOf(kernelSize);
    this.stride = pairOf(options.stride ?? 1);
    this.padding = pairOf(options.padding ?? 0);
    this.dilation = pairOf(options.dilation ?? 1);
    this.groups = checkGroups(options.groups ?? 1, inChannels, outChannels);

    const shape = [outChannels, inChannels / this.groups, ...this.kernelSize];
    const bound = 1 / Math.sqrt(fans(shape).fanIn);
    this.weight = new Parameter(init(shape, { generator }), { name: "conv2d.weight" });
    this.bias = bias
      ? new Parameter(generator.uniform([outChannels], { low: -bound, high: bound }), { name: "conv2d.bias" })
      : null;
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups } = this;
    checkImages("conv2d", x, weight.shape[1] * groups);
    return conv2d(x, weight, { bias: bias ?? undefined, stride, padding, dilation, groups });
  }
}

function checkGroups(groups: number, inChannels: number, outChannels: number): number {
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    const problem = `groups ${groups} must divide inChannels ${inChannels} and outChannels ${outChannels}`;
    const choices = Array.from({ length: Math.min(inChannels, outChannels) }, (_, i) => i + 1);
    const fitting = choices.filter((n) => inChannels % n === 0 && outChannels % n === 0);
    throw configError("Conv2d", problem, `Choose groups from ${fitting.join(", ")}`);
  }
  return groups;
}

export const conv2dEntry = layerEntry("Conv2d", parameters, Conv2d);
