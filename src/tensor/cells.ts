/**
 * Cells: mutable references (of parameters, moments, running statistics, counters, learning rates) to immutable nodes,
 * and the trace, which records the cells that a compiled function reads and writes. Must not know methods of tensors.
 */
import type { DType } from "../ir/dtype.js";
import { createLeaf, mixedOwners, type Node, sizeOfShape } from "../ir/graph.js";
import { Storage } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { FoveaError } from "../util/errors.js";
import { callback } from "../util/kinds.js";
import { type Context, currentContext, withContext } from "./context.js";
import type { PendingValue } from "./pending.js";
import { leafOf, leafOfRun, type QueuedRun, realizedLeaf, storageOf } from "./realized.js";

/** The value of a cell before a queued run, and the leaf that receives the new value. */
export interface Replacement {
  readonly cell: Cell;
  readonly before: Node;
  /** True if nothing else refers to the value before, so that its memory may be overwritten. */
  readonly exclusive: boolean;
  readonly after: Node;
}

/** The last valid value before the storage of a failed run; found through several failed runs in sequence. */
const replacedByFailure = new WeakMap<Storage, Node>();

export class Cell {
  private current: Node;
  /** True if code outside a trace has read the current value, which must then not be overwritten in place. */
  private shared = false;
  /** The queued run that computes the current value; null if none does, or it has ended. */
  writer: QueuedRun | null = null;
  /** Adds to the gradient of the variable with this cell. */
  accumulate: (g: Node) => void = () => undefined;
  readonly context: Context;
  /** The current value among those of the context that are not computed yet; null if it is computed. */
  private pending: PendingValue | null = null;

  constructor(initial: Node) {
    this.context = (initial.owner as Context | null) ?? currentContext();
    this.current = this.withOwner(initial);
    this.markPending();
  }

  get dtype(): DType {
    return this.current.dtype;
  }

  /** The node of the present value; within a trace, a placeholder or the node that the trace assigned. */
  read(): Node {
    const { trace } = currentContext();
    if (trace) return trace.read(this);
    const value = this.currentNode();
    const storage = storageOf(value);
    // A queued run overwrites the storage: the reader gets a leaf with the values, or the error, of that run.
    if (this.writer && !this.shared && storage) {
      this.current = leafOfRun(this.writer, storage, value.shape, this.context);
    }
    this.shared = true;
    return this.current;
  }

  write(node: Node): void {
    const { trace } = currentContext();
    if (trace) {
      trace.write(this, node);
      return;
    }
    this.current = this.withOwner(node);
    this.shared = false;
    this.writer = null;
    this.markPending();
  }

  /** The node of the present value, a leaf if it is computed; does not mark the value as shared. */
  currentNode(): Node {
    const leaf = realizedLeaf(this.current);
    if (leaf && leaf !== this.current) {
      this.current = leaf;
      this.unmarkPending();
    }
    return this.current;
  }

  /**
   * Makes the result of a queued run the value. Storage that is not shared is overwritten by the run; everything
   * requested earlier reads it before.
   */
  replace(run: QueuedRun): Replacement {
    const before = this.currentNode();
    const exclusive = !this.shared;
    this.writer = run;
    if (exclusive && storageOf(before)) return { cell: this, before, exclusive, after: before };
    const { shape, dtype } = before;
    const after = leafOf(new Storage(dtype, sizeOfShape(shape)), shape, this.context);
    this.current = after;
    this.shared = false;
    this.unmarkPending();
    return { cell: this, before, exclusive, after };
  }

  /** Must be called when the run that computes the value has ended. */
  replaced(run: QueuedRun): void {
    if (this.writer === run) this.writer = null;
  }

  /** Must be called when the run has failed: restores the value before. */
  restore(run: QueuedRun, { before, exclusive, after }: Replacement, error: unknown): void {
    this.replaced(run);
    const [old, failed] = [storageOf(before), storageOf(after)];
    const isCurrent = storageOf(this.current) === failed;
    if (failed && failed === old) {
      // A reader since then has a leaf that throws the error of the run.
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
    this.shared = !exclusive;
    this.markPending();
  }

  /** A node with the same value that the cell's context owns. */
  private withOwner(node: Node): Node {
    if (node.owner === this.context) return node;
    if (node.owner !== null) throw mixedOwners("assign", this.context, node.owner);
    return { ...node, owner: this.context };
  }

  private markPending(): void {
    this.unmarkPending();
    this.pending = this.context.pending.add(this.current);
  }

  private unmarkPending(): void {
    this.pending?.remove();
    this.pending = null;
  }
}

/** The reads and writes of a compiled function during its trace. */
export class Trace {
  constructor(private readonly context: Context) {}

  readonly placeholders = new Map<Cell, Node>();
  readonly writes = new Map<Cell, Node>();
  /** Gradients, which exist only within the trace. */
  readonly gradients = new Map<Cell, Node | null>();
  /** Host values that the function read before it set them, and their values then: part of the key of its program. */
  readonly hostReads = new Map<HostValue<unknown>, unknown>();
  /** Host values that the function set, and their final values: every call sets them again. */
  readonly hostWrites = new Map<HostValue<unknown>, unknown>();
  /** Functions to run before every call, outside the trace. */
  readonly beforeCalls = new Set<() => void>();

  read(cell: Cell): Node {
    const written = this.writes.get(cell);
    if (written) return written;
    const known = this.placeholders.get(cell);
    if (known) return known;
    if (cell.context !== this.context) throw mixedOwners("compile", this.context, cell.context);
    const { shape, dtype } = cell.currentNode();
    const placeholder = createLeaf(shape, dtype, null, this.context);
    this.placeholders.set(cell, placeholder);
    return placeholder;
  }

  write(cell: Cell, node: Node): void {
    this.read(cell);
    this.writes.set(cell, node);
  }

  /** True if the host values that the function read have the same values now, and cells the same dtypes. */
  isValid(): boolean {
    for (const [cell, leaf] of this.placeholders) if (cell.dtype !== leaf.dtype) return false;
    for (const [host, value] of this.hostReads) if (!host.is(value)) return false;
    return true;
  }

  /** Sets the host values that the function set. */
  replay(): void {
    for (const [host, value] of this.hostWrites) host.value = value;
  }
}

/**
 * A plain host value that compiled functions may read and set, such as the mode of a module. Values that a trace reads
 * are part of the key of its program, so the function is traced again after a change; values that a trace sets are set
 * again by every call. Values are compared by `Object.is`.
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

  /** The present value. A trace records reads and writes. */
  get value(): T {
    const { trace } = currentContext();
    if (trace && !trace.hostWrites.has(this) && !trace.hostReads.has(this)) trace.hostReads.set(this, this.current);
    return this.current;
  }

  set value(value: T) {
    this.current = value;
    currentContext().trace?.hostWrites.set(this, value);
  }

  /** True if the value is the given one; not recorded by a trace. */
  is(value: unknown): boolean {
    return Object.is(this.current, value);
  }
}

export const activeTrace = (): Trace | null => currentContext().trace;

/** @throws FoveaError if a compiled function is being traced, because there are no values then */
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
 * True if new tensors record gradients; false within `noGrad`.
 *
 * @example
 * noGrad(() => isGradEnabled()); // false
 */
export const isGradEnabled = (): boolean => currentContext().gradients;

/**
 * Runs `fn` without recording gradients: `backward` treats its results as constants. Applies to the current context.
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

/** The cell whose value a node is, for cells that require gradients. */
const gradCells = new WeakMap<Node, Cell>();
export const gradCellOf = (node: Node): Cell | undefined => gradCells.get(node);
export function setGradCell(node: Node, cell: Cell): Node {
  gradCells.set(node, cell);
  return node;
}

/** Ends the registration of a node: `backward` accumulates no gradient for its cell any more. */
export function clearGradCell(node: Node): void {
  gradCells.delete(node);
}
