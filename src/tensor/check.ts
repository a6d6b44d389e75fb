/**
 * Argument checks and errors of the Tensor API: messages name the op, the operands, the module, and a fix.
 */
import { promote } from "../ir/dtype.js";
import { formatShape, type Node, type Shape, sameShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { ConfigError, DTypeError, FoveaError, ShapeError } from "../util/errors.js";
import { currentScope } from "../util/scope.js";
import { spell } from "../util/spelling.js";

/** What a function of tensors gives. @throws ConfigError if that is not a tensor, or there is no input */
export function resultOf<T extends object>(op: string, fn: (...inputs: T[]) => T, inputs: readonly T[]): T {
  if (inputs.length === 0) throw new ConfigError(located(op, "got no inputs"), { hint: "Give one tensor or more" });
  const result: unknown = fn(...inputs);
  if (typeof result === "object" && result !== null && "node" in result) return result as T;
  throw new ConfigError(located(op, `the function must give a tensor, got ${spell(result)}`), {
    hint: "Is a return missing, or does it give several? Return one tensor",
  });
}

/** The text of an error: the op first, the module path last. */
export function located(op: string, text: string): string {
  const scope = currentScope();
  return `[${op}] ${text}${scope ? ` (in ${scope})` : ""}`;
}

/** The error of a gradient that nothing would receive. */
export function unconnectedError(op: string): FoveaError {
  return new FoveaError(located(op, "the value depends on no tensor that requires a gradient"), {
    hint: "Are all frozen, or behind detach, noGrad or a comparison? Gradients of other tensors: grad(y, [x])",
  });
}

export function shapeError(op: string, text: string, hint?: string): ShapeError {
  return new ShapeError(located(op, text), hint ? { hint } : {});
}

export function dtypeError(op: string, text: string, hint?: string): DTypeError {
  return new DTypeError(located(op, text), hint ? { hint } : {});
}

/** The axis of `dim`, which counts from the end if negative. */
export function axisOf(op: string, dim: number, shape: Shape): number {
  const axis = dim < 0 ? dim + shape.length : dim;
  if (!Number.isInteger(dim) || axis < 0 || axis >= shape.length) {
    const range = shape.length === 0 ? "it has none" : `valid are ${-shape.length} to ${shape.length - 1}`;
    throw shapeError(op, `dim ${dim} is not in ${formatShape(shape)}: ${range}`);
  }
  return axis;
}

/** The axes of one or several dims; all axes if undefined. */
export function axesOf(op: string, dim: number | readonly number[] | undefined, shape: Shape): number[] {
  if (dim === undefined) return shape.map((_, axis) => axis);
  const axes = (typeof dim === "number" ? [dim] : dim).map((d) => axisOf(op, d, shape));
  if (new Set(axes).size !== axes.length) throw shapeError(op, `dims ${formatShape(axes)} repeat an axis`);
  return axes;
}

export function checkShape(op: string, shape: Shape): void {
  if (shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw shapeError(op, `sizes must be whole and not negative, got ${formatShape(shape)}`);
  }
}

/** Broadcasts and promotes two operands to one shape and dtype. */
export function unify(op: string, a: Node, b: Node): [Node, Node] {
  const shape = helpers.broadcastShapes(a.shape, b.shape);
  if (!shape) {
    const swapped = a.shape.length === 2 && sameShape([...a.shape].reverse(), b.shape);
    const hint = swapped ? "Did you mean b.transpose()?" : "Sizes must be equal or 1, counted from the last axis";
    throw shapeError(op, `shapes do not broadcast: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`, hint);
  }
  const dtype = promote(a.dtype, b.dtype);
  return [helpers.broadcast(graph, graph.cast(a, dtype), shape), helpers.broadcast(graph, graph.cast(b, dtype), shape)];
}
