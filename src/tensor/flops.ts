/** Counts the work of a graph by the records of its ops; it must not know any op itself. */
import { type Node, type StructuralName, topological } from "../ir/graph.js";
import { structuralRecord } from "../ops/index.js";
import type { Tensor } from "./tensor.js";

/**
 * Multiply-adds of the convolutions and matrix products behind tensors, each counted once. Nothing is computed; what was
 * computed before and needs no graph any more counts as an input.
 *
 * @example
 * multiplyAdds(zeros([2, 3]).matmul(zeros([3, 4]))); // 24
 */
export function multiplyAdds(...tensors: readonly Tensor[]): number {
  return topological(tensors.map((x) => x.node)).reduce((sum, node) => {
    const count = structuralRecord(node)?.multiplyAdds;
    return sum + (count ? count(node as Node<StructuralName>) : 0);
  }, 0);
}
