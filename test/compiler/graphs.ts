/** Graphs made by hand, in few words. */
import type { DType } from "../../src/ir/dtype.js";
import { createLeaf, type Node, topological } from "../../src/ir/graph.js";

export const leaf = (shape: readonly number[] = [4, 8], dtype: DType = "f32"): Node => createLeaf(shape, dtype);

/** The ops of a graph in order, leaves left out. */
export const opsOf = (outputs: readonly Node[]): string[] =>
  topological(outputs)
    .filter(({ op }) => op !== "leaf")
    .map(({ op }) => op);

/** A graph as one line, leaves as letters in the order in which they are met. */
export function textOf(node: Node, leaves: readonly Node[]): string {
  const at = leaves.indexOf(node);
  if (at >= 0) return "xyzw"[at];
  const inputs = node.inputs.map((x) => textOf(x, leaves));
  const value = node.op === "const" && "value" in node.attrs ? [String(node.attrs.value)] : [];
  return node.op === "const" ? value[0] : `${node.op}(${inputs.join(", ")})`;
}
