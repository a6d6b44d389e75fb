/**
 * Helpers that build graph for op records and the Tensor API: broadcasting, reductions, and movements that are left out
 * if they change nothing. They must not know the semantics of a particular op.
 */
import { formatShape, type Node, type Shape, sameShape, sizeOfShape } from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import type { Builder } from "./record.js";

export const reshape = (e: Builder, x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : e.make("reshape", [x], {}, { shape });

export const permute = (e: Builder, x: Node, order: readonly number[]): Node =>
  order.every((axis, i) => axis === i) ? x : e.make("permute", [x], { order });

/** Broadcasts to `shape`, NumPy's rule: missing leading axes and axes of size 1 repeat. */
export function broadcast(e: Builder, x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const lifted = [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape];
  return e.make("expand", [reshape(e, x, lifted)], {}, { shape });
}

/** The shape that both broadcast to, or null. */
export function broadcastShapes(a: Shape, b: Shape): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

export const reduceSum = (e: Builder, x: Node, axes: readonly number[]): Node =>
  axes.length === 0 ? x : e.make("reduce", [x], { kind: "sum", axes });

/** Swaps two axes. */
export function swap(e: Builder, x: Node, a: number, b: number): Node {
  const order = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  return permute(e, x, order);
}

/** Throws unless both shapes hold the same number of elements. */
export function checkSameSize(op: string, from: Shape, to: Shape): void {
  if (sizeOfShape(from) !== sizeOfShape(to)) {
    throw new ShapeError(
      `[${op}] ${formatShape(from)} has ${sizeOfShape(from)} elements, ${formatShape(to)} has ${sizeOfShape(to)}`,
    );
  }
}
