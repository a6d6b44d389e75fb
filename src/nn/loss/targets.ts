/** Checks of class indices, and the classes that they select. This file must not know any loss. */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { arange, isTracing, type Tensor, Variable } from "../../tensor/index.js";
import { availableValues } from "../../tensor/realized.js";
import { DataError } from "../../util/errors.js";
import { shapeText } from "../checks.js";

/** The index that is no class but marks a sample without a target, as in PyTorch. */
export const IGNORED = -100;

/** Throws unless the targets are class indices whose shape fits logits `[N, K, ...]`. */
export function checkTargets(op: string, logits: Tensor, targets: Tensor): void {
  checkLogits(op, logits);
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

/** Throws unless the logits have a batch axis and a class axis. */
export function checkLogits(op: string, logits: Tensor): void {
  if (logits.rank >= 2) return;
  const problem = `expected logits [N, K], got logits ${shapeText(logits.shape)}`;
  throw shapeError(op, problem, "Add the batch axis with logits.unsqueeze(0)");
}

/**
 * Throws for an index that is neither a class nor `ignored`, where the values are known while the graph is built. Within
 * a compiled function they are not; losses of such targets are NaN there.
 */
export function checkClasses(op: string, targets: Tensor, classes: number, ignored: number | null = null): void {
  const wrong = findKnown(targets, (value) => (value < 0 || value >= classes) && value !== ignored);
  if (!wrong) return;
  const problem = `the target ${wrong.value} at position ${wrong.place} is not one of the ${classes} classes 0 to ${classes - 1}`;
  throw new DataError(`[${op}] ${problem}`, { hint: "Number the classes from 0, or give the model more outputs" });
}

/** The values of a tensor, if they are known while the graph is built; else null. */
export function knownValues(x: Tensor): ArrayLike<number> | null {
  if (isTracing() && x instanceof Variable) return null; // later calls read later values
  return availableValues(x.version().node);
}

/** The first value that a test holds for, and its place in row-major order, if the values are known. */
export function findKnown(
  x: Tensor,
  test: (value: number, place: number) => boolean,
): { readonly value: number; readonly place: number } | null {
  const values = knownValues(x);
  if (!values) return null;
  for (let place = 0; place < values.length; place++) {
    if (test(values[place], place)) return { value: values[place], place };
  }
  return null;
}

/** True at the class of each target: `targets [N, ...] -> [N, K, ...]`. */
export function classMask(targets: Tensor, classes: number): Tensor {
  const numbers = arange(classes).reshape([classes, ...targets.shape.slice(1).map(() => 1)]);
  return targets.unsqueeze(1).eq(numbers);
}

/** Whether each target is one of the classes. */
export function inClasses(targets: Tensor, classes: number): Tensor {
  return targets.ge(0).logicalAnd(targets.lt(classes));
}

/** Weights of classes `[K]` as `[1, K, 1, ...]`, to be multiplied with logits of this rank. */
export function alongClasses(op: string, weight: Tensor, logits: Tensor): Tensor {
  const classes = logits.shape[1];
  if (weight.rank !== 1 || weight.shape[0] !== classes) {
    const problem = `expected weight [${classes}] for logits ${shapeText(logits.shape)}, got weight ${shapeText(weight.shape)}`;
    throw shapeError(op, problem, "Use one weight per class");
  }
  return weight.reshape(logits.shape.map((_, axis) => (axis === 1 ? classes : 1)));
}
