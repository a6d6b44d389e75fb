/**
 * When a computed tensor may forget how it was computed: a value from which no gradient can flow to a parameter needs
 * its graph no more. `grad` differentiates with respect to plain tensors too, so what a forgotten graph contained is
 * remembered by number, and a gradient that would have flowed through it is an error rather than a silent zero.
 */
import { differentiate } from "../autograd/index.js";
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node, topological } from "../ir/graph.js";
import { graph } from "../ops/index.js";
import { FoveaError } from "../util/errors.js";
import { ownerOf } from "./cells.js";
import { located } from "./check.js";
import { realizedLeaf } from "./realized.js";

/** A gradient never flows through these to their inputs. */
const isEnd = (node: Node): boolean => node.op === "detach" || !isFloat(node.dtype);

const carrying = new WeakMap<Node, boolean>();

/** Whether a gradient can flow from a node back to a value that wants one. */
export function carriesGradient(node: Node): boolean {
  const known = (one: Node) => ownerOf(one) !== undefined || isEnd(one) || carrying.has(one);
  for (const one of topological([node], known)) {
    if (ownerOf(one)) carrying.set(one, true);
    else if (isEnd(one)) carrying.set(one, false);
    else if (!carrying.has(one))
      carrying.set(
        one,
        one.inputs.some((x) => carrying.get(x) === true),
      );
  }
  return carrying.get(node) === true;
}

/** Exact numbers are kept of graphs up to this size; of larger ones, which may grow without end, only the range. */
const MOST_IDS = 256;

/** The nodes of a forgotten graph through which gradients would have flowed. */
interface Forgotten {
  /** Number of the node whose value the leaf holds. */
  readonly id: number;
  readonly oldest: number;
  /** Numbers of all nodes; null if there are too many. */
  readonly ids: ReadonlySet<number> | null;
}

const forgotten = new WeakMap<Node, Forgotten>();

/** Notes what the graph of `node` contained, before a leaf of its value takes its place. */
export function forget(node: Node, leaf: Node): void {
  if (isEnd(node) || forgotten.has(leaf)) return;
  let oldest = node.id;
  const ids = new Set<number>();
  let exact = true;
  for (const one of topological([node], isEnd)) {
    if (one.op === "const" || isEnd(one)) continue;
    const before = forgotten.get(one);
    oldest = Math.min(oldest, one.id, before?.oldest ?? one.id);
    if (before && !before.ids) exact = false;
    ids.add(one.id);
    for (const id of before?.ids ?? []) ids.add(id);
    if (before) ids.add(before.id);
    if (ids.size > MOST_IDS) exact = false;
    if (!exact) ids.clear();
  }
  ids.delete(node.id);
  forgotten.set(leaf, { id: node.id, oldest, ids: exact ? ids : null });
}

/** The number that a node had before it was computed and forgot its graph. */
const formerId = (node: Node): number => forgotten.get(node)?.id ?? node.id;

/** Whether the graph that `leaf` has forgotten contained the node, or may have. */
function mayHaveContained(leaf: Node, node: Node): boolean {
  const before = forgotten.get(leaf);
  if (!before) return false;
  const contains = (id: number) => before.ids?.has(id) ?? (id >= before.oldest && id < before.id);
  return contains(node.id) || contains(formerId(node));
}

/**
 * Gradients as `differentiate` gives them, with respect to nodes that may have been computed since the output was built:
 * a target counts as itself and as the node that it was before.
 *
 * @throws FoveaError if a gradient would flow through a graph that was forgotten
 */
export function gradientsOf(
  output: Node,
  seed: Node,
  targets: readonly Node[],
  isBoundary: (node: Node) => boolean,
): (Node | null)[] {
  const order = topological([output], isEnd);
  for (const [i, target] of targets.entries()) {
    const leaf = order.find((one) => mayHaveContained(one, target));
    if (!leaf) continue;
    const what = `a value ${formatShape(leaf.shape)} that the output depends on was read before grad was called`;
    throw new FoveaError(located("grad", `${what}, which ended its dependence on input ${i}`), {
      hint: "Call grad before reading, or make the input with { requiresGrad: true }",
    });
  }
  const byId = new Map(order.map((one) => [one.id, one]));
  // A variable that was computed since reads as the leaf of its value; the output was built with the node before.
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
