/** Distances and similarities of vectors, by PyTorch's names. */
import { axisOf, shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { dimKind } from "../../tensor/kinds.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { flag, type Kind, range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { lengthOf, powerOf, raised, rootOf } from "./stable.js";

export interface CosineSimilarityOptions {
  /** Axis of the vectors. Default 1. */
  readonly dim?: number;
  /** Smallest length that a vector counts with. Default 1e-8, range ≥ 0. */
  readonly eps?: number;
}

const vectors = { x1: tensorKind, x2: tensorKind };
const cosineParameters = takes<CosineSimilarityOptions>(vectors, {
  dim: dimKind,
  eps: range(0, Number.POSITIVE_INFINITY),
});

/**
 * Cosine of the angle between vectors.
 *
 * Shape: `x1, x2 [N, D, ...] -> [N, ...]`, broadcasting. Formula: `Σ x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps))`.
 *
 * @throws ShapeError if the shapes do not broadcast, or there is no axis `dim`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html
 * @example
 * const cosine = cosineSimilarity(tensor([[3, 4]]), tensor([[4, 3]])); // [0.96]
 */
export const cosineSimilarity = checked(
  "cosineSimilarity",
  cosineParameters,
  (x1: Tensor, x2: Tensor, { dim = 1, eps = 1e-8 }: CosineSimilarityOptions = {}): Tensor => {
    const axis = axisOf("cosineSimilarity", dim, x1.rank >= x2.rank ? x1.shape : x2.shape);
    const end = axis - Math.max(x1.rank, x2.rank); // counted from the end, so that it is the same axis of both
    const unit = (x: Tensor, name: string) => {
      if (x.rank < -end) throw shapeError("cosineSimilarity", `${name} has no axis ${dim}`, "Give both the same axes");
      return x.div(raised(lengthOf(x, end), eps));
    };
    return unit(floats(x1), "x1")
      .mul(unit(floats(x2), "x2"))
      .sum({ dim: end });
  },
);

/**
 * The layer of `cosineSimilarity`.
 *
 * Shape: `x1, x2 [N, D, ...] -> [N, ...]`.
 *
 * @example
 * const cosine = new CosineSimilarity()(tensor([[3, 4]]), tensor([[4, 3]])); // [0.96]
 */
export const CosineSimilarity = lossLayer("CosineSimilarity", cosineSimilarity, cosineParameters);
export type CosineSimilarity = InstanceType<typeof CosineSimilarity>;

export interface PairwiseDistanceOptions {
  /** Exponent of the norm. Default 2, range > 0, or Infinity. */
  readonly p?: number;
  /** Added to each difference. Default 1e-6, range ≥ 0. */
  readonly eps?: number;
  /** Whether the last axis stays, with size 1. Default false. */
  readonly keepdim?: boolean;
}

/** The exponent of a norm. */
export const exponent: Kind = { name: "a number > 0", accepts: (value) => typeof value === "number" && value > 0 };

const distanceParameters = takes<PairwiseDistanceOptions>(vectors, {
  p: exponent,
  eps: range(0, Number.POSITIVE_INFINITY),
  keepdim: flag,
});

/**
 * Distance between vectors along the last axis.
 *
 * Shape: `x1, x2 [..., D] -> [...]`, broadcasting. Formula: `(Σ |x1 − x2 + eps|^p)^(1/p)`.
 *
 * @throws ShapeError if the shapes do not broadcast; ConfigError if p is not positive
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html
 * @example
 * const distance = pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]]), { eps: 0 }); // [5]
 */
export const pairwiseDistance = checked(
  "pairwiseDistance",
  distanceParameters,
  (x1: Tensor, x2: Tensor, { p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {}): Tensor => {
    if (Math.max(x1.rank, x2.rank) === 0) {
      throw shapeError("pairwiseDistance", "expected vectors [..., D], got scalars", "Use sub and abs");
    }
    const difference = floats(x1).sub(floats(x2)).add(eps);
    const along = { dim: -1, keepdim };
    if (p === 2) return rootOf(difference.square().sum(along));
    const sizes = difference.abs();
    if (p === 1) return sizes.sum(along);
    if (p === Number.POSITIVE_INFINITY) return sizes.max(along);
    return powerOf(powerOf(sizes, p).sum(along), 1 / p);
  },
);

/**
 * The layer of `pairwiseDistance`.
 *
 * Shape: `x1, x2 [..., D] -> [...]`.
 *
 * @example
 * const distance = new PairwiseDistance({ p: 1, eps: 0 })(tensor([[0, 0]]), tensor([[3, 4]])); // [7]
 */
export const PairwiseDistance = lossLayer("PairwiseDistance", pairwiseDistance, distanceParameters);
export type PairwiseDistance = InstanceType<typeof PairwiseDistance>;

export const cosineSimilarityEntry = lossEntry(
  "cosineSimilarity",
  cosineParameters,
  cosineSimilarity,
  CosineSimilarity,
);
export const pairwiseDistanceEntry = lossEntry(
  "pairwiseDistance",
  distanceParameters,
  pairwiseDistance,
  PairwiseDistance,
);
