/** The convolution layer that the networks here use. It must not know any network. */
import * as nn from "../nn/index.js";
import type { Generator } from "../tensor/index.js";

interface ConvolutionOptions {
  /** Step of the window in pixels. Default 1. */
  readonly stride?: number;
  /** Number of groups of channels. Default 1. */
  readonly groups?: number;
  readonly generator?: Generator;
}

/**
 * A convolution without bias whose padding keeps the size at stride 1; its weight starts from He's normal distribution
 * by fan-out, as in torchvision.
 */
export function convolution(inner: number, outer: number, kernel: number, options: ConvolutionOptions): nn.Conv2d {
  const init: nn.Conv2dOptions["init"] = (shape, { generator }) =>
    nn.init.kaimingNormal(shape, { mode: "fanOut", generator });
  return new nn.Conv2d(inner, outer, kernel, { ...options, padding: (kernel - 1) / 2, bias: false, init });
}
