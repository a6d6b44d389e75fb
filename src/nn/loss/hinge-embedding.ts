/** The hinge loss of distances. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { finite } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";

export interface HingeEmbeddingLossOptions extends LossOptions {
  /** Distance that unlike samples should have. Default 1. */
  readonly margin?: number;
}

const parameters = takes<HingeEmbeddingLossOptions>(pair, { margin: finite, reduction: reductionKind });

/**
 * Distances of like samples are to be small, those of unlike ones at least the margin.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = x` if t = 1, `max(0, margin − x)` if t = −1.
 *
 * @param expected target, 1 for like, −1 for unlike samples
 * @throws ShapeError if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html
 * @example
 * const loss = hingeEmbeddingLoss(tensor([2, 0.25]), tensor([1, -1])); // 1.375
 */
export const hingeEmbeddingLoss = checked(
  "hingeEmbeddingLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: HingeEmbeddingLossOptions = {}): Tensor => {
    const { margin = 1, reduction = "mean" } = options;
    const { x, target } = sameShaped("hingeEmbeddingLoss", prediction, expected);
    // As PyTorch, which adds both for a target that is no sign.
    const unlike = target.ne(1).where(x.neg().add(margin).clamp({ min: 0 }), 0);
    return reduce(target.ne(-1).where(x, 0).add(unlike), reduction);
  },
);

/**
 * The layer of `hingeEmbeddingLoss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new HingeEmbeddingLoss({ margin: 2 })(tensor([2, 0.5]), tensor([1, -1])); // 1.75
 */
export const HingeEmbeddingLoss = lossLayer("HingeEmbeddingLoss", hingeEmbeddingLoss, parameters);
export type HingeEmbeddingLoss = InstanceType<typeof HingeEmbeddingLoss>;

export const hingeEmbeddingLossEntry = lossEntry(
  "hingeEmbeddingLoss",
  parameters,
  hingeEmbeddingLoss,
  HingeEmbeddingLoss,
);
