/**
 * Finds the values that kernels with an anchor store: from each reduction or contraction it follows the element-wise
 * consumers, which form the epilogue and are computed in registers, up to the last. It must not know loops, nor which
 * other values are stored.
 */
import { isOp, type Node, sameShape, sizeOfShape, topological } from "../ir/graph.js";
import { isScalar } from "../ir/scalar/index.js";
import { structuralRecord } from "../ops/index.js";
import { FoveaError } from "../util/errors.js";

/** Which values are stored: the results of kernels with an anchor, outputs, leaves and fusion boundaries. */
export interface Roots {
  /** All nodes, inputs before users. */
  readonly order: readonly Node[];
  /** The positions of nodes in that order. */
  readonly positions: ReadonlyMap<Node, number>;
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  readonly stored: ReadonlySet<Node>;
  /** The anchor of the kernel that stores a value. */
  readonly anchorOf: ReadonlyMap<Node, Node>;
  /** Nodes between an anchor and its root: they stay in registers. */
  readonly inRegisters: ReadonlySet<Node>;
}

/** Most elements of a reduction that is inlined into its readers. */
const MAX_INLINE_REDUCTION = 9;
/** Most operands of a concatenation that is inlined; those of a longer one are copied, each into its slice. */
const MAX_INLINE_PARTS = 4;
/** Most nodes of an epilogue; further consumers get a kernel of their own, so that kernels stay bounded. */
const MAX_EPILOGUE = 64;
/** Most nodes between a convolution and a sum over its bands, for the same reason. */
const MAX_BETWEEN = 256;
/** Most nodes that a search for a dependence visits; if it is given up, the dependence is assumed. */
const MAX_VISITED = 4096;

/** Whether every element of the node depends on the elements of its inputs at the same coordinates alone. */
export const isPointwise = (node: Node): boolean => isScalar(node.op) || structuralRecord(node)?.kind === "elementwise";

/** Whether the node is a convolution, in whatever algorithm, or the input gradient of one. */
export const isConvolution = (node: Node): boolean =>
  isOp(node, "conv2d") || isOp(node, "winogradConv2d") || isOp(node, "convInputGrad");

/** Whether the node is a weight gradient as partial sums over splits of the images. */
export const isWeightGradient = (node: Node): boolean =>
  isOp(node, "convWeightGrad") || isOp(node, "winogradWeightGrad");

/**
 * Whether the kernel of an anchor stores the anchor itself and has no epilogue: partial weight gradients are summed by
 * another kernel, and the results of attention lie one behind the other.
 */
export const isStoredAsIs = (node: Node): boolean =>
  isWeightGradient(node) || isOp(node, "winogradFilter") || isOp(node, "attention") || isOp(node, "attentionGrad");

export type BandNode = Node<"bandSum"> | Node<"bandMoments">;

/** Whether the node holds sums over bands, which the kernel of a convolution accumulates beside its results. */
export const isBandNode = (node: Node): node is BandNode => isOp(node, "bandSum") || isOp(node, "bandMoments");

/** Whether a kernel of its own is built around the node. */
function isAnchor(node: Node): boolean {
  if (isBandNode(node)) return false;
  if (structuralRecord(node)?.kind === "template") return true;
  if (isOp(node, "concat")) return node.inputs.length > MAX_INLINE_PARTS;
  if (!isOp(node, "reduce") && !isOp(node, "argmax")) return false;
  return sizeOfShape(node.inputs[0].shape) / Math.max(1, sizeOfShape(node.shape)) > MAX_INLINE_REDUCTION;
}

/** The side of square windows that tile the image exactly and are small enough for registers; else null. */
function poolSize(window: Node<"window">, image: Node): number | null {
  const { axes } = window.attrs;
  const size = axes[0]?.size;
  const tiles = axes.every((w, i) => {
    return (
      w.axis === i + 2 && w.size === size && w.stride === size && w.dilation === 1 && image.shape[w.axis] % size === 0
    );
  });
  return axes.length === 2 && tiles && size * size <= MAX_INLINE_REDUCTION ? size : null;
}

class RootFinder {
  readonly order: readonly Node[];
  readonly positions: ReadonlyMap<Node, number>;
  readonly users = new Map<Node, Node[]>();
  readonly stored = new Set<Node>();
  readonly anchorOf = new Map<Node, Node>();
  readonly inRegisters = new Set<Node>();

  private readonly outputs: ReadonlySet<Node>;

  constructor(outputs: readonly Node[]) {
    this.outputs = new Set(outputs);
    this.order = topological(outputs);
    this.positions = new Map(this.order.map((node, i) => [node, i]));
    for (const node of this.order) {
      for (const x of new Set(node.inputs)) {
        const users = this.users.get(x);
        if (users) users.push(node);
        else this.users.set(x, [node]);
      }
    }
    for (const node of this.order) {
      if (node.op === "leaf" || node.op === "contiguous") this.stored.add(node);
    }
    for (const node of outputs) this.stored.add(node);
    for (const node of this.order) if (isAnchor(node)) this.growEpilogue(node);
    for (const node of this.order) if (isBandNode(node)) this.attachBandNode(node);
  }

  /** Adds a band node to the kernel of the convolution whose results it sums. */
  private attachBandNode(node: BandNode): void {
    const source = fusedSourceOf(node.inputs[0], this);
    if (!source) throw new FoveaError(`[plan] no convolution computes the operand of ${node.op}`);
    this.stored.add(node);
    this.anchorOf.set(node, source.anchor);
    for (const step of source.between) this.inRegisters.add(step);
  }

  /** Extends the epilogue of an anchor by element-wise users while each is the only one; stores the last. */
  private growEpilogue(anchor: Node): void {
    let node = anchor;
    let behind = 0;
    while (!this.stored.has(node) && !isStoredAsIs(anchor)) {
      const users = this.users.get(node) ?? [];
      const [next] = users;
      if (users.length !== 1 || this.anchorOf.has(next) || this.inRegisters.has(next)) break;
      const follows = next.op === "reshape" || (isPointwise(next) && sameShape(next.shape, node.shape));
      if (!follows || next.op === "contiguous" || ++behind > MAX_EPILOGUE) break;
      if (this.addsLaterProduct(next, node)) break;
      this.inRegisters.add(node);
      node = next;
    }
    const pools = isConvolution(anchor) && !this.stored.has(node) ? this.poolingsOf(node, anchor) : [];
    if (pools.length > 0) {
      // The image is pooled in the registers of the convolution, so it is never stored.
      this.inRegisters.add(node);
      for (const pool of pools) {
        this.stored.add(pool);
        this.anchorOf.set(pool, anchor);
      }
      return;
    }
    // A reshape costs nothing, so it is left to the reader, unless it drops the batch axis of a matrix product.
    const bare = node.op === "reshape" && sameShape(anchor.shape, [1, ...node.shape]);
    while (node.op === "reshape" && !bare && node !== anchor && !this.stored.has(node)) {
      node = node.inputs[0];
      this.inRegisters.delete(node);
    }
    this.stored.add(node);
    this.anchorOf.set(node, anchor);
  }

  /**
   * Whether `sum` adds the result of a matrix product to `x` whose kernel comes later. Then the sum is left to that
   * kernel: in a sum of many products, such as the gradient of a weight that is used many times, each adds its own to
   * the sum of those before it. In the epilogue of the first, all others would have to be stored until it runs.
   */
  private addsLaterProduct(sum: Node, x: Node): boolean {
    if (sum.op !== "add" || sum.inputs[0] === sum.inputs[1]) return false;
    const isReadOnce = (node: Node) => this.users.get(node)?.length === 1 && !this.stored.has(node);
    let other = sum.inputs[sum.inputs[0] === x ? 1 : 0];
    while (other.op === "reshape" && isReadOnce(other)) other = other.inputs[0];
    return isOp(other, "matmul") && isReadOnce(other) && !this.anchorOf.has(other);
  }

  /** The poolings of an image over windows that do not overlap, if these are its only readers. */
  private poolingsOf(image: Node, anchor: Node): Node[] {
    const [window, ...others] = this.users.get(image) ?? [];
    if (others.length > 0 || !window || !isOp(window, "window") || isOp(anchor, "convInputGrad")) return [];
    const size = poolSize(window, image);
    if (size === null || (isOp(anchor, "winogradConv2d") && anchor.attrs.tile % size !== 0)) return [];
    const [taps, ...more] = this.users.get(window) ?? [];
    if (more.length > 0 || taps?.op !== "reshape" || taps.shape.length !== 5 || this.outputs.has(taps)) return [];
    const pools = this.users.get(taps) ?? [];
    const fits = (pool: Node) =>
      !this.anchorOf.has(pool) &&
      ((isOp(pool, "reduce") && pool.attrs.axes.join() === "4") || (isOp(pool, "argmax") && pool.attrs.axis === 4));
    return pools.every(fits) ? pools : [];
  }
}

/** A stored value, and the convolution whose kernel computes it. */
export interface FusedSource {
  readonly root: Node;
  readonly anchor: Node;
  /** The nodes between the stored value and the value in question. */
  readonly between: readonly Node[];
}

/**
 * The stored value of a convolution's kernel from which `x` is computed element by element, by nodes without other
 * users; null if there is none. The other operands of these nodes do not depend on the kernel.
 */
export function fusedSourceOf(x: Node, { users, stored, anchorOf, positions }: Roots): FusedSource | null {
  const reached = new Set([x]);
  const ends = new Set<Node>();
  for (const node of reached) {
    if (reached.size > MAX_BETWEEN) return null;
    if (stored.has(node) || !isPointwise(node) || !sameShape(node.shape, x.shape)) ends.add(node);
    else for (const input of node.inputs) reached.add(input);
  }
  const positionOf = (node: Node): number => positions.get(node) ?? 0;
  const sources = [...ends].flatMap((root) => {
    const anchor = anchorOf.get(root);
    return anchor && isConvolution(anchor) && sameShape(anchor.shape, x.shape) && sameShape(root.shape, x.shape)
      ? [{ root, anchor }]
      : [];
  });
  if (sources.length === 0) return null;
  // The last in topological order: none of the others depends on it.
  const source = sources.reduce((a, b) => (positionOf(b.root) > positionOf(a.root) ? b : a));
  const free = new Set<Node>();
  const needsRoot = (node: Node): boolean => {
    const stack = [node];
    const seen = new Set<Node>();
    for (let next = stack.pop(); next; next = stack.pop()) {
      if (next === source.root) return true;
      if (seen.has(next) || free.has(next) || positionOf(next) < positionOf(source.root)) continue;
      if (seen.size >= MAX_VISITED) return true;
      seen.add(next);
      stack.push(...next.inputs);
    }
    for (const one of seen) free.add(one);
    return false;
  };
  const between = [...reached].filter((node) => !ends.has(node) && needsRoot(node));
  const shared = between.some((node) => users.get(node)?.length !== 1);
  const late = [...ends].some((node) => node !== source.root && needsRoot(node));
  return shared || late ? null : { ...source, between };
}

export const findRoots = (outputs: readonly Node[]): Roots => new RootFinder(outputs);
