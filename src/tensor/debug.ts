/**
 * FOVEA_DEBUG: 1 prints the time of every kernel of every run (by the device), 2 also the plan, 3 also the graph after
 * simplification, 4 also the text of kernels (by the device). Only prints.
 */
import { formatShape, type Node, topological } from "../ir/graph.js";
import { environment } from "../util/host.js";

const debugLevel = Number(environment.FOVEA_DEBUG ?? 0) || 0;

function describe(outputs: readonly Node[]): string {
  const ids = new Map<Node, number>();
  return topological(outputs)
    .map((node) => {
      ids.set(node, ids.size);
      const inputs = node.inputs.map((x) => `%${ids.get(x)}`).join(", ");
      const attrs = Object.keys(node.attrs).length > 0 && node.op !== "leaf" ? ` ${JSON.stringify(node.attrs)}` : "";
      return `  %${ids.get(node)} = ${node.op}(${inputs})${attrs} : ${node.dtype}${formatShape(node.shape)}`;
    })
    .join("\n");
}

/** Prints a compiler stage if the debug level includes it. */
export function traceStage(stage: string, outputs: readonly Node[]): void {
  const level = stage === "plan" ? 2 : 3;
  if (debugLevel >= level) console.error(`[fovea] ${stage}\n${describe(outputs)}`);
}
