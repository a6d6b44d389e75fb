/**
 * Reverse-mode differentiation from graph to graph: the gradient is more graph, built by the op records, so it can be
 * differentiated again. Knows no op by name.
 */
import { isFloat } from "../ir/dtype.js";
import { type Node, topological } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar.js";
import { graph, structuralRecord } from "../ops/index.js";

function inputGradients(node: Node, g: Node): (Node | null)[] {
  if (isScalar(node.op)) {
    return scalarOps[node.op].gradient?.(graph, g, node, ...node.inputs) ?? node.inputs.map(() => null);
  }
  const record = structuralRecord(node);
  return record?.gradient ? record.gradient(graph, g, node as never) : node.inputs.map(() => null);
}

/**
 * Gradients of `output` (weighted by `seed`, of the same shape) with respect to each of `targets`; null where the output
 * does not depend on the target. Nothing flows past a node for which `isBoundary` holds.
 */
export function differentiate(
  output: Node,
  seed: Node,
  targets: readonly Node[],
  isBoundary: (node: Node) => boolean = () => false,
): (Node | null)[] {
  const wanted = new Set(targets);
  const order = topological([output], isBoundary);
  // Only nodes with a target below them carry a gradient.
  const active = new Set<Node>();
  for (const node of order) {
    const passes = node.op !== "detach" && isFloat(node.dtype) && !isBoundary(node);
    if (wanted.has(node) || (passes && node.inputs.some((x) => active.has(x)))) active.add(node);
  }
  const sums = new Map<Node, Node>([[output, seed]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const g = sums.get(node);
    if (!g || !active.has(node) || isBoundary(node) || !node.inputs.some((x) => active.has(x))) continue;
    const partial = inputGradients(node, g);
    node.inputs.forEach((x, k) => {
      const share = partial[k];
      if (!share || !active.has(x)) return;
      const known = sums.get(x);
      sums.set(x, known ? graph.op("add", known, share) : share);
    });
  }
  return targets.map((target) => (active.has(target) ? (sums.get(target) ?? null) : null));
}
