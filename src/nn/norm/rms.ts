/** Normalisation by the root of the mean square: as a function, as a layer, and as an entry of the registry. */
import { ones, Parameter, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { flag, nullable } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { epsKind, type NormalizedShape, normalizedAxes, normalizedShapeKind } from "./layer.js";

export interface RMSNormFunctionOptions {
  /** Scale γ, of the normalised shape. Default 1. */
  readonly weight?: Tensor | null;
  /** ε, added to the mean square; null is the machine epsilon of the dtype, 2⁻²³ for f32. Default null, range ≥ 0. */
  readonly eps?: number | null;
}

/**
 * Divides by the root of the mean square over the last axes, then scales.
 *
 * Shape: `[..., ...normalizedShape]`, unchanged. Formula: `y = x / √(mean(x²) + eps) · γ`.
 *
 * @param normalizedShape sizes of the last axes; one number for the last axis alone
 * @throws ShapeError if the last axes of x or the weight have other sizes
 * @see Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467
 * @example
 * const y = rmsNorm(tensor([[3, 4]]), 2); // [[0.8485, 1.1314]]
 */
export const rmsNorm = checked(
  "rmsNorm",
  takes<RMSNormFunctionOptions>(
    { x: tensorKind, normalizedShape: normalizedShapeKind },
    { weight: nullable(tensorKind), eps: nullable(epsKind) },
  ),
  (x: Tensor, normalizedShape: NormalizedShape, options: RMSNormFunctionOptions = {}): Tensor => {
    const { weight, eps } = options;
    const value = floats(x);
    const dim = normalizedAxes("rmsNorm", value, normalizedShape, { weight });
    const meanSquare = value.square().mean({ dim, keepdim: true });
    const y = value.mul(meanSquare.add(eps ?? (value.dtype === "f64" ? 2 ** -52 : 2 ** -23)).rsqrt());
    return weight ? y.mul(weight) : y;
  },
);

export interface RMSNormOptions {
  /** ε, added to the mean square; null is the machine epsilon of the dtype, 2⁻²³ for f32. Default null, range ≥ 0. */
  readonly eps?: number | null;
  /** Whether to scale by the parameter weight. Default true. */
  readonly elementwiseAffine?: boolean;
}

const parameters = takes<RMSNormOptions>(
  { normalizedShape: normalizedShapeKind },
  { eps: nullable(epsKind), elementwiseAffine: flag },
);
const check = checkedConstructor("RMSNorm", parameters);

/**
 * Normalisation by the root of the mean square over the last axes of each sample.
 *
 * Shape: `[..., ...normalizedShape]`, unchanged. Formula: `y = x / √(mean(x²) + eps) · γ`.
 *
 * @param normalizedShape sizes of the last axes; one number for the last axis alone
 * @throws ConfigError if an option is out of range; ShapeError from the call if the last axes have other sizes
 * @see https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
 * @example
 * const y = new RMSNorm(192)(zeros([8, 197, 192])); // shape [8, 197, 192]
 */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  /** Scale γ, of the normalised shape, starts at 1. */
  readonly weight: Parameter | null;

  constructor(normalizedShape: NormalizedShape, options: RMSNormOptions = {}) {
    check([normalizedShape, options]);
    super();
    const { eps = null, elementwiseAffine = true } = options;
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape), { name: "rmsNorm.weight" }) : null;
  }

  override forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }
}

export const rmsNormEntry = layerEntry("RMSNorm", parameters, RMSNorm);
