/** The loss of the cosine of two vectors. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { range } from "../../util/kinds.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { checkRank, checkSameShape, checkShapeOf, type LossOptions, reduce, reductionKind } from "./reduction.js";

export interface CosineEmbeddingLossOptions extends LossOptions {
  /** Cosine that unlike vectors may have. Default 0, range −1 to 1. */
  readonly margin?: number;
}

/** Added to squared lengths, as in PyTorch. */
const EPSILON = 1e-12;

const parameters = takes<CosineEmbeddingLossOptions>(
  { x1: tensorKind, x2: tensorKind, target: tensorKind },
  { margin: range(-1, 1), reduction: reductionKind },
);

/**
 * The angle of like vectors is to be small, the cosine of unlike ones at most the margin.
 *
 * Shape: `x1, x2 [N, D], target [N] -> []`, or `[N]` with reduction `none`; `x1, x2 [D], target [] -> []`.
 * Formula: `loss = 1 − cos(x1, x2)` if t = 1, `max(0, cos(x1, x2) − margin)` if t = −1.
 *
 * @param target 1 for like, −1 for unlike vectors
 * @throws ShapeError if the shapes do not fit together; ConfigError if the margin is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html
 * @example
 * const loss = cosineEmbeddingLoss(tensor([[3, 4]]), tensor([[4, 3]]), tensor([1])); // 0.04
 */
export const cosineEmbeddingLoss = checked(
  "cosineEmbeddingLoss",
  parameters,
  (x1: Tensor, x2: Tensor, target: Tensor, options: CosineEmbeddingLossOptions = {}): Tensor => {
    const { margin = 0, reduction = "mean" } = options;
    checkSameShape("cosineEmbeddingLoss", { x1, x2 });
    if (x1.rank !== 1) checkRank("cosineEmbeddingLoss", "x1", x1, 2, "[N, D]");
    checkShapeOf("cosineEmbeddingLoss", "target", target, x1.shape.slice(0, -1));
    const [a, b] = [floats(x1), floats(x2)];
    const squares = (x: Tensor) => x.square().sum({ dim: -1 }).add(EPSILON);
    const cosine = a
      .mul(b)
      .sum({ dim: -1 })
      .div(squares(a).mul(squares(b)).sqrt());
    const like = target.eq(1).where(cosine.neg().add(1), 0);
    return reduce(like.add(target.eq(-1).where(cosine.sub(margin).clamp({ min: 0 }), 0)), reduction);
  },
);

/**
 * The layer of `cosineEmbeddingLoss`.
 *
 * Shape: `x1, x2 [N, D], target [N] -> []`.
 *
 * @example
 * const loss = new CosineEmbeddingLoss()(tensor([[3, 4]]), tensor([[4, 3]]), tensor([-1])); // 0.96
 */
export const CosineEmbeddingLoss = lossLayer("CosineEmbeddingLoss", cosineEmbeddingLoss, parameters);
export type CosineEmbeddingLoss = InstanceType<typeof CosineEmbeddingLoss>;

export const cosineEmbeddingLossEntry = lossEntry(
  "cosineEmbeddingLoss",
  parameters,
  cosineEmbeddingLoss,
  CosineEmbeddingLoss,
);
