/** Contrastive losses: representations of like samples are to be similar, those of all others not. */
import { shapeError } from "../../tensor/check.js";
import { arange, concat, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import {
  checkIndices,
  checkRank,
  checkSameShape,
  checkShapeOf,
  type LossOptions,
  positive,
  reduce,
  reduceWeighted,
  reductionKind,
} from "./reduction.js";
import { lengthOf, logSumExp, raised } from "./stable.js";

/** Options of contrastive losses. */
export interface ContrastiveOptions extends LossOptions {
  /** Temperature τ that divides the cosines; range > 0. Default 0.5 (`ntXent`), 0.07 (`infoNce`, `supCon`). */
  readonly temperature?: number;
}

const contrastive = { temperature: positive, reduction: reductionKind };

/** Rows divided by their lengths. */
const unit = (x: Tensor): Tensor => x.div(raised(lengthOf(x, -1), 1e-8));

export interface InfoNceOptions extends ContrastiveOptions {
  /** Further negatives of all queries, `[M, D]`, such as the queue of MoCo. Default none. */
  readonly negatives?: Tensor | null;
}

const infoNceParameters = takes<InfoNceOptions>(
  { query: tensorKind, key: tensorKind },
  { negatives: nullable(tensorKind), ...contrastive },
);

/**
 * InfoNCE: each query is to be most similar to its own key among all keys of the batch.
 *
 * Shape: `query, key [N, D] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss_i = −log( exp(s_ii) / Σ_j exp(s_ij) )`, `s_ij = cos(query_i, key_j) / τ`.
 *
 * @throws ShapeError if the shapes do not fit together; ConfigError if the temperature is not positive
 * @see van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", arXiv:1807.03748
 * @example
 * const loss = infoNce(tensor([[1, 0], [0, 1]]), tensor([[1, 0], [0, 1]]), { temperature: 1 }); // 0.3133
 */
export const infoNce = checked(
  "infoNce",
  infoNceParameters,
  (query: Tensor, key: Tensor, options: InfoNceOptions = {}): Tensor => {
    const { temperature = 0.07, negatives, reduction = "mean" } = options;
    checkRank("infoNce", "query", query, 2, "[N, D]");
    checkSameShape("infoNce", { query, key });
    const [q, k] = [unit(floats(query)), unit(floats(key))];
    const own = q.mul(k).sum({ dim: 1 }).div(temperature); // [N]
    const keys = negatives ? concat([k, unit(checkNegatives(negatives, query))]) : k;
    const scores = q.matmul(keys.transpose()).div(temperature); // [N, N + M]
    return reduce(logSumExp(scores, 1).sub(own), reduction);
  },
);

function checkNegatives(negatives: Tensor, query: Tensor): Tensor {
  const D = query.shape[1];
  if (negatives.rank === 2 && negatives.shape[1] === D) return floats(negatives);
  const problem = `expected negatives [M, ${D}], got negatives ${shapeText(negatives.shape)}`;
  throw shapeError("infoNce", problem, "Use representations of the size of the queries");
}

const ntXentParameters = takes<ContrastiveOptions>({ x1: tensorKind, x2: tensorKind }, contrastive);

/**
 * NT-Xent, the loss of SimCLR: of two views of each sample, each is to be most similar to the other among all 2N views.
 *
 * Shape: `x1, x2 [N, D] -> []`, or `[2N]` with reduction `none`, the views of `x1` first.
 * Formula: `loss_i = −log( exp(s_ij) / Σ_{k ≠ i} exp(s_ik) )`, j the other view, `s_ij = cos(z_i, z_j) / τ`.
 *
 * @throws ShapeError if the shapes differ; ConfigError if the temperature is not positive
 * @see Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations", arXiv:2002.05709
 * @example
 * const loss = ntXent(tensor([[1, 0], [0, 1]]), tensor([[1, 0], [0, 1]]), { temperature: 1 }); // 0.5514
 */
export const ntXent = checked(
  "ntXent",
  ntXentParameters,
  (x1: Tensor, x2: Tensor, options: ContrastiveOptions = {}): Tensor => {
    const { temperature = 0.5, reduction = "mean" } = options;
    checkRank("ntXent", "x1", x1, 2, "[N, D]");
    checkSameShape("ntXent", { x1, x2 });
    const [first, second] = [unit(floats(x1)), unit(floats(x2))];
    const own = first.mul(second).sum({ dim: 1 }).div(temperature); // [N]
    const views = concat([first, second]);
    return reduce(logSumExp(scoresOfOthers(views, temperature), 1).sub(concat([own, own])), reduction);
  },
);

/** Cosines of all pairs divided by the temperature, −∞ for a vector and itself: `[N, D] -> [N, N]`. */
function scoresOfOthers(units: Tensor, temperature: number): Tensor {
  const isSelf = selfMask(units.shape[0]);
  return isSelf.where(Number.NEGATIVE_INFINITY, units.matmul(units.transpose()).div(temperature));
}

const selfMask = (n: number): Tensor => arange(n).unsqueeze(1).eq(arange(n).unsqueeze(0));

const supConParameters = takes<ContrastiveOptions>({ x: tensorKind, labels: tensorKind }, contrastive);

/**
 * Supervised contrastive loss: each representation is to be similar to all others of its class. Samples that are alone in
 * their class have no loss and do not count in the mean.
 *
 * Shape: `x [N, D], labels [N] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss_i = −1/|P_i| · Σ_{p ∈ P_i} log( exp(s_ip) / Σ_{k ≠ i} exp(s_ik) )`, `P_i` the others of the class of i,
 * `s_ij = cos(x_i, x_j) / τ`.
 *
 * @param labels class of each row, i32
 * @throws ShapeError if the shapes do not fit together; DTypeError if the labels are not i32; ConfigError if the
 * temperature is not positive
 * @see Khosla et al. 2020, "Supervised Contrastive Learning", arXiv:2004.11362
 * @example
 * const labels = tensor([0, 0, 1, 1], { dtype: "i32" });
 * const loss = supCon(tensor([[1, 0], [1, 0], [0, 1], [0, 1]]), labels, { temperature: 1 }); // 0.5514
 */
export const supCon = checked(
  "supCon",
  supConParameters,
  (x: Tensor, labels: Tensor, options: ContrastiveOptions = {}): Tensor => {
    const { temperature = 0.07, reduction = "mean" } = options;
    checkRank("supCon", "x", x, 2, "[N, D]");
    checkIndices("supCon", "labels", labels);
    const N = x.shape[0];
    checkShapeOf("supCon", "labels", labels, [N]);
    const scores = scoresOfOthers(unit(floats(x)), temperature);
    const sameClass = labels.unsqueeze(1).eq(labels.unsqueeze(0));
    const isPositive = sameClass.logicalAnd(selfMask(N).logicalNot()); // [N, N]
    const counts = isPositive.sum({ dim: 1 });
    const hasPositive = counts.gt(0);
    const mean = isPositive.where(scores, 0).sum({ dim: 1 }).div(hasPositive.where(counts, 1).to(scores.dtype));
    const losses = hasPositive.where(logSumExp(scores, 1).sub(mean), 0);
    return reduceWeighted(losses, hasPositive.to(scores.dtype), reduction);
  },
);

export const infoNceEntry = lossEntry("infoNce", infoNceParameters, infoNce);
export const ntXentEntry = lossEntry("ntXent", ntXentParameters, ntXent);
export const supConEntry = lossEntry("supCon", supConParameters, supCon);
