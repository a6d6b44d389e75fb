/** Reductions of the losses of a batch, and checks that losses share. This file must not know any loss. */

import { dtypeError, shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";

/** Reduction of the losses of a batch: their mean, their sum, or none. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Reduction: `mean` (default), `sum`, or `none` for the loss of each element. */
  readonly reduction?: Reduction;
}

/** The values of the option `reduction`. */
export const reductionKind = word(["mean", "sum", "none"]);

/** Throws unless the target has the shape of the predictions: broadcasting here is almost always a mistake. */
export function checkSameShape(op: string, x: Tensor, target: Tensor): void {
  if (shapeText(x.shape) === shapeText(target.shape)) return;
  const problem = `shapes differ: x ${shapeText(x.shape)}, target ${shapeText(target.shape)}`;
  const hint =
    x.size === target.size ? "Did you mean target.reshape(x.shape)?" : "Make the target as large as the prediction";
  throw shapeError(op, problem, hint);
}

/** Throws unless the targets are class indices whose shape fits logits `[N, K, ...]`. */
export function checkTargets(op: string, logits: Tensor, targets: Tensor): void {
  if (logits.rank < 2) {
    const problem = `expected logits [N, K], got logits ${shapeText(logits.shape)}`;
    throw shapeError(op, problem, "Add the batch axis with logits.unsqueeze(0)");
  }
  if (targets.dtype !== "i32") {
    const oneHot = shapeText(targets.shape) === shapeText(logits.shape);
    const hint = oneHot ? "Turn one-hot rows into indices with targets.argmax({ dim: 1 })" : 'Use targets.to("i32")';
    throw dtypeError(op, `expected class indices of dtype i32, got targets ${targets.dtype}`, hint);
  }
  const needed = logits.shape.filter((_, axis) => axis !== 1);
  if (shapeText(targets.shape) !== shapeText(needed)) {
    const problem = `expected targets ${shapeText(needed)} for logits ${shapeText(logits.shape)}`;
    const sameSize = targets.size === logits.size / logits.shape[1];
    const hint = sameSize ? "Reshape the targets" : "Give each row one class index";
    throw shapeError(op, `${problem}, got targets ${shapeText(targets.shape)}`, hint);
  }
}

/** Applies a reduction to the losses of all elements. */
export function reduce(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}
