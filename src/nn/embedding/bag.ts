/** Sums, means and maxima of the vectors of bags of tokens: the layer and its entry. */
import { shapeError } from "../../tensor/check.js";
import { arange, type Generator, Parameter, type Tensor, zeros } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, flag, nullable, whole, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { defaultGenerator } from "../random.js";
import { checkTokens, embedding, initialVectors, paddingOf } from "./embedding.js";

export interface EmbeddingBagOptions {
  /** How the vectors of a bag are combined. Default `"mean"`. */
  readonly mode?: "sum" | "mean" | "max";
  /** Token that is left out of the bags; negative counts from the end. Default none. */
  readonly paddingIdx?: number | null;
  /** Whether the gradient of each vector is divided by how often its token occurs. Default false. */
  readonly scaleGradByFreq?: boolean;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

/** What a call takes beside the tokens. */
export interface EmbeddingBagCall {
  /** Position of the first token of each bag, `[B]` i32, in ascending order; the tokens are then a vector. */
  readonly offsets?: Tensor;
  /** Factors of the vectors, in the shape of the tokens; with mode `"sum"`. */
  readonly perSampleWeights?: Tensor;
}

const parameters = takes<EmbeddingBagOptions>(
  { numEmbeddings: count(), embeddingDim: count() },
  {
    mode: word(["sum", "mean", "max"]),
    paddingIdx: nullable(whole),
    scaleGradByFreq: flag,
    generator: generatorKind,
  },
);
const check = checkedConstructor("EmbeddingBag", parameters);

/**
 * Sum, mean or maximum of the vectors of each bag of tokens; zeros for an empty bag.
 *
 * Shape: `[B, L] i32 -> [B, embeddingDim]`, or `[T] i32` with `offsets [B]`, for bags of different lengths.
 * Formula: `y[b] = Σ_t a_t · weight[x_t]` over the tokens of bag b, with `perSampleWeights` a.
 *
 * @param numEmbeddings number of tokens V, ≥ 1
 * @param embeddingDim size of the vectors D, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if the shapes do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html
 * @example
 * const bag = new EmbeddingBag(10, 8, { mode: "sum" });
 * const y = bag(tensor([[1, 2], [4, 5]], { dtype: "i32" })); // shape [2, 8]
 * const offsets = tensor([0, 2], { dtype: "i32" });
 * const z = bag(tensor([1, 2, 4, 5, 4], { dtype: "i32" }), { offsets }); // shape [2, 8]
 */
export class EmbeddingBag extends Module<[indices: Tensor, call?: EmbeddingBagCall]> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: "sum" | "mean" | "max";
  readonly paddingIdx: number | null;
  readonly scaleGradByFreq: boolean;
  /** `[numEmbeddings, embeddingDim]` */
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    check([numEmbeddings, embeddingDim, options]);
    super();
    const { mode = "mean", paddingIdx = null, generator = defaultGenerator() } = options;
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.mode = mode;
    this.paddingIdx = paddingOf("EmbeddingBag", paddingIdx, numEmbeddings);
    this.scaleGradByFreq = options.scaleGradByFreq ?? false;
    this.weight = new Parameter(initialVectors([numEmbeddings, embeddingDim], generator, this.paddingIdx), {
      name: "embeddingBag.weight",
    });
  }

  override forward(indices: Tensor, { offsets, perSampleWeights }: EmbeddingBagCall = {}): Tensor {
    const { mode, paddingIdx, scaleGradByFreq, weight, embeddingDim: D } = this;
    checkTokens("embeddingBag", indices);
    if (perSampleWeights && mode !== "sum") {
      throw configError("embeddingBag", `${mode} takes no perSampleWeights`, 'Use { mode: "sum" }');
    }
    const [tokens, bags, count] = bagsOf(indices, offsets);
    if (perSampleWeights && perSampleWeights.size !== indices.size) {
      const problem = `perSampleWeights ${shapeText(perSampleWeights.shape)} do not fit x ${shapeText(indices.shape)}`;
      throw shapeError("embeddingBag", problem, "Give one for each token");
    }
    const vectors = embedding(tokens, weight, { paddingIdx, scaleGradByFreq }); // [T, D]
    const factors = perSampleWeights?.reshape([tokens.size, 1]);
    const weighted = factors ? vectors.mul(factors) : vectors;
    // Tokens that are left out go to no bag.
    const places = paddingIdx === null ? bags : tokens.eq(paddingIdx).where(-1, bags);
    const rows = places.unsqueeze(1).expand([tokens.size, D]);
    const empty = zeros([count, D], { dtype: weight.dtype });
    if (mode !== "max") {
      const sums = empty.scatterAdd(0, rows, weighted);
      if (mode === "sum") return sums;
      const sizes = zeros([count], { dtype: "i32" }).scatterAdd(0, places, 1).maximum(1).to(weight.dtype);
      return sums.div(sizes.unsqueeze(1));
    }
    return empty.scatterReduce(0, rows, weighted, "amax", { includeSelf: false });
  }
}

/** The tokens as a vector, the bag of each, and the number of bags. */
function bagsOf(indices: Tensor, offsets: Tensor | undefined): readonly [Tensor, Tensor, number] {
  if (!offsets) {
    if (indices.rank !== 2) {
      throw shapeError("embeddingBag", `expected x [B, L], got x ${shapeText(indices.shape)}`, "Or give offsets");
    }
    const [B, L] = indices.shape;
    return [indices.flatten(), arange(B).reshape([B, 1]).expand([B, L]).flatten(), B];
  }
  if (indices.rank !== 1 || offsets.rank !== 1) {
    const got = `got x ${shapeText(indices.shape)} and offsets ${shapeText(offsets.shape)}`;
    throw shapeError("embeddingBag", `expected x [T] and offsets [B], ${got}`, "Rows of equal length need no offsets");
  }
  const [T, B] = [indices.size, offsets.size];
  const begun = arange(T)
    .reshape([T, 1])
    .ge(offsets.reshape([1, B]))
    .to("i32");
  return [indices, begun.sum({ dim: 1 }).sub(1), B];
}

export const embeddingBagEntry = layerEntry("EmbeddingBag", parameters, EmbeddingBag);
