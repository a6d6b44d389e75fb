/** Leaves, the nodes that have values, and the map from a computed node to the leaf with its value. */
import type { TypedArray } from "../ir/dtype.js";
import { createLeaf, type Node, type Owner, type Shape } from "../ir/graph.js";
import { Storage } from "../runtime/index.js";
import { DeviceError } from "../util/errors.js";

const realized = new WeakMap<Node, Node>();

/** A queued run of a program, whose results can be used in expressions before it has ended. */
export class QueuedRun {
  private failure: { readonly error: unknown } | null = null;

  /** True when it has ended successfully. */
  isDone = false;

  fail(error: unknown): void {
    this.failure = { error };
  }

  /** @throws the error of the run, if it failed */
  check(): void {
    if (this.failure) throw this.failure.error;
  }
}

/** The queued run that writes the storage of a leaf; only for leaves that were read while it was queued. */
const sources = new WeakMap<Node, QueuedRun>();

/** A leaf for the values that a queued run will write into storage, which has older values until then. */
export function leafOfRun(run: QueuedRun, storage: Storage, shape: Shape, owner: Owner | null): Node {
  const leaf = leafOf(storage, shape, owner);
  sources.set(leaf, run);
  return leaf;
}

/** Another leaf of the same value, so that gradients distinguish the two. */
export function copyOfLeaf(leaf: Node, storage: Storage): Node {
  const run = sources.get(leaf);
  return run ? leafOfRun(run, storage, leaf.shape, leaf.owner) : leafOf(storage, leaf.shape, leaf.owner);
}

/** A leaf node over storage. */
export const leafOf = (storage: Storage, shape: Shape, owner: Owner | null): Node =>
  createLeaf(shape, storage.dtype, storage, owner);

export const storageOf = ({ storage }: Node): Storage | undefined => (storage instanceof Storage ? storage : undefined);

/** The leaf with the value of a node; undefined if the node is not computed. */
export const realizedLeaf = (node: Node): Node | undefined => (node.op === "leaf" ? node : realized.get(node));

/** Records the value of a node. */
export const realize = (node: Node, storage: Storage): void => {
  realized.set(node, leafOf(storage, node.shape, node.owner));
};

/**
 * The storage of a node's value, which must be a leaf or computed. @throws the error of the run that failed to write it
 */
export function valueStorage(node: Node): Storage {
  const leaf = realizedLeaf(node) ?? node;
  const storage = storageOf(leaf);
  sources.get(leaf)?.check();
  if (!storage) {
    throw new DeviceError("a value of a trace of a compiled function was used after the trace", {
      hint: "Return it from the compiled function",
    });
  }
  return storage;
}

/** The values of a node if they are computed and available without waiting; else null. */
export function availableValues(node: Node): TypedArray | null {
  const leaf = realizedLeaf(node);
  if (!leaf || sources.get(leaf)?.isDone === false) return null;
  return storageOf(leaf)?.peek() ?? null;
}
