/** Local response normalisation of AlexNet: as a function, as a layer, and as an entry of the registry. */
import { shapeError } from "../../tensor/check.js";
import { avgPool2d, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, finite } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface LocalResponseNormOptions {
  /** Factor on the mean square. Default 1e-4. */
  readonly alpha?: number;
  /** Exponent. Default 0.75. */
  readonly beta?: number;
  /** Summand of the base. Default 1. */
  readonly k?: number;
}

const options = { alpha: finite, beta: finite, k: finite };
const signature = takes<LocalResponseNormOptions>({ x: tensorKind, size: count() }, options);

/**
 * Divides by a power of the mean square over neighbouring channels.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y_c = x_c / (k + alpha / size · Σ_j x_j²)^beta`, j from
 * `c − ⌊size/2⌋` to `c + ⌊(size−1)/2⌋`; channels outside count as zeros.
 *
 * @param size number of channels in the sum, ≥ 1
 * @throws ShapeError if x has fewer than three axes
 * @see Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks"
 * @example
 * const y = localResponseNorm(ones([1, 3, 2, 2]), 3, { alpha: 3, beta: 1 }); // 1/3, 1/4 and 1/3 in the channels
 */
export const localResponseNorm = checked(
  "localResponseNorm",
  signature,
  (x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor => {
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
    if (x.rank < 3) {
      const problem = `expected x of rank 3 or more [N, C, ...], got x ${shapeText(x.shape)}`;
      throw shapeError("localResponseNorm", problem, "Add the missing axes with x.unsqueeze");
    }
    const value = floats(x);
    const [N, C] = x.shape;
    const columns = value.square().reshape([N, 1, C, x.size / (N * C) || 0]); // channels as rows of an image
    const none = [0, 0] as const;
    const padded = columns.pad([none, none, [Math.floor(size / 2), Math.floor((size - 1) / 2)], none]);
    const meanSquare = avgPool2d(padded, [size, 1], { stride: 1 }).reshape(x.shape);
    return value.div(meanSquare.mul(alpha).add(k).pow(beta));
  },
);

const parameters = takes<LocalResponseNormOptions>({ size: count() }, options);
const check = checkedConstructor("LocalResponseNorm", parameters);

/**
 * Normalisation of each pixel by the mean square over neighbouring channels, as in AlexNet and GoogLeNet.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y_c = x_c / (k + alpha / size · Σ_j x_j²)^beta`, j from
 * `c − ⌊size/2⌋` to `c + ⌊(size−1)/2⌋`; channels outside count as zeros.
 *
 * @param size number of channels in the sum, ≥ 1
 * @throws ConfigError if an option is no finite number; ShapeError from the call if x has fewer than three axes
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
 * @example
 * const y = new LocalResponseNorm(5, { k: 2 })(zeros([8, 96, 27, 27])); // shape [8, 96, 27, 27]
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    check([size, options]);
    super();
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
    this.size = size;
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  override forward(x: Tensor): Tensor {
    const { alpha, beta, k } = this;
    return localResponseNorm(x, this.size, { alpha, beta, k });
  }
}

export const localResponseNormEntry = layerEntry("LocalResponseNorm", parameters, LocalResponseNorm);
