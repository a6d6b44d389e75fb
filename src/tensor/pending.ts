/**
 * Pending values: values that were assigned (to a variable, or as a gradient) and are not computed yet. A request also
 * computes the pending values that share its work. Which ones follows from the operations of the program and their
 * order alone, never from the garbage collector: a pending value is held by the graph that it shares, so it lives as
 * long as that graph does, whether or not anything else refers to it. Must not know cells.
 */
import { type Node, sizeOfShape, topological } from "../ir/graph.js";
import { realizedLeaf } from "./realized.js";

const isNumber = ({ shape }: Node): boolean => sizeOfShape(shape) === 1;
/** True for nodes that cost no work: computed values and constants. */
const isFree = (node: Node): boolean => node.op === "const" || realizedLeaf(node) !== undefined;

/** A pending value, in the component of the graph that it belongs to. */
export class PendingValue {
  constructor(
    readonly node: Node,
    /** Position in the order of assignments. */
    readonly order: number,
    private readonly component: Component,
  ) {
    component.root().values.add(this);
  }

  /** Must be called when the value is computed, or has been replaced by another assignment. */
  remove(): void {
    this.component.root().values.delete(this);
  }
}

/** A set of uncomputed nodes that are connected, and the pending values among them: a node of a union-find forest. */
class Component {
  private parent: Component | null = null;
  values = new Set<PendingValue>();

  root(): Component {
    let root: Component = this;
    while (root.parent) root = root.parent;
    for (let one: Component = this; one.parent; ) {
      const next: Component = one.parent;
      one.parent = root;
      one = next;
    }
    return root;
  }

  /** Joins two components. @returns the root of both */
  join(other: Component): Component {
    const [a, b] = [this.root(), other.root()];
    if (a === b) return a;
    const [small, large] = a.values.size < b.values.size ? [a, b] : [b, a];
    for (const value of small.values) large.values.add(value);
    small.values = new Set();
    small.parent = large;
    return large;
  }
}

/**
 * Components of the uncomputed nodes that pending values depend on. Each node is visited once, so that registering n
 * values of one graph takes time linear in the graph. Components are joined and never split: values of one component
 * need not share work any more, so they are only the candidates.
 */
class Components {
  /** The component of a node; null for one that starts none and depends on none. */
  private readonly known = new WeakMap<Node, Component | null>();

  /** @param starts - the nodes that make those that read them one component; others only pass a component on */
  constructor(private readonly starts: (node: Node) => boolean) {}

  /** The component that holds the node and everything uncomputed that it depends on. */
  cover(root: Node): Component {
    for (const node of this.reach([root])) {
      if (this.known.has(node)) continue;
      let component: Component | null = null;
      for (const x of node.inputs) {
        const other: Component | null = isFree(x) ? null : (this.known.get(x) ?? null);
        if (other) component = component ? component.join(other) : other.root();
      }
      this.known.set(node, component ?? (this.starts(node) ? new Component() : null));
    }
    const found = this.known.get(root);
    if (!found) throw new Error("a pending value starts no component");
    return found;
  }

  /** The pending values of all components that the nodes depend on. */
  valuesNear(roots: readonly Node[]): PendingValue[] {
    const found = new Set<Component>();
    for (const node of this.reach(roots)) {
      const component = this.known.get(node);
      if (component) found.add(component.root());
    }
    return [...found].flatMap(({ values }) => [...values]);
  }

  /** The uncomputed nodes that the roots depend on, up to the first ones of known components. */
  private reach(roots: readonly Node[]): Node[] {
    return topological(roots, (node) => isFree(node) || this.known.has(node)).filter((node) => !isFree(node));
  }
}

/** The pending values of a context. */
export class PendingValues {
  /**
   * Sharing a single number does not count unless the pending value itself is a number, because all parameters of all
   * models depend on one counter of the random stream. So there are components for each of the two kinds of values.
   */
  private readonly arrays = new Components((node) => !isNumber(node));
  private readonly numbers = new Components(() => true);
  private count = 0;

  /** Registers an assigned value; null if it needs no computation. */
  add(node: Node): PendingValue | null {
    if (isFree(node)) return null;
    const component = (isNumber(node) ? this.numbers : this.arrays).cover(node);
    return new PendingValue(node, this.count++, component);
  }

  /**
   * Candidates for {@link related}, in the order of their assignment. To be taken when the nodes are requested, so that
   * what is computed does not depend on how far earlier requests have come.
   */
  near(nodes: readonly Node[]): readonly PendingValue[] {
    const wanted = nodes.filter((node) => !isFree(node));
    if (wanted.length === 0) return [];
    return [...this.arrays.valuesNear(wanted), ...this.numbers.valuesNear(wanted)].sort((a, b) => a.order - b.order);
  }
}

/**
 * The candidates that share uncomputed nodes with the given nodes, apart from these: computing them later would repeat
 * that work, and would retain its inputs until then.
 */
export function related(nodes: readonly Node[], candidates: readonly PendingValue[]): PendingValue[] {
  const pending = candidates.filter(({ node }) => !isFree(node));
  if (pending.length === 0) return [];
  const isKnown = (node: Node) => realizedLeaf(node) !== undefined;
  /** Nodes that share an uncomputed node, and whether that is more than a number. */
  const shares = new Map<Node, boolean>();
  for (const node of topological(nodes, isKnown)) if (!isFree(node)) shares.set(node, !isNumber(node));
  const values = pending.map(({ node }) => node);
  for (const node of topological(values, isKnown)) {
    if (isKnown(node)) continue;
    for (const x of node.inputs) {
      const shared = shares.get(x);
      if (shared !== undefined) shares.set(node, shared || shares.get(node) === true);
    }
  }
  const wanted = new Set(nodes);
  return pending.filter(({ node }) => {
    const shared = shares.get(node);
    return shared !== undefined && (shared || isNumber(node)) && !wanted.has(node);
  });
}
