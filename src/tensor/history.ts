/**
 * Decides when a computed tensor releases its graph: a value from which no gradient can flow to a parameter does not
 * need it. `grad` differentiates with respect to plain tensors too, so the ids of the nodes in a released graph are
 * recorded, and a gradient that would have flowed through it is an error, not a silent zero.
 */
import { differentiate } from "../autograd/index.js";
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node, topological } from "../ir/graph.js";
import { graph } from "../ops/index.js";
import { FoveaError } from "../util/errors.js";
import { gradCellOf } from "./cells.js";
import { located } from "./check.js";
import { realizedLeaf } from "./realized.js";

/** True for nodes through which no gradient flows to their inputs. */
const stopsGradient = (node: Node): boolean => node.op === "detach" || !isFloat(node.dtype);

const carrying = new WeakMap<Node, boolean>();

/** True if a gradient can flow from a node to a variable that requires one. */
export function carriesGradient(node: Node): boolean {
  const known = (one: Node) => gradCellOf(one) !== undefined || stopsGradient(one) || carrying.has(one);
  for (const one of topological([node], known)) {
    if (gradCellOf(one)) carrying.set(one, true);
    else if (stopsGradient(one)) carrying.set(one, false);
    else if (!carrying.has(one))
      carrying.set(
        one,
        one.inputs.some((x) => carrying.get(x) === true),
      );
  }
  return carrying.get(node) === true;
}

/** Limit of the recorded ids; for larger graphs, which may grow without bound, only the range of ids is recorded. */
const MAX_IDS = 256;

/** The record of a released graph: the nodes through which gradients would have flowed. */
interface Forgotten {
  /** Id of the node whose value the leaf has. */
  readonly id: number;
  readonly oldest: number;
  /** Ids of all nodes; null if there are too many. */
  readonly ids: ReadonlySet<number> | null;
}

const forgotten = new WeakMap<Node, Forgotten>();

/** Records the graph of `node` before a leaf with its value replaces it. */
export function recordForgotten(node: Node, leaf: Node): void {
  if (stopsGradient(node) || forgotten.has(leaf)) return;
  let oldest = node.id;
  const ids = new Set<number>();
  let exact = true;
  for (const one of topological([node], stopsGradient)) {
    if (one.op === "const" || stopsGradient(one)) continue;
    const before = forgotten.get(one);
    oldest = Math.min(oldest, one.id, before?.oldest ?? one.id);
    if (before && !before.ids) exact = false;
    ids.add(one.id);
    for (const id of before?.ids ?? []) ids.add(id);
    if (before) ids.add(before.id);
    if (ids.size > MAX_IDS) exact = false;
    if (!exact) ids.clear();
  }
  ids.delete(node.id);
  forgotten.set(leaf, { id: node.id, oldest, ids: exact ? ids : null });
}

/** The id that a node had before it was computed and released its graph. */
const formerId = (node: Node): number => forgotten.get(node)?.id ?? node.id;

/** True if the released graph of `leaf` contained the node, or may have. */
function mayHaveContained(leaf: Node, node: Node): boolean {
  const before = forgotten.get(leaf);
  if (!before) return false;
  const contains = (id: number) => before.ids?.has(id) ?? (id >= before.oldest && id < before.id);
  return contains(node.id) || contains(formerId(node));
}

/**
 * Gradients as of `differentiate`, with respect to nodes that may have been computed since the output was built: a
 * target stands for itself and for the node that it replaced.
 *
 * @throws FoveaError if a gradient would flow through a released graph
 */
export function gradientsOf(
  output: Node,
  seed: Node,
  targets: readonly Node[],
  isBoundary: (node: Node) => boolean,
): (Node | null)[] {
  const order = topological([output], stopsGradient);
  for (const [i, target] of targets.entries()) {
    const leaf = order.find((one) => mayHaveContained(one, target));
    if (!leaf) continue;
    const what = `a value ${formatShape(leaf.shape)} that the output depends on was read before grad was called`;
    throw new FoveaError(located("grad", `${what}, which ended its dependence on input ${i}`), {
      hint: "Call grad before reading, or make the input with { requiresGrad: true }",
    });
  }
  const byId = new Map(order.map((one) => [one.id, one]));
  // A variable that was computed since then reads as a leaf; the output was built with the previous node.
  const byLeaf = new Map(order.flatMap((one) => (one.op === "leaf" ? [] : [[realizedLeaf(one), one] as const])));
  const same = targets.map((target) => {
    const former = byId.get(formerId(target)) ?? byLeaf.get(target);
    return former && former !== target ? [target, former] : [target];
  });
  const flat = same.flat();
  const found = differentiate(output, seed, flat, isBoundary);
  const at = new Map(found.map((g, i) => [flat[i], g]));
  return same.map((nodes) => {
    const [a = null, b = null] = nodes.flatMap((one) => at.get(one) ?? []);
    return a && b ? graph.op("add", a, b) : a;
  });
}
