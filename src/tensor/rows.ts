/** Ops over rows on nodes of any rank: the axes from one on are the elements of a row. */
import { type Node, type StructuralAttrs, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";

/** Applies an op to the rows of a node, and gives the result the node's shape. */
export function byRows<K extends "softmax" | "standardise">(
  x: Node,
  from: number,
  op: K,
  attrs: StructuralAttrs[K],
): Node {
  const rows = [sizeOfShape(x.shape.slice(0, from)), sizeOfShape(x.shape.slice(from))];
  return helpers.reshape(graph, graph.make(op, [helpers.reshape(graph, x, rows)], attrs), x.shape);
}
