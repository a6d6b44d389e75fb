/**
 * The functions behind the layers, for models that hold their own weights: pure, apart from the running statistics and
 * random counters that are passed in. Activations and losses have files of their own. This file must not know layers.
 */

import { shapeError } from "../tensor/check.js";
import { sameDType } from "../tensor/contract.js";
import type { Tensor } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { nullable } from "../util/kinds.js";
import { shapeText } from "./checks.js";

export {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
} from "../tensor/index.js";
export { type CELUOptions, celu, type ELUOptions, elu, selu } from "./activation/elu.js";
export { type GELUOptions, gelu } from "./activation/gelu.js";
export { type GLUOptions, glu, type MaxoutOptions, maxout } from "./activation/glu.js";
export { type HardtanhOptions, hardsigmoid, hardswish, hardtanh } from "./activation/hard.js";
export { type LeakyReLUOptions, leakyRelu } from "./activation/leaky-relu.js";
export { type PReLUOptions, prelu } from "./activation/prelu.js";
export { relu } from "./activation/relu.js";
export { relu6 } from "./activation/relu6.js";
export {
  type HardshrinkOptions,
  hardshrink,
  type SoftshrinkOptions,
  softshrink,
  threshold,
} from "./activation/shrink.js";
export { logSigmoid, sigmoid } from "./activation/sigmoid.js";
export { mish, silu } from "./activation/silu.js";
export { type SoftplusOptions, softplus, softsign } from "./activation/soft.js";
export { type GumbelSoftmaxOptions, gumbelSoftmax, logSoftmax, softmax, softmin } from "./activation/softmax.js";
export { tanh, tanhshrink } from "./activation/tanh.js";
export { rotaryEmbedding } from "./attention/rotary.js";
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from "./attention/scaled-dot-product.js";
export { type BilinearFunctionOptions, bilinear } from "./bilinear.js";
export { type EmbeddingFunctionOptions, embedding } from "./embedding/embedding.js";
export * from "./loss/functions.js";
export { type BatchNormFunctionOptions, batchNorm } from "./norm/batch.js";
export { type GroupNormFunctionOptions, groupNorm } from "./norm/group.js";
export { type InstanceNormFunctionOptions, instanceNorm } from "./norm/instance.js";
export { type LayerNormFunctionOptions, layerNorm } from "./norm/layer.js";
export { localResponseNorm } from "./norm/local-response.js";
export { type NormalizeFunctionOptions, normalize } from "./norm/normalize.js";
export { type RMSNormFunctionOptions, rmsNorm } from "./norm/rms.js";
export { type PadFunctionOptions, type PadMode, pad } from "./padding/pad.js";
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  adaptiveMaxPool3d,
  adaptiveMaxPool3dWithIndices,
} from "./pool/adaptive.js";
export { type LPPoolFunctionOptions, lpPool1d, lpPool2d, lpPool3d } from "./pool/lp.js";
export { type MaxUnpoolFunctionOptions, maxUnpool1d, maxUnpool2d, maxUnpool3d } from "./pool/unpool.js";
export { alphaDropout, featureAlphaDropout } from "./regularisation/alpha-dropout.js";
export { dropout1d, dropout2d, dropout3d } from "./regularisation/channel-dropout.js";
export type { DropFunctionOptions } from "./regularisation/checks.js";
export { type DropBlock2dFunctionOptions, dropBlock2d } from "./regularisation/drop-block.js";
export { type DropoutFunctionOptions, dropout } from "./regularisation/dropout.js";
export { type StochasticDepthFunctionOptions, stochasticDepth } from "./regularisation/stochastic-depth.js";
export { fold, type UnfoldOptions, unfold } from "./resample/columns.js";
export { type AffineGridOptions, affineGrid, type GridSampleOptions, gridSample } from "./resample/grid.js";
export { type InterpolateFunctionOptions, type InterpolateMode, interpolate } from "./resample/interpolate.js";
export { channelShuffle, pixelShuffle, pixelUnshuffle } from "./resample/shuffle.js";

export interface LinearFunctionOptions {
  /** Bias, `[M]`, added to every row. Default none. */
  readonly bias?: Tensor | null;
}

/**
 * Linear map of the last axis.
 *
 * Shape: `[..., K], weight [M, K], bias [M] -> [..., M]`. Formula: `y = x Wᵀ + b`.
 *
 * @throws ShapeError if the last axis of x, the weight and the bias do not fit together
 * @example
 * const y = linear(zeros([32, 784]), zeros([10, 784])); // shape [32, 10]
 */
export const linear = checked(
  "linear",
  takes<LinearFunctionOptions>({ x: tensorKind, weight: tensorKind }, { bias: nullable(tensorKind) }),
  (x: Tensor, weight: Tensor, options: LinearFunctionOptions = {}): Tensor => {
    const { bias } = options;
    if (weight.rank !== 2) {
      throw shapeError(
        "linear",
        `expected a weight [M, K], got weight ${shapeText(weight.shape)}`,
        "Reshape the weight",
      );
    }
    sameDType("linear", { x, weight });
    const [M, K] = weight.shape;
    if (x.rank === 0 || x.shape[x.rank - 1] !== K) {
      const hint =
        x.rank > 2 && x.size === x.shape[0] * K
          ? "Flatten the input first: nn.Flatten, or x.flatten({ startDim: 1 })"
          : "Give the layer before it as many outputs, or this one as many inputs";
      throw shapeError("linear", `expected ${K} features in the last axis, got x ${shapeText(x.shape)}`, hint);
    }
    if (bias && (bias.rank !== 1 || bias.shape[0] !== M)) {
      const problem = `expected a bias [${M}], got bias ${shapeText(bias.shape)}`;
      throw shapeError("linear", problem, "Give the bias one value per output");
    }
    const rows = x.shape.slice(0, -1).reduce((product, n) => product * n, 1);
    const product = x.reshape([rows, K]).matmul(weight.transpose()); // [rows, M]
    return (bias ? product.add(bias) : product).reshape([...x.shape.slice(0, -1), M]);
  },
);
