/**
 * Keys of nodes and graphs: texts that are equal exactly if two nodes or graphs compute the same values. A separate
 * file, so that a process finds its program in the cache without loading the compiler.
 */

import { type Node, topological } from "../ir/graph.js";
import { isScalar } from "../ir/scalar/index.js";
import { keyOf } from "../util/json.js";

/** The key of a node, given numbers for its inputs. */
export function structureOf(node: Node, ids: ReadonlyMap<Node, number>): string {
  const inputs = node.inputs.map((x) => ids.get(x)).join(",");
  const attrs = isScalar(node.op) ? "" : keyOf(node.attrs);
  return `${node.op}|${node.dtype}|${node.shape.join("x")}|${attrs}|${inputs}`;
}

/** The key of a graph, under which its program is cached, and its leaves in order. */
export function structureKey(outputs: readonly Node[]): { key: string; leaves: Node[] } {
  const ids = new Map<Node, number>();
  const leaves: Node[] = [];
  const lines: string[] = [];
  for (const node of topological(outputs)) {
    ids.set(node, ids.size);
    if (node.op === "leaf") leaves.push(node);
    lines.push(node.op === "leaf" ? `leaf|${node.dtype}|${node.shape.join("x")}` : structureOf(node, ids));
  }
  lines.push(outputs.map((node) => ids.get(node)).join(","));
  return { key: lines.join("\n"), leaves };
}
