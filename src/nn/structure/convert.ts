/** Conversion between fully connected layers and convolutions that compute the same. */
import { shapeError } from "../../tensor/check.js";
import { conv2d, eye, noGrad, type Tensor } from "../../tensor/index.js";
import type { Padding2d } from "../../tensor/sizes.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, instance, list } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { Conv2d } from "../conv.js";
import { Linear } from "../linear.js";
import { Module } from "../module.js";

const shapeKind = list(count(), "[C, H, W]");

/**
 * The convolution that computes what a fully connected layer computes from flattened images, at every place of a larger
 * image.
 *
 * Shape: `Linear(C·H·W, M) -> Conv2d(C, M, [H, W])`, `[N, C, H, W] -> [N, M, 1, 1]`, `[N, C, H', W'] -> [N, M, H'−H+1,
 * W'−W+1]`. A layer behind pooling to one pixel gives a 1 × 1 convolution, which is the layer applied to each pixel.
 * Formula: `w[o, c, u, v] = W[o, c·H·W + u·W + v]`.
 *
 * @param linear the layer; it is not changed
 * @param inputShape `[C, H, W]` of the images before flattening
 * @throws ShapeError if the shape has not as many elements as the layer inputs
 * @see Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", arXiv:1411.4038
 * @example
 * const conv = denseToConv(new Linear(48, 10), [3, 4, 4]);
 * const scores = conv(zeros([1, 3, 6, 6])); // shape [1, 10, 3, 3]
 */
export const denseToConv = checked(
  "denseToConv",
  takes({ linear: instance(Module, "a Linear layer"), inputShape: shapeKind }),
  (linear: Linear, inputShape: readonly [C: number, H: number, W: number]): Conv2d => {
    if (!(linear instanceof Linear)) {
      throw configError("denseToConv", "needs a Linear layer", "Convert the layers of a model one by one");
    }
    const [C, H, W] = inputShape;
    const { inFeatures, outFeatures, weight, bias } = linear;
    if (inputShape.length !== 3 || C * H * W !== inFeatures) {
      const problem = `inputShape ${shapeText(inputShape)} does not give ${inFeatures} features`;
      throw shapeError("denseToConv", problem, "Give [C, H, W] of the images before they are flattened");
    }
    const conv = new Conv2d(C, outFeatures, [H, W], { bias: bias !== null });
    fill(conv, weight.reshape([outFeatures, C, H, W]), bias);
    return conv;
  },
);

/**
 * The fully connected layer that computes what a convolution computes from images of one size, flattened before and
 * after it. Its weight is large and mostly zero: it shows what a convolution shares and leaves out.
 *
 * Shape: `Conv2d(C, O, K) -> Linear(C·H·W, O·Ho·Wo)`.
 * Formula: row (o, i, j) of W is the gradient of output (o, i, j) with respect to the image; b repeats for each pixel.
 *
 * @param conv the convolution; it is not changed
 * @param inputShape `[C, H, W]` of the images
 * @throws ShapeError if the convolution does not accept such images
 * @see https://cs231n.github.io/convolutional-networks/#convert
 * @example
 * const linear = convToDense(new Conv2d(3, 2, 3), [3, 5, 5]);
 * const y = linear(zeros([1, 75])); // shape [1, 18]
 */
export const convToDense = checked(
  "convToDense",
  takes({ conv: instance(Module, "a Conv2d layer"), inputShape: shapeKind }),
  (conv: Conv2d, inputShape: readonly [C: number, H: number, W: number]): Linear => {
    if (!(conv instanceof Conv2d)) {
      throw configError("convToDense", "needs a Conv2d layer", "Convert the layers of a model one by one");
    }
    if (conv.paddingMode !== "zeros") {
      throw configError("convToDense", `does not convert padding mode ${conv.paddingMode}`, "Use zeros");
    }
    const size = inputShape.reduce((product, n) => product * n, 1);
    const { weight, bias, stride, dilation, groups } = conv;
    const padding = conv.padding as Padding2d;
    const pixels = eye(size, { dtype: weight.dtype }).reshape([size, ...inputShape]);
    const columns = noGrad(() => conv2d(pixels, weight, { stride, padding, dilation, groups })); // [C·H·W, O, Ho, Wo]
    const [, O, Ho, Wo] = columns.shape;
    const linear = new Linear(size, O * Ho * Wo, { bias: bias !== null });
    const spread =
      bias
        ?.reshape([O, 1])
        .expand([O, Ho * Wo])
        .flatten() ?? null;
    fill(linear, columns.reshape([size, O * Ho * Wo]).transpose(), spread);
    return linear;
  },
);

/** Assigns weight and bias of a new layer. */
function fill(layer: Linear | Conv2d, weight: Tensor, bias: Tensor | null): void {
  layer.weight.assign(weight.detach());
  if (bias) layer.bias?.assign(bias.detach());
}
