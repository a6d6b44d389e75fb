/** The likelihood of a Poisson distribution. */
import type { Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { flag, range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { type LossOptions, pair, reduce, reductionKind, sameShaped } from "./reduction.js";
import { timesLog } from "./stable.js";

export interface PoissonNllLossOptions extends LossOptions {
  /** Whether x is the logarithm of the rate. Default true. */
  readonly logInput?: boolean;
  /** Whether to add Stirling's approximation of `log target!`, for targets above 1. Default false. */
  readonly full?: boolean;
  /** Added to the rate before its logarithm, without `logInput`. Default 1e-8, range ≥ 0. */
  readonly eps?: number;
}

const parameters = takes<PoissonNllLossOptions>(pair, {
  logInput: flag,
  full: flag,
  eps: range(0, Number.POSITIVE_INFINITY),
  reduction: reductionKind,
});

/**
 * Negative log-likelihood of counts under Poisson distributions whose rates are predicted.
 *
 * Shape: `x, target of one shape -> []`, or that shape with reduction `none`.
 * Formula: `loss = e^x − target · x`; without `logInput`, `x − target · log(x + eps)`; `full` adds `t log t − t +
 * log(2πt) / 2`.
 *
 * @param expected target, counts
 * @throws ShapeError if the shapes differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html
 * @example
 * const loss = poissonNllLoss(tensor([0, 1]), tensor([1, 3])); // 0.3591
 */
export const poissonNllLoss = checked(
  "poissonNllLoss",
  parameters,
  (prediction: Tensor, expected: Tensor, options: PoissonNllLossOptions = {}): Tensor => {
    const { logInput = true, full = false, eps = 1e-8, reduction = "mean" } = options;
    const { x, target } = sameShaped("poissonNllLoss", prediction, expected);
    const losses = logInput ? x.exp().sub(target.mul(x)) : x.sub(target.mul(x.add(eps).log()));
    if (!full) return reduce(losses, reduction);
    const isLarge = target.gt(1);
    const t = isLarge.where(target, 1);
    const stirling = timesLog(t)
      .sub(t)
      .add(
        t
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    return reduce(losses.add(isLarge.where(stirling, 0)), reduction);
  },
);

/**
 * The layer of `poissonNllLoss`.
 *
 * Shape: `x, target of one shape -> []`.
 *
 * @example
 * const loss = new PoissonNLLLoss({ logInput: false })(tensor([1, 1]), tensor([1, 3])); // 1
 */
export const PoissonNLLLoss = lossLayer("PoissonNLLLoss", poissonNllLoss, parameters);
export type PoissonNLLLoss = InstanceType<typeof PoissonNLLLoss>;

export const poissonNllLossEntry = lossEntry("poissonNllLoss", parameters, poissonNllLoss, PoissonNLLLoss);
