/** Vectors of tokens by their numbers: the function, the layer and its entry. */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { type Generator, noGrad, Parameter, type Tensor, where, zeros } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, flag, type Kind, nullable, range, whole } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { defaultGenerator } from "../random.js";

export interface EmbeddingFunctionOptions {
  /** Token whose vector gets no gradient; negative counts from the end. Default none. */
  readonly paddingIdx?: number | null;
  /** Whether the gradient of each vector is divided by how often its token occurs. Default false. */
  readonly scaleGradByFreq?: boolean;
}

const functionKinds = { paddingIdx: nullable(whole), scaleGradByFreq: flag };

/**
 * Vectors of tokens by their numbers.
 *
 * Shape: `indices [...] i32, weight [V, D] -> [..., D]`. Formula: `y = weight[indices]`. An index out of range gives
 * NaN.
 * The gradient is added up row by row, without a matrix of one-hot vectors.
 *
 * @throws ShapeError if the weight is no matrix; DTypeError if the indices are not i32; ConfigError if paddingIdx is
 * out
 * of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html
 * @example
 * const y = embedding(tensor([[0, 2]], { dtype: "i32" }), ones([5, 8])); // shape [1, 2, 8]
 */
export const embedding = checked(
  "embedding",
  takes<EmbeddingFunctionOptions>({ indices: tensorKind, weight: tensorKind }, functionKinds),
  (indices: Tensor, weight: Tensor, options: EmbeddingFunctionOptions = {}): Tensor => {
    const { paddingIdx = null, scaleGradByFreq = false } = options;
    if (weight.rank !== 2) {
      throw shapeError("embedding", `expected a weight [V, D], got weight ${shapeText(weight.shape)}`);
    }
    checkTokens("embedding", indices);
    const padding = paddingOf("embedding", paddingIdx, weight.shape[0]);
    const rows = weight.take(indices);
    // Where a factor applies to the gradient alone, the rest of the value is constant.
    let share: Tensor | null = null;
    if (scaleGradByFreq) {
      const counts = indices.bincount(weight.shape[0]).take(indices);
      share = counts.maximum(1).to(weight.dtype).reciprocal();
    }
    if (padding !== null)
      share = indices
        .ne(padding)
        .where(share ?? 1, 0)
        .to(weight.dtype);
    if (!share) return rows;
    const part = rows.mul(share.detach().unsqueeze(-1));
    return part.add(rows.sub(part).detach());
  },
);

/** Throws unless tokens are i32. */
export function checkTokens(op: string, indices: Tensor): void {
  if (indices.dtype === "i32") return;
  throw dtypeError(op, `indices are ${indices.dtype}`, 'Use .to("i32")');
}

/** The padding token counted from the begin; null if there is none. */
export function paddingOf(op: string, paddingIdx: number | null, tokens: number): number | null {
  if (paddingIdx === null) return null;
  const found = paddingIdx < 0 ? paddingIdx + tokens : paddingIdx;
  if (found < 0 || found >= tokens) {
    throw configError(op, `paddingIdx ${paddingIdx} is no token of ${tokens}`, `Use −${tokens} to ${tokens - 1}`);
  }
  return found;
}

export interface EmbeddingOptions extends EmbeddingFunctionOptions {
  /** Largest norm of a vector; those of tokens that occur are scaled down to it in place. Default none, range > 0. */
  readonly maxNorm?: number | null;
  /** Exponent p of that norm. Default 2, range > 0. */
  readonly normType?: number;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const positive: Kind = {
  name: "a number > 0",
  accepts: (value) => range(0, Number.POSITIVE_INFINITY).accepts(value) && value !== 0,
};
const parameters = takes<EmbeddingOptions>(
  { numEmbeddings: count(), embeddingDim: count() },
  { ...functionKinds, maxNorm: nullable(positive), normType: positive, generator: generatorKind },
);
const check = checkedConstructor("Embedding", parameters);

/**
 * Vectors of tokens by their numbers.
 *
 * Shape: `[...] i32 -> [..., embeddingDim]`.
 * Formula: `y = weight[x]`. The weight starts as `N(0, 1)`, the row of the padding token as zeros.
 *
 * @param numEmbeddings number of tokens V, ≥ 1
 * @param embeddingDim size of the vectors D, ≥ 1
 * @throws ConfigError if an option is out of range; DTypeError from the call if the input is not i32
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 * @example
 * const y = new Embedding(10, 8, { paddingIdx: 0 })(tensor([[1, 2, 0]], { dtype: "i32" })); // shape [1, 3, 8]
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  /** `[numEmbeddings, embeddingDim]` */
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    check([numEmbeddings, embeddingDim, options]);
    super();
    const { paddingIdx = null, generator = defaultGenerator() } = options;
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingOf("Embedding", paddingIdx, numEmbeddings);
    this.maxNorm = options.maxNorm ?? null;
    this.normType = options.normType ?? 2;
    this.scaleGradByFreq = options.scaleGradByFreq ?? false;
    this.weight = new Parameter(initialVectors([numEmbeddings, embeddingDim], generator, this.paddingIdx), {
      name: "embedding.weight",
    });
  }

  override forward(indices: Tensor): Tensor {
    const { weight, paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    if (maxNorm !== null) shorten(weight, indices, maxNorm, normType);
    return embedding(indices, weight, { paddingIdx, scaleGradByFreq });
  }
}

/** N(0, 1), with zeros for the padding token. */
export function initialVectors(
  [tokens, size]: readonly [number, number],
  generator: Generator,
  padding: number | null,
): Tensor {
  const values = generator.normal([tokens, size]);
  if (padding === null) return values;
  const rows = zeros([tokens, 1]).scatter(0, zeros([1, 1], { dtype: "i32" }).add(padding), 1);
  return where(rows.ne(0), 0, values);
}

/** Scales the vectors of tokens that occur down to a norm, in place. */
function shorten(weight: Parameter, indices: Tensor, maxNorm: number, normType: number): void {
  checkTokens("embedding", indices);
  noGrad(() => {
    const norms = weight.norm({ p: normType, dim: 1, keepdim: true });
    const occurs = indices.bincount(weight.shape[0]).ne(0).unsqueeze(1);
    const isLong = occurs.logicalAnd(norms.gt(maxNorm));
    weight.assign(isLong.where(weight.mul(norms.add(1e-7).reciprocal().mul(maxNorm)), weight));
  });
}

export const embeddingEntry = layerEntry("Embedding", parameters, Embedding);
