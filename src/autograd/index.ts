/**
 * Reverse-mode differentiation from graph to graph: the op records build the gradient as a graph, so it can be
 * differentiated again. The gradient of a node has the node's module path as its origin. It must not know ops by name.
 */
import { isFloat } from "../ir/dtype.js";
import { type Node, topological } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import { graph, isStructural, rebuild, structuralRecord } from "../ops/index.js";
import { FoveaError } from "../util/errors.js";
import { type Origin, withOrigin } from "../util/scope.js";

function inputGradients(node: Node, g: Node): (Node | null)[] {
  if (isScalar(node.op)) {
    return scalarOps[node.op].gradient?.(graph, g, node, ...node.inputs) ?? node.inputs.map(() => null);
  }
  const record = isStructural(node) ? structuralRecord(node) : null;
  if (!record?.gradient || !isStructural(node)) return node.inputs.map(() => null);
  if (record.gradient !== "decomposed") return record.gradient(graph, g, node);
  if (!record.decompose) throw new FoveaError(`[${node.op}] has no decomposition to differentiate`);
  return differentiate(record.decompose(graph, node), g, node.inputs, (x) => node.inputs.includes(x));
}

/** Whether the node only moves its input, so that its gradient is still that of a weight if the input is one. */
const isMoved = (node: Node): boolean => node.inputs.length === 1 && structuralRecord(node)?.kind === "movement";

/** The same expression with origin `to` in place of `from`; it visits only the few nodes of one op's gradient. */
function relabel(node: Node, from: Origin, to: Origin): Node {
  const named = new Map<Node, Node>();
  for (const each of topological([node], ({ origin }) => origin !== from)) {
    const inputs = each.inputs.map((x) => named.get(x) ?? x);
    named.set(each, each.origin === from ? rebuild(each, inputs, to) : each);
  }
  return named.get(node) ?? node;
}

/**
 * Gradients of `output` (weighted by `seed`, of the same shape) with respect to each of `targets`; null where the
 * output does not depend on the target. Nothing flows past a node for which `isBoundary` holds.
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
  const weights = new Set<Node>();
  for (const node of order) {
    const passes = node.op !== "detach" && isFloat(node.dtype) && !isBoundary(node);
    if (wanted.has(node) || (passes && node.inputs.some((x) => active.has(x)))) active.add(node);
    if (wanted.has(node) || (active.has(node) && isMoved(node) && weights.has(node.inputs[0]))) weights.add(node);
  }
  const sums = new Map<Node, Node>([[output, seed]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const g = sums.get(node);
    if (!g || !active.has(node) || isBoundary(node) || !node.inputs.some((x) => active.has(x))) continue;
    const { path } = node.origin;
    // Objects of their own for every node: they tell what was built for this one.
    const weight: Origin = { path, role: "weight gradient" };
    const alone = node.inputs.every((x) => weights.has(x) || !active.has(x));
    const origin: Origin = alone ? weight : { path, role: "input gradient" };
    const partial = withOrigin(origin, () => inputGradients(node, g));
    node.inputs.forEach((x, k) => {
      const share = partial[k];
      if (!share || !active.has(x)) return;
      const own = !alone && weights.has(x) ? relabel(share, origin, weight) : share;
      const known = sums.get(x);
      sums.set(x, known ? withOrigin(known.origin, () => graph.op("add", known, own)) : own);
    });
  }
  return targets.map((target) => (active.has(target) ? (sums.get(target) ?? null) : null));
}
