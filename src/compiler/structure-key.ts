/**
 * Keys of nodes and graphs: texts that are equal exactly if the same is computed. A file of its own, so that a program is
 * found in a cache without the rest of the compiler.
 */

import { type Node, topological } from "../ir/graph.js";
import { isScalar } from "../ir/scalar/index.js";
import { keyOf } from "../util/json.js";

/** A text that two nodes share exactly when they compute the same thing. */
export function structureOf(node: Node, ids: ReadonlyMap<Node, number>): string {
  const inputs = node.inputs.map((x) => ids.get(x)).join(",");
  const attrs = isScalar(node.op) ? "" : keyOf(node.attrs);
  return `${node.op}|${node.dtype}|${node.shape.join("x")}|${attrs}|${inputs}`;
}

/** A text that names the structure of a graph: the key under which its program is cached. */
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
