/** Leaves: the nodes that hold values, and which leaf holds the value of a node that has been computed. */
import type { TypedArray } from "../ir/dtype.js";
import { createLeaf, type Node, type Owner, type Shape } from "../ir/graph.js";
import { Storage } from "../runtime/index.js";
import { DeviceError } from "../util/errors.js";

const realized = new WeakMap<Node, Node>();

/** A queued computation from which values come that may be used before it has run. */
export class Run {
  private failure: { readonly error: unknown } | null = null;

  /** Whether it has run. */
  isDone = false;

  fail(error: unknown): void {
    this.failure = { error };
  }

  /** @throws the error of the run, if it failed */
  check(): void {
    if (this.failure) throw this.failure.error;
  }
}

/** The run that leaves the values in the storage of a leaf, of leaves that others have too. */
const sources = new WeakMap<Node, Run>();

/** A leaf of what a queued run will leave in storage that has other values until then. */
export function leafAfter(run: Run, storage: Storage, shape: Shape, owner: Owner | null): Node {
  const leaf = leafOf(storage, shape, owner);
  sources.set(leaf, run);
  return leaf;
}

/** Another leaf of the same value, so that gradients tell the two apart. */
export function copyOfLeaf(leaf: Node, storage: Storage): Node {
  const run = sources.get(leaf);
  return run ? leafAfter(run, storage, leaf.shape, leaf.owner) : leafOf(storage, leaf.shape, leaf.owner);
}

/** A leaf node over storage. */
export const leafOf = (storage: Storage, shape: Shape, owner: Owner | null): Node =>
  createLeaf(shape, storage.dtype, storage, owner);

export const storageOf = ({ storage }: Node): Storage | undefined => (storage instanceof Storage ? storage : undefined);

/** The leaf that holds the value of a node, if it was computed before. */
export const realizedLeaf = (node: Node): Node | undefined => (node.op === "leaf" ? node : realized.get(node));

/** Remembers the value of a node. */
export const realize = (node: Node, storage: Storage): void => {
  realized.set(node, leafOf(storage, node.shape, node.owner));
};

/** Where the value of a node is kept that is a leaf or has been computed. */
export function ownStorage(node: Node): Storage {
  const leaf = realizedLeaf(node) ?? node;
  const storage = storageOf(leaf);
  sources.get(leaf)?.check();
  if (!storage) {
    throw new DeviceError("a value made while a compiled function was traced was used after the trace", {
      hint: "Return it from the compiled function",
    });
  }
  return storage;
}

/** The values of a node if they have been computed and can be had without waiting. */
export function valuesNow(node: Node): TypedArray | null {
  const leaf = realizedLeaf(node);
  if (!leaf || sources.get(leaf)?.isDone === false) return null;
  return storageOf(leaf)?.peek() ?? null;
}
