/**
 * Counts the work and memory of graphs by the records of their ops. Must not know ops itself.
 */
import { sizeOf } from "../ir/dtype.js";
import { topological } from "../ir/graph.js";
import { multiplyAddsOf } from "../ops/index.js";
import { checked, takes } from "../util/arguments.js";
import { repeated } from "../util/kinds.js";
import { Trace, traced } from "./cells.js";
import { currentContext } from "./context.js";
import type { Tensor } from "./tensor.js";
import { tensorKind } from "./tensor.js";

/**
 * Multiply-adds of the convolutions and matrix products that tensors depend on, each counted once. Nothing is computed;
 * values that were computed before and released their graph count as inputs.
 *
 * @example
 * multiplyAdds(zeros([2, 3]).matmul(zeros([3, 4]))); // 24
 */
export const multiplyAdds = checked(
  "multiplyAdds",
  takes({ tensors: repeated(tensorKind) }),
  (...tensors: readonly Tensor[]): number => {
    return [...multiplyAddsByPath(...tensors).values()].reduce((sum, count) => sum + count, 0);
  },
);

/** As {@link multiplyAdds}, by module path (see `Origin`). */
export function multiplyAddsByPath(...tensors: readonly Tensor[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of topological(tensors.map((x) => x.node))) {
    const count = multiplyAddsOf(node);
    if (count > 0) counts.set(node.origin.path, (counts.get(node.origin.path) ?? 0) + count);
  }
  return counts;
}

/** Bytes of the values of a tensor. */
export const bytesOf = ({ size, dtype }: Tensor): number => size * sizeOf(dtype);

/** Runs `fn` to build a graph; its assignments to variables are discarded. */
export function buildOnly<T>(fn: () => T): T {
  const context = currentContext();
  return traced(context, new Trace(context), fn);
}
