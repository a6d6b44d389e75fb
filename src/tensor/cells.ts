/**
 * Cells: the mutable things (parameters, moments, running statistics, counters, the learning rate) that point to immutable
 * nodes, and the trace that records which cells a compiled function reads and writes. Knows nothing of tensors' methods.
 */
import { createLeaf, mixedOwners, type Node, sizeOfShape, topological } from "../ir/graph.js";
import { Storage } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { FoveaError } from "../util/errors.js";
import { callback } from "../util/kinds.js";
import { type Context, currentContext, withContext } from "./context.js";
import { leafAfter, leafOf, type Run, realizedLeaf, storageOf } from "./realized.js";

/** The value of a cell before a queued run, and where that run puts the next one. */
export interface Replacement {
  readonly cell: Cell;
  readonly before: Node;
  /** Whether nobody else has the value before, so that its memory may be used for the next one. */
  readonly own: boolean;
  readonly after: Node;
}

/** What was to be replaced by the storage of a failed run: behind several of those, cells find the last value there was. */
const replacedByFailure = new WeakMap<Storage, Node>();

export class Cell {
  private current: Node;
  /** Whether someone outside a trace has the current value: then it must not be overwritten in place. */
  private lent = false;
  /** The queued run that the current value comes from; null if none does, or it has ended. */
  writer: Run | null = null;
  /** Adds to the gradient of whoever owns the cell. */
  accumulate: (g: Node) => void = () => undefined;
  readonly context: Context;
  private reference: WeakRef<Cell> | null = null;

  constructor(initial: Node) {
    this.context = (initial.owner as Context | null) ?? currentContext();
    this.current = this.claim(initial);
    if (!realizedLeaf(initial)) this.markPending();
  }

  /** The node of the value now: inside a trace, a placeholder or what the trace assigned. */
  read(): Node {
    const { trace } = currentContext();
    if (trace) return trace.read(this);
    const value = this.settled();
    const storage = storageOf(value);
    // Storage that a queued run changes: whoever has it gets what the run leaves there, or its error.
    if (this.writer && !this.lent && storage) {
      this.current = leafAfter(this.writer, storage, value.shape, this.context);
    }
    this.lent = true;
    return this.current;
  }

  write(node: Node): void {
    const { trace } = currentContext();
    if (trace) {
      trace.write(this, node);
      return;
    }
    this.current = this.claim(node);
    this.lent = false;
    this.writer = null;
    if (realizedLeaf(node)) this.unmarkPending();
    else this.markPending();
  }

  /** The value now, as the leaf that holds it if it has been computed; whoever asks does not keep it. */
  settled(): Node {
    const leaf = realizedLeaf(this.current);
    if (leaf && leaf !== this.current) {
      this.current = leaf;
      this.unmarkPending();
    }
    return this.current;
  }

  /**
   * Makes the value what a queued run will give. Storage that nobody else has stays the cell's: the run replaces what is
   * in it, and all that was asked for before reads it before.
   */
  replace(run: Run): Replacement {
    const before = this.settled();
    const own = !this.lent;
    this.writer = run;
    if (own && storageOf(before)) return { cell: this, before, own, after: before };
    const { shape, dtype } = before;
    const after = leafOf(new Storage(dtype, sizeOfShape(shape)), shape, this.context);
    this.current = after;
    this.lent = false;
    this.unmarkPending();
    return { cell: this, before, own, after };
  }

  /** The run that was to replace the value has ended. */
  replaced(run: Run): void {
    if (this.writer === run) this.writer = null;
  }

  /** The run that was to replace the value has failed: the cell has the value before again. */
  restore(run: Run, { before, own, after }: Replacement, error: unknown): void {
    this.replaced(run);
    const [old, failed] = [storageOf(before), storageOf(after)];
    const isCurrent = storageOf(this.current) === failed;
    if (failed && failed === old) {
      // Whoever has read the cell since then has a leaf that knows of the run.
      if (isCurrent) this.current = leafOf(old, before.shape, this.context);
      return;
    }
    const last = (old && replacedByFailure.get(old)) ?? before;
    if (failed) {
      failed.fail(error);
      replacedByFailure.set(failed, last);
    }
    if (!isCurrent) return;
    this.current = last;
    this.lent = !own;
    if (!realizedLeaf(last)) this.markPending();
  }

  /** The node as one that belongs to the cell's context. */
  private claim(node: Node): Node {
    if (node.owner === this.context) return node;
    if (node.owner !== null) throw mixedOwners("assign", this.context, node.owner);
    return { ...node, owner: this.context };
  }

  private markPending(): void {
    this.reference ??= new WeakRef(this);
    this.context.pending ??= new PendingCells();
    this.context.pending.add(this.reference);
  }

  private unmarkPending(): void {
    if (this.reference) this.context.pending?.delete(this.reference);
  }
}

/** Cells of a context whose value has been assigned but not computed. Keeps none of them alive. */
export class PendingCells {
  private readonly references = new Set<WeakRef<Cell>>();

  add(reference: WeakRef<Cell>): void {
    this.references.add(reference);
  }

  delete(reference: WeakRef<Cell>): void {
    this.references.delete(reference);
  }

  /** The values to compute. */
  nodes(): Node[] {
    const found: Node[] = [];
    for (const reference of this.references) {
      const node = reference.deref()?.settled();
      if (!node || realizedLeaf(node)) this.references.delete(reference);
      else found.push(node);
    }
    return found;
  }

  /**
   * The values that are computed from something that the given nodes need and that has not been computed: computing them
   * later would do that again, and would keep everything that it takes until then. What they share must be more than a
   * number, unless they are one: all parameters of all models count from one counter of the random stream.
   */
  related(nodes: readonly Node[]): Node[] {
    if (this.references.size === 0) return [];
    const pending = this.nodes();
    const wanted = new Set(nodes);
    const isKnown = (node: Node) => realizedLeaf(node) !== undefined;
    const isNumber = ({ shape }: Node) => sizeOfShape(shape) === 1;
    /** Nodes that share something, and whether that is more than a number. */
    const shares = new Map<Node, boolean>();
    for (const node of topological(nodes, isKnown)) {
      if (node.op !== "const" && !isKnown(node)) shares.set(node, !isNumber(node));
    }
    for (const node of topological(pending, isKnown)) {
      if (isKnown(node)) continue;
      for (const x of node.inputs) {
        const shared = shares.get(x);
        if (shared !== undefined) shares.set(node, shared || shares.get(node) === true);
      }
    }
    return pending.filter((node) => {
      const shared = shares.get(node);
      return shared !== undefined && (shared || isNumber(node)) && !wanted.has(node);
    });
  }

  /** Leaves values to those who ask for them, such as values that cannot be computed. */
  forget(nodes: readonly Node[]): void {
    const given = new Set(nodes);
    for (const reference of this.references) {
      const node = reference.deref()?.settled();
      if (!node || given.has(node)) this.references.delete(reference);
    }
  }
}

/** What a compiled function reads and writes while it is traced. */
export class Trace {
  constructor(private readonly context: Context) {}

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
    if (cell.context !== this.context) throw mixedOwners("compile", this.context, cell.context);
    const { shape, dtype } = cell.settled();
    const placeholder = createLeaf(shape, dtype, null, this.context);
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
    const { trace } = currentContext();
    if (trace && !trace.left.has(this) && !trace.observed.has(this)) trace.observed.set(this, this.current);
    return this.current;
  }

  set value(value: T) {
    this.current = value;
    currentContext().trace?.left.set(this, value);
  }

  /** Whether the value is the one given; not noted by a trace. */
  is(value: unknown): boolean {
    return Object.is(this.current, value);
  }
}

export const activeTrace = (): Trace | null => currentContext().trace;

/** @throws FoveaError if a compiled function is being traced: there are no values yet */
export function refuseWhileTracing(op: string): void {
  if (!activeTrace()) return;
  throw new FoveaError(`[${op}] values cannot be read while a compiled function is traced`, {
    hint: "Return the tensor from the compiled function and read it there",
  });
}

/** Runs `fn` under a trace. */
export function traced<T>(context: Context, trace: Trace, fn: () => T): T {
  const outer = context.trace;
  context.trace = trace;
  try {
    return withContext(context, fn);
  } finally {
    context.trace = outer;
  }
}

/**
 * Whether what is built now records gradients: not within `noGrad`.
 *
 * @example
 * noGrad(() => isGradEnabled()); // false
 */
export const isGradEnabled = (): boolean => currentContext().gradients;

/**
 * Runs `fn` without recording gradients: what it computes is constant to `backward`. Holds for the current context.
 *
 * @example
 * noGrad(() => weight.assign(weight.mul(0.9)));
 */
export const noGrad = checked("noGrad", takes({ fn: callback }), <T>(fn: () => T): T => {
  const context = currentContext();
  const outer = context.gradients;
  context.gradients = false;
  try {
    return fn();
  } finally {
    context.gradients = outer;
  }
});

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
