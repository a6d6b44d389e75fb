/** Layer normalisation: as a function, as a layer, and as an entry of the registry. */
import { shapeError } from "../../tensor/check.js";
import { ones, Parameter, type Tensor, zeros } from "../../tensor/index.js";
import { standardised } from "../../tensor/standardise.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, either, flag, type Kind, list, nullable, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface LayerNormFunctionOptions {
  /** Scale γ, of the normalised shape. Default 1. */
  readonly weight?: Tensor | null;
  /** Shift β, of the normalised shape. Default 0. */
  readonly bias?: Tensor | null;
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
}

/** Sizes of the last axes: one number for the last axis alone. */
export type NormalizedShape = number | readonly number[];

export const normalizedShapeKind: Kind = either(count(), {
  ...list(count(), "an array of sizes"),
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((size) => count().accepts(size)),
});
export const epsKind: Kind = range(0, Number.POSITIVE_INFINITY);

/** The axes of x that a normalised shape names. Throws unless they, the weight and the bias have that shape. */
export function normalizedAxes(
  op: string,
  x: Tensor,
  normalizedShape: NormalizedShape,
  vectors: Readonly<Record<string, Tensor | null | undefined>>,
): number[] {
  const sizes = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const first = x.rank - sizes.length;
  if (first < 0 || sizes.some((size, i) => x.shape[first + i] !== size)) {
    const problem = `expected the last axes to be ${shapeText(sizes)}, got x ${shapeText(x.shape)}`;
    throw shapeError(op, problem, "Pass the sizes of the last axes of x, such as x.shape.slice(-1)");
  }
  for (const [name, vector] of Object.entries(vectors)) {
    if (vector && (vector.rank !== sizes.length || sizes.some((size, i) => vector.shape[i] !== size))) {
      const problem = `expected ${name} ${shapeText(sizes)}, got ${name} ${shapeText(vector.shape)}`;
      throw shapeError(op, problem, "It has the normalised shape");
    }
  }
  return sizes.map((_, i) => first + i);
}

/**
 * Normalises over the last axes to mean 0 and variance 1, then scales and shifts.
 *
 * Shape: `[..., ...normalizedShape]`, unchanged. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided
 * by n) over the last axes.
 *
 * @param normalizedShape sizes of the last axes; one number for the last axis alone
 * @throws ShapeError if the last axes of x, the weight or the bias have other sizes
 * @see Ba, Kiros & Hinton 2016, "Layer Normalization", arXiv:1607.06450
 * @example
 * const y = layerNorm(tensor([[1, 2, 3]]), 3); // [[-1.2247, 0, 1.2247]]
 */
export const layerNorm = checked(
  "layerNorm",
  takes<LayerNormFunctionOptions>(
    { x: tensorKind, normalizedShape: normalizedShapeKind },
    { weight: nullable(tensorKind), bias: nullable(tensorKind), eps: epsKind },
  ),
  (x: Tensor, normalizedShape: NormalizedShape, options: LayerNormFunctionOptions = {}): Tensor => {
    const { weight, bias, eps = 1e-5 } = options;
    const value = floats(x);
    const dim = normalizedAxes("layerNorm", value, normalizedShape, { weight, bias });
    const normalised = standardised(value, dim[0], eps);
    const scaled = weight ? normalised.mul(weight) : normalised;
    return bias ? scaled.add(bias) : scaled;
  },
);

export interface LayerNormOptions {
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
  /** Whether to scale by the parameter weight, and to shift by the bias. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether to shift by the parameter bias, if elementwiseAffine. Default true. */
  readonly bias?: boolean;
}

const parameters = takes<LayerNormOptions>(
  { normalizedShape: normalizedShapeKind },
  { eps: epsKind, elementwiseAffine: flag, bias: flag },
);
const check = checkedConstructor("LayerNorm", parameters);

/**
 * Normalisation over the last axes of each sample.
 *
 * Shape: `[..., ...normalizedShape]`, unchanged. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided
 * by n) over the last axes.
 *
 * @param normalizedShape sizes of the last axes; one number for the last axis alone
 * @throws ConfigError if an option is out of range; ShapeError from the call if the last axes have other sizes
 * @see https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
 * @example
 * const y = new LayerNorm(192)(zeros([8, 197, 192])); // shape [8, 197, 192]
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  /** Scale γ, of the normalised shape, starts at 1. */
  readonly weight: Parameter | null;
  /** Shift β, of the normalised shape, starts at 0. */
  readonly bias: Parameter | null;

  constructor(normalizedShape: NormalizedShape, options: LayerNormOptions = {}) {
    check([normalizedShape, options]);
    super();
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    const shape = this.normalizedShape;
    this.weight = elementwiseAffine ? new Parameter(ones(shape), { name: "layerNorm.weight" }) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(shape), { name: "layerNorm.bias" }) : null;
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return layerNorm(x, this.normalizedShape, { weight, bias, eps });
  }
}

export const layerNormEntry = layerEntry("LayerNorm", parameters, LayerNorm);
