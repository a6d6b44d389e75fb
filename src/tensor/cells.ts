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
  /** Host values that the function read before it set them: what they were is part of the key of its program. */
  readonly observed = new Map<HostValue<unknown>, unknown>();
  /** Host values that the function set, as it left them: every call sets them again. */
  readonly left = new Map<HostValue<unknown>, unknown>();
  /** What runs before every call, outside of the trace. */
  readonly calls = new Set<() => void>();

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

  /** Whether the host values that the function read are now what they were then. */
  holds(): boolean {
    for (const [host, value] of this.observed) if (!host.is(value)) return false;
    return true;
  }

  /** Sets the host values that the function set. */
  replay(): void {
    for (const [host, value] of this.left) host.value = value;
  }
}

/**
 * A plain value of the host that code inside compiled functions may read and set, such as a module's mode: what a trace
 * reads is part of the key of its program, so a function that is called after the value has changed is traced again; what
 * a trace sets, every call sets again. Values are compared by `Object.is`.
 *
 * @example
 * const scale = new HostValue(2);
 * const scaled = compile((x: Tensor) => x.mul(scale.value));
 * await scaled(ones([2])); // [2, 2]
 * scale.value = 3;
 * await scaled(ones([2])); // [3, 3]
 */
export class HostValue<T> {
  private current: T;

  constructor(initial: T) {
    this.current = initial;
  }

  /** The value now. A trace notes what it reads, and what it sets. */
  get value(): T {
    if (active && !active.left.has(this) && !active.observed.has(this)) active.observed.set(this, this.current);
    return this.current;
  }

  set value(value: T) {
    this.current = value;
    active?.left.set(this, value);
  }

  /** Whether the value is the one given; not noted by a trace. */
  is(value: unknown): boolean {
    return Object.is(this.current, value);
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

/** Makes the value of a cell that wants gradients no longer a constant to `backward`. */
export function disown(node: Node): void {
  owners.delete(node);
}
