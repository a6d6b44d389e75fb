/** The loss of triplets. */
import { shapeError } from "../../tensor/check.js";
import { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { callback, flag, nullable, range } from "../../util/kinds.js";
import { spell } from "../../util/spelling.js";
import { lossEntry } from "../entries.js";
import { exponent, pairwiseDistance } from "./distance.js";
import { lossLayer } from "./layer.js";
import { checkSameShape, type LossOptions, positive, reduce, reductionKind } from "./reduction.js";

export interface TripletMarginLossOptions extends LossOptions {
  /** Difference that the two distances should have. Default 1, range > 0. */
  readonly margin?: number;
  /** Exponent of the norm of differences. Default 2, range > 0, or Infinity. */
  readonly p?: number;
  /** Added to each difference. Default 1e-6, range ≥ 0. */
  readonly eps?: number;
  /** Whether the distance of positive and negative counts if it is smaller than that of anchor and negative. Default false. */
  readonly swap?: boolean;
}

const parameters = takes<TripletMarginLossOptions>(
  { anchor: tensorKind, positive: tensorKind, negative: tensorKind },
  { margin: positive, p: exponent, eps: range(0, Number.POSITIVE_INFINITY), swap: flag, reduction: reductionKind },
);

/**
 * An anchor is to be nearer to a positive sample than to a negative one, by a margin.
 *
 * Shape: `anchor, positive, negative [..., D] -> []`, or `[...]` with reduction `none`.
 * Formula: `loss = max(0, d(anchor, positive) − d(anchor, negative) + margin)`, `d = ‖x − y + eps‖_p`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if an option is out of range
 * @see Balntas et al. 2016, "Learning Shallow Convolutional Feature Descriptors with Triplet Losses"
 * @example
 * const loss = tripletMarginLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 5.5]])); // 0.5
 */
export const tripletMarginLoss = checked(
  "tripletMarginLoss",
  parameters,
  (anchor: Tensor, like: Tensor, unlike: Tensor, options: TripletMarginLossOptions = {}): Tensor => {
    const { p = 2, eps = 1e-6 } = options;
    const distance = (x1: Tensor, x2: Tensor) => pairwiseDistance(x1, x2, { p, eps });
    return ofDistances("tripletMarginLoss", [anchor, like, unlike], distance, options);
  },
);

/**
 * The layer of `tripletMarginLoss`.
 *
 * Shape: `anchor, positive, negative [..., D] -> []`.
 *
 * @example
 * const loss = new TripletMarginLoss({ margin: 2 })(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 5.5]])); // 1.5
 */
export const TripletMarginLoss = lossLayer("TripletMarginLoss", tripletMarginLoss, parameters);
export type TripletMarginLoss = InstanceType<typeof TripletMarginLoss>;

export const tripletMarginLossEntry = lossEntry("tripletMarginLoss", parameters, tripletMarginLoss, TripletMarginLoss);

/** Options of `tripletMarginWithDistanceLoss`. */
export interface TripletMarginWithDistanceLossOptions extends LossOptions {
  /** Distances of rows: `[..., D], [..., D] -> [...]`. Default `pairwiseDistance`. */
  readonly distanceFunction?: ((x1: Tensor, x2: Tensor) => Tensor) | null;
  /** Difference that the two distances should have. Default 1, range > 0. */
  readonly margin?: number;
  /** Whether the distance of positive and negative counts if it is smaller than that of anchor and negative. Default false. */
  readonly swap?: boolean;
}

const distanceParameters = takes<TripletMarginWithDistanceLossOptions>(
  { anchor: tensorKind, positive: tensorKind, negative: tensorKind },
  { distanceFunction: nullable(callback), margin: positive, swap: flag, reduction: reductionKind },
);

/**
 * `tripletMarginLoss` with a distance of one's own.
 *
 * Shape: `anchor, positive, negative [..., D] -> []`, or `[...]` with reduction `none`.
 * Formula: `loss = max(0, d(anchor, positive) − d(anchor, negative) + margin)`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if an option is out of range, or the distance is no tensor
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_with_distance_loss.html
 * @example
 * const distanceFunction = (x1, x2) => x1.sub(x2).abs().max({ dim: -1 });
 * const loss = tripletMarginWithDistanceLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 4.5]]), { distanceFunction }); // 0.5
 */
export const tripletMarginWithDistanceLoss = checked(
  "tripletMarginWithDistanceLoss",
  distanceParameters,
  (anchor: Tensor, like: Tensor, unlike: Tensor, options: TripletMarginWithDistanceLossOptions = {}): Tensor => {
    const given = options.distanceFunction;
    const distance = (x1: Tensor, x2: Tensor): Tensor => {
      const result: unknown = given ? given(x1, x2) : pairwiseDistance(x1, x2);
      if (result instanceof Tensor) return result;
      const problem = `distanceFunction returned ${spell(result)}, not a tensor`;
      throw configError("tripletMarginWithDistanceLoss", problem, "Is a return missing?");
    };
    return ofDistances("tripletMarginWithDistanceLoss", [anchor, like, unlike], distance, options);
  },
);

/**
 * The layer of `tripletMarginWithDistanceLoss`.
 *
 * Shape: `anchor, positive, negative [..., D] -> []`.
 *
 * @example
 * const distanceFunction = (x1, x2) => x1.sub(x2).abs().max({ dim: -1 });
 * const loss = new TripletMarginWithDistanceLoss({ distanceFunction })(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 4.5]])); // 0.5
 */
export const TripletMarginWithDistanceLoss = lossLayer(
  "TripletMarginWithDistanceLoss",
  tripletMarginWithDistanceLoss,
  distanceParameters,
);
export type TripletMarginWithDistanceLoss = InstanceType<typeof TripletMarginWithDistanceLoss>;

export const tripletMarginWithDistanceLossEntry = lossEntry(
  "tripletMarginWithDistanceLoss",
  distanceParameters,
  tripletMarginWithDistanceLoss,
  TripletMarginWithDistanceLoss,
);

/** The hinge of the distances of an anchor to a like and to an unlike sample. */
function ofDistances(
  op: string,
  [anchor, like, unlike]: readonly [Tensor, Tensor, Tensor],
  distance: (x1: Tensor, x2: Tensor) => Tensor,
  options: TripletMarginWithDistanceLossOptions,
): Tensor {
  const { margin = 1, swap = false, reduction = "mean" } = options;
  checkSameShape(op, { anchor, positive: like, negative: unlike });
  if (anchor.rank === 0) throw shapeError(op, "expected anchor [..., D], got a scalar", "Use vectors");
  const toUnlike = distance(anchor, unlike);
  const between = swap ? distance(like, unlike) : toUnlike;
  const nearest = swap ? between.lt(toUnlike).where(between, toUnlike) : toUnlike;
  return reduce(distance(anchor, like).sub(nearest).add(margin).clamp({ min: 0 }), reduction);
}
