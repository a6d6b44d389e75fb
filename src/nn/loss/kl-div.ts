/** The Kullback-Leibler divergence. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { flag, word } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { pair, type Reduction, reduce, sameShaped } from "./reduction.js";
import { timesLog } from "./stable.js";

export interface KlDivOptions {
  /** Whether the target is given as log-probabilities. Default false. */
  readonly logTarget?: boolean;
  /** As of all losses, or `batchmean`: the sum divided by N, which is the divergence as it is defined. Default `mean`. */
  readonly reduction?: Reduction | "batchmean";
}

const parameters = takes<KlDivOptions>(pair, {
  reduction: word(["mean", "sum", "none", "batchmean"]),
  logTarget: flag,
});

/**
 * Kullback-Leibler divergence of predicted log-probabilities from a target distribution.
 *
 * Shape: `x, target [N, ...] of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = t · (log t − x)`, 0 where t = 0.
 *
 * @param prediction x, log-probabilities, such as `logits.logSoftmax(1)`
 * @param expected target, probabilities, or their logarithms with `logTarget`
 * @throws ShapeError if the shapes differ
 * @see Kullback & Leibler 1951, "On Information and Sufficiency"
 * @example
 * const loss = klDiv(tensor([[0.5, 0.5]]).log(), tensor([[0.25, 0.75]]), { reduction: "batchmean" }); // 0.1308
 */
export const klDiv = checked(
  "klDiv",
  parameters,
  (prediction: Tensor, expected: Tensor, options: KlDivOptions = {}): Tensor => {
    const { logTarget = false, reduction = "mean" } = options;
    const { x, target } = sameShaped("klDiv", prediction, expected);
    const losses = logTarget ? target.exp().mul(target.sub(x)) : timesLog(target).sub(target.mul(x));
    if (reduction !== "batchmean") return reduce(losses, reduction);
    if (x.rank === 0) throw shapeError("klDiv", "batchmean needs a batch axis, got a scalar", 'Use reduction "sum"');
    return losses.sum().div(x.shape[0]);
  },
);

/**
 * The layer of `klDiv`.
 *
 * Shape: `x, target [N, ...] of one shape -> []`.
 *
 * @example
 * const loss = new KLDivLoss({ reduction: "sum" })(tensor([[0.5, 0.5]]).log(), tensor([[0.25, 0.75]])); // 0.1308
 */
export const KLDivLoss = lossLayer("KLDivLoss", klDiv, parameters);
export type KLDivLoss = InstanceType<typeof KLDivLoss>;

export const klDivEntry = lossEntry("klDiv", parameters, klDiv, KLDivLoss);
