/** The hinge loss of an order. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { finite } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { checkSameShape, type LossOptions, reduce, reductionKind } from "./reduction.js";

export interface MarginRankingLossOptions extends LossOptions {
  /** Difference that the two scores should have. Default 0. */
  readonly margin?: number;
}

const parameters = takes<MarginRankingLossOptions>(
  { x1: tensorKind, x2: tensorKind, target: tensorKind },
  { margin: finite, reduction: reductionKind },
);

/**
 * One of two scores is to be larger than the other by the margin.
 *
 * Shape: `x1, x2, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = max(0, −t · (x1 − x2) + margin)`, t = 1 if x1 is to be larger, −1 if x2 is.
 *
 * @param target 1 or −1
 * @throws ShapeError if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html
 * @example
 * const loss = marginRankingLoss(tensor([2, 1]), tensor([1, 3]), tensor([1, 1])); // 1
 */
export const marginRankingLoss = checked(
  "marginRankingLoss",
  parameters,
  (x1: Tensor, x2: Tensor, target: Tensor, options: MarginRankingLossOptions = {}): Tensor => {
    const { margin = 0, reduction = "mean" } = options;
    checkSameShape("marginRankingLoss", { x1, x2, target });
    const order = floats(x1).sub(x2).mul(target);
    return reduce(order.neg().add(margin).clamp({ min: 0 }), reduction);
  },
);

/**
 * The layer of `marginRankingLoss`.
 *
 * Shape: `x1, x2, target of one shape -> []`.
 *
 * @example
 * const loss = new MarginRankingLoss({ margin: 1 })(tensor([2, 1]), tensor([1, 3]), tensor([1, 1])); // 1.5
 */
export const MarginRankingLoss = lossLayer("MarginRankingLoss", marginRankingLoss, parameters);
export type MarginRankingLoss = InstanceType<typeof MarginRankingLoss>;

export const marginRankingLossEntry = lossEntry("marginRankingLoss", parameters, marginRankingLoss, MarginRankingLoss);
