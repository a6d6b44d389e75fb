/** Convolution and pooling as public functions of tensors. */
import { graph, helpers } from "../ops/index.js";
import { checked, takes } from "../util/arguments.js";
import { count, flag, nullable, size2d } from "../util/kinds.js";
import { shapeError } from "./check.js";
import type { Size2d } from "./contract.js";
import * as contract from "./contract.js";
import { Tensor, tensorKind } from "./tensor.js";

/** Options of `conv2d`. */
export interface Conv2dOptions extends contract.ConvOptions {
  /** [Cout], added to every pixel; default none. */
  readonly bias?: Tensor | null;
}

const pooled = { x: tensorKind, kernelSize: size2d() };

/**
 * 2-d convolution (cross-correlation, as in PyTorch).
 *
 * `[N, Cin, H, W] · [Cout, Cin / groups, Kh, Kw] -> [N, Cout, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param options.bias - [Cout], added to every pixel; default none
 * @param options.stride - pixels between outputs, from 1; default 1
 * @param options.padding - zeros around the image, from 0; default 0
 * @param options.dilation - pixels between taps, from 1; default 1
 * @param options.groups - channel groups, convolved independently; default 1
 * @throws ShapeError if channels, groups or sizes do not fit
 * @example
 * const y = conv2d(zeros([1, 3, 8, 8]), ones([4, 3, 3, 3]), { padding: 1 });
 */
export const conv2d = checked(
  "conv2d",
  takes<Conv2dOptions>(
    { x: tensorKind, weight: tensorKind },
    { bias: nullable(tensorKind), stride: size2d(), padding: size2d(0), dilation: size2d(), groups: count() },
  ),
  (x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor => {
    const y = new Tensor(contract.conv2d(x.node, weight.node, options));
    const { bias } = options;
    if (!bias) return y;
    const channels = weight.shape[0];
    if (bias.size !== channels) {
      throw shapeError("conv2d", `bias has ${bias.size} elements for ${channels} channels`);
    }
    return y.add(new Tensor(helpers.reshape(graph, bias.node, [1, channels, 1, 1])));
  },
);

/**
 * Largest value of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param kernelSize - window size, from 1
 * @param options.stride - pixels between windows; default kernelSize
 * @param options.padding - −∞ around the image, at most half the window; default 0
 * @param options.dilation - pixels between taps; default 1
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const y = maxPool2d(zeros([1, 3, 8, 8]), 2);
 */
export const maxPool2d = checked(
  "maxPool2d",
  takes<contract.PoolOptions>(pooled, { stride: size2d(), padding: size2d(0), dilation: size2d() }),
  (x: Tensor, kernelSize: Size2d, options: contract.PoolOptions = {}): Tensor =>
    new Tensor(contract.maxPool2d(x.node, kernelSize, options)),
);

/**
 * Mean of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − K) / s⌋ + 1`
 *
 * @param options.countIncludePad - include padding in the divisor of the mean; default true
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const y = avgPool2d(zeros([1, 3, 8, 8]), 2);
 */
export const avgPool2d = checked(
  "avgPool2d",
  takes<contract.AvgPoolOptions>(pooled, {
    stride: size2d(),
    padding: size2d(0),
    dilation: size2d(),
    countIncludePad: flag,
  }),
  (x: Tensor, kernelSize: Size2d, options: contract.AvgPoolOptions = {}): Tensor =>
    new Tensor(contract.avgPool2d(x.node, kernelSize, options)),
);
