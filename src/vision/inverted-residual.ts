/**
 * The block of MobileNetV2. This file knows layers only; it must not know whole networks.
 */
import * as nn from "../nn/index.js";
import { Generator, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { count, instance, number } from "../util/kinds.js";
import { convolution } from "./convolution.js";

export interface InvertedResidualOptions {
  /** Step of the depthwise convolution in pixels. Default 1, range 1 or 2. */
  readonly stride?: number;
  /** Channels inside the block per channel of its input. Default 6, range ≥ 1; 1 leaves out the first convolution. */
  readonly expandRatio?: number;
  /** Source of the initial values. Default: the one seeded by `nn.manualSeed`. */
  readonly generator?: Generator;
}

const check = checkedConstructor(
  "InvertedResidual",
  takes<InvertedResidualOptions>(
    { inChannels: count(), outChannels: count() },
    { stride: number, expandRatio: number, generator: instance(Generator, "a Generator") },
  ),
);

/**
 * Inverted residual: a 1×1 convolution that expands the channels, a 3×3 depthwise convolution, and a 1×1 convolution
 * that projects them, each with batch normalisation, the first two with ReLU6; the input is added if the shapes agree.
 *
 * Shape: `[N, Cin, H, W] -> [N, Cout, ⌈H/stride⌉, ⌈W/stride⌉]`. Keys are torchvision's (`conv.0.0.weight`, …); the
 * convolutions start from He's normal distribution by fan-out.
 *
 * @param inChannels Cin, ≥ 1
 * @param outChannels Cout, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381
 * @example
 * const y = new InvertedResidual(32, 32)(zeros([2, 32, 8, 8])); // shape [2, 32, 8, 8]
 */
export class InvertedResidual extends nn.Module {
  readonly conv: nn.Sequential;
  /** Whether the input is added to the output. */
  readonly residual: boolean;

  constructor(inChannels: number, outChannels: number, options: InvertedResidualOptions = {}) {
    check([inChannels, outChannels, options]);
    super();
    const { stride = 1, expandRatio = 6, generator } = options;
    if (stride !== 1 && stride !== 2) throw new ConfigError(`[InvertedResidual] stride must be 1 or 2, got ${stride}`);
    const inner = inChannels * expandRatio;
    const active = (made: nn.Conv2d) => new nn.Sequential(made, new nn.BatchNorm2d(inner), new nn.ReLU6());
    this.residual = stride === 1 && inChannels === outChannels;
    this.conv = new nn.Sequential(
      ...(expandRatio === 1 ? [] : [active(convolution(inChannels, inner, 1, { generator }))]),
      active(convolution(inner, inner, 3, { stride, groups: inner, generator })),
      convolution(inner, outChannels, 1, { generator }),
      new nn.BatchNorm2d(outChannels),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv(x);
    return this.residual ? x.add(y) : y;
  }
}
