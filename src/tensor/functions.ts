/** Convolution and pooling as public functions of tensors. */
import { graph, helpers } from "../ops/index.js";
import { shapeError } from "./check.js";
import * as contract from "./contract.js";
import { Tensor } from "./tensor.js";

/**
 * 2-d convolution (cross-correlation, as in PyTorch).
 *
 * `[N, Cin, H, W] · [Cout, Cin / groups, Kh, Kw] -> [N, Cout, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param options.bias - [Cout], added to every pixel; default none
 * @param options.stride - pixels between outputs, from 1; default 1
 * @param options.padding - zeros around the image, from 0; default 0
 * @param options.dilation - pixels between taps, from 1; default 1
 * @param options.groups - channel groups that do not see each other; default 1
 * @throws ShapeError if channels, groups or sizes do not fit
 * @example
 * const y = conv2d(zeros([1, 3, 8, 8]), ones([4, 3, 3, 3]), { padding: 1 });
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  options: contract.ConvOptions & { readonly bias?: Tensor } = {},
): Tensor {
  const y = new Tensor(contract.conv2d(x.node, weight.node, options));
  if (!options.bias) return y;
  const channels = weight.shape[0];
  if (options.bias.size !== channels)
    throw shapeError("conv2d", `bias has ${options.bias.size} elements for ${channels} channels`);
  return y.add(new Tensor(helpers.reshape(graph, options.bias.node, [1, channels, 1, 1])));
}

/**
 * Largest value of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − d(K − 1) − 1) / s⌋ + 1`
 *
 * @param options.kernelSize - window size, from 1
 * @param options.stride - pixels between windows; default kernelSize
 * @param options.padding - −∞ around the image, at most half the window; default 0
 * @param options.dilation - pixels between taps; default 1
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const y = maxPool2d(zeros([1, 3, 8, 8]), { kernelSize: 2 });
 */
export const maxPool2d = (x: Tensor, options: contract.PoolOptions): Tensor =>
  new Tensor(contract.maxPool2d(x.node, options));

/**
 * Mean of each window.
 *
 * `[N, C, H, W] -> [N, C, Ho, Wo], Ho = ⌊(H + 2p − K) / s⌋ + 1`
 *
 * @param options.countIncludePad - whether padding counts in the mean; default true
 * @throws ShapeError if the window does not fit, ConfigError if an option is out of range
 * @example
 * const y = avgPool2d(zeros([1, 3, 8, 8]), { kernelSize: 2 });
 */
export const avgPool2d = (x: Tensor, options: contract.PoolOptions & { readonly countIncludePad?: boolean }): Tensor =>
  new Tensor(contract.avgPool2d(x.node, options));
