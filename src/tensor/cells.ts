/**
 * Cells: the mutable things (parameters, moments, running statistics, counters, the learning rate) that point to immutable
 * nodes, and the trace that records which cells a compiled function reads and writes. Knows nothing of tensors' methods.
 */
import { createLeaf, type Node } from "../ir/graph.js";
import type { Storage } from "../runtime/index.js";
import { leafOf, realizedLeaf, storageOf } from "./session.js";

export class Cell {
  private current: Node;
  /** Whether someone outside a trace holds the current value: then it must not be overwritten in place. */
  private lent = false;
  /** Adds to the gradient of whoever owns the cell. */
  accumulate: (g: Node) => void = () => undefined;

  constructor(initial: Node) {
    this.current = initial;
  }

  /** The node of the value now: inside a trace, a placeholder or what the trace assigned. */
  read(): Node {
    if (active) return active.read(this);
    this.lent = true;
    return this.settled();
  }

  write(node: Node): void {
    if (active) {
      active.write(this, node);
      return;
    }
    this.current = node;
    if (realizedLeaf(node)) assigned.delete(this);
    else assigned.add(this);
  }

  /** The value now, as the leaf that holds it if it has been computed. */
  settled(): Node {
    const leaf = realizedLeaf(this.current);
    if (leaf && leaf !== this.current) {
      this.current = leaf;
      assigned.delete(this);
    }
    return this.current;
  }

  get isLent(): boolean {
    return this.lent;
  }

  storage(): Storage | undefined {
    return storageOf(this.settled());
  }

  /** Takes storage that a program has filled. */
  settle(storage: Storage): void {
    if (this.storage() === storage) return;
    this.current = leafOf(storage, this.current.shape);
    this.lent = false;
    assigned.delete(this);
  }
}

/** Cells whose value has been assigned but not computed. */
const assigned = new Set<Cell>();
export const assignedNodes = (): Node[] => [...assigned].map((cell) => cell.settled());

/** What a compiled function reads and writes while it is traced. */
export class Trace {
  readonly placeholders = new Map<Cell, Node>();
  readonly writes = new Map<Cell, Node>();
  /** Gradients live only inside the trace. */
  readonly gradients = new Map<Cell, Node | null>();

  read(cell: Cell): Node {
    const written = this.writes.get(cell);
    if (written) return written;
    const known = this.placeholders.get(cell);
    if (known) return known;
    const { shape, dtype } = cell.settled();
    const placeholder = createLeaf(shape, dtype);
    this.placeholders.set(cell, placeholder);
    return placeholder;
  }

  write(cell: Cell, node: Node): void {
    this.read(cell);
    this.writes.set(cell, node);
  }
}

let active: Trace | null = null;

export const activeTrace = (): Trace | null => active;

/** Runs `fn` under a trace. */
export function traced<T>(trace: Trace, fn: () => T): T {
  const outer = active;
  active = trace;
  try {
    return fn();
  } finally {
    active = outer;
  }
}

let gradEnabled = true;
export const isGradEnabled = (): boolean => gradEnabled;

/**
 * Runs `fn` without recording gradients: what it computes is constant to `backward`.
 *
 * @example
 * noGrad(() => weight.assign(weight.mul(0.9)));
 */
export function noGrad<T>(fn: () => T): T {
  const outer = gradEnabled;
  gradEnabled = false;
  try {
    return fn();
  } finally {
    gradEnabled = outer;
  }
}

/** Which cell's value a node is, for cells that want gradients. */
const owners = new WeakMap<Node, Cell>();
export const ownerOf = (node: Node): Cell | undefined => owners.get(node);
export function own(node: Node, cell: Cell): Node {
  owners.set(node, cell);
  return node;
}
