/**
 * Decides which values are stored, which kernel makes each of them, and in which layout they lie. Everything that is
 * not stored is computed in place where it is read. Knows no loops.
 */
import { isOp, type Node, sizeOfShape } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import type { Target } from "../ir/target.js";
import { attentionOperands, structuralRecord } from "../ops/index.js";
import { absorbFollowers, joinSiblings, mergeNests, readsWhile, unreadRoots } from "./fuse.js";
import { blocked, type Layout, plain } from "./layout.js";
import { findRoots, isConvolution, isPointwise, isWeightGradient } from "./roots.js";

/**
 * One loop nest or template: the roots it stores, and its anchor: the reduction or contraction it is built around, if
 * any.
 */
export interface NestPlan {
  readonly anchor: Node | null;
  readonly roots: readonly Node[];
}

/** One kernel: nests that do not depend on each other. */
export interface KernelPlan {
  readonly nests: readonly NestPlan[];
  /** Whether the nests are reductions that share one pass over their operand. */
  readonly sharedPass?: boolean;
}

export interface Plan {
  readonly kernels: readonly KernelPlan[];
  /** Layout of every stored node, leaves included. */
  readonly layouts: ReadonlyMap<Node, Layout>;
}

/** Packed weights [O / V][Kh][Kw][C][V]: in the order in which the innermost loops read them. */
const WEIGHT_ORDER = [0, 2, 3, 1];
/** Transformed filters [6][6][O / V][C][V]: a matrix for every point. */
const POINT_ORDER = [2, 3, 0, 1];
/** Most arithmetic per element of an expression; a larger one is split by storing a value. */
const MAX_INLINE_COST = 96;
/**
 * Arithmetic up to which recomputing costs less than a store and loads, as for a normalisation by stored statistics.
 */
const MAX_REPEATED_COST = 8;
/** The same where every tap of a window recomputes. */
const MAX_WINDOW_COST = 6;
/** The same where the tasks of a template recompute only the halo that they share. */
const MAX_HALO_COST = 12;
/** Most nodes, movements included, on a path of inlined nodes: expressions and their lowering stay bounded. */
const MAX_DEPTH = 128;

const isMovement = (node: Node): boolean => structuralRecord(node)?.kind === "movement";

/** Whether a reader takes the packed weights as filters. */
const readsFilters = (user: Node, weights: Node): boolean =>
  isOp(user, "winogradFilter") || ((isOp(user, "conv2d") || isOp(user, "convInputGrad")) && user.inputs[1] === weights);

/** Window positions that may read one input element. */
const candidatesOf = (node: Node<"fold">): number =>
  node.attrs.axes.reduce((n, { size, stride }) => n * Math.ceil(size / stride), 1);

class Planner {
  private readonly order: readonly Node[];
  private readonly users: ReadonlyMap<Node, readonly Node[]>;
  private readonly stored: Set<Node>;
  private readonly anchorOf: ReadonlyMap<Node, Node>;
  private readonly inRegisters: ReadonlySet<Node>;
  private readonly costs = new Map<Node, number>();
  /** Nodes on the longest path from a node to a stored value. */
  private readonly depths = new Map<Node, number>();
  private readonly layouts = new Map<Node, Layout>();
  /** Reshapes from rows to images: stored in the layout that convolutions read. */
  private readonly unflattened = new Set<Node>();

  /** Scores' biases and factors that attention alone reads: computed where they are read, however many elements. */
  private readonly recomputed: ReadonlySet<Node>;

  private readonly outputs: ReadonlySet<Node>;

  constructor(
    outputs: readonly Node[],
    private readonly target: Target,
  ) {
    this.outputs = new Set(outputs);
    const { order, users, stored, anchorOf, inRegisters } = findRoots(outputs);
    this.order = order;
    this.users = users;
    this.stored = new Set(stored);
    this.anchorOf = anchorOf;
    this.inRegisters = inRegisters;
    this.recomputed = this.findRecomputed();
  }

  /** Element-wise values of the size of scores, such as the mask of a dropout, that nothing but attention reads. */
  private findRecomputed(): Set<Node> {
    const found = new Set<Node>();
    for (const node of [...this.order].reverse()) {
      if (this.isAvailable(node) || !(isPointwise(node) || isMovement(node))) continue;
      const size = sizeOfShape(node.shape);
      const users = this.users.get(node) ?? [];
      const readByAll = users.every((user) => {
        if (found.has(user)) return sizeOfShape(user.shape) === size;
        if (!isOp(user, "attention") && !isOp(user, "attentionGrad")) return false;
        const { bias, factor } = attentionOperands(user);
        return user.inputs.every((x) => x !== node || x === bias || x === factor);
      });
      if (users.length > 0 && readByAll) found.add(node);
    }
    return found;
  }

  /** Whether a value that would be stored, since it is read repeatedly, is computed anew for each reader instead. */
  private isRecomputed(node: Node): boolean {
    return this.recomputed.has(node) && this.cost(node) <= MAX_INLINE_COST;
  }

  plan(): Plan {
    for (const node of this.order) this.decide(node);
    for (const node of this.order) {
      if (this.stored.has(node)) this.layouts.set(node, this.layoutOf(node));
    }
    this.plainTables();
    const kernels = this.group();
    return { kernels, layouts: this.layouts };
  }

  private isAvailable(node: Node): boolean {
    return this.stored.has(node) || this.inRegisters.has(node);
  }

  /** Arithmetic per element when computed in place. */
  private cost(node: Node): number {
    if (this.stored.has(node)) return 1;
    return this.costs.get(node) ?? 0;
  }

  private decide(node: Node): void {
    if (!this.inRegisters.has(node)) {
      for (const x of node.inputs) this.storeIfRepeated(node, x);
    }
    const depth =
      1 + node.inputs.reduce((most, x) => Math.max(most, this.stored.has(x) ? 0 : (this.depths.get(x) ?? 0)), 0);
    this.depths.set(node, depth);
    const inputs = node.inputs.reduce((sum, x) => sum + this.cost(x), 0);
    let cost = inputs;
    if (isScalar(node.op)) cost = inputs + scalarOps[node.op].cost;
    else if (isOp(node, "reduce") || isOp(node, "argmax")) {
      cost = (inputs + 1) * (sizeOfShape(node.inputs[0].shape) / Math.max(1, sizeOfShape(node.shape)));
    } else if (isOp(node, "fold")) {
      cost = (inputs + 1) * candidatesOf(node);
    }
    this.costs.set(node, cost);
    if (this.isAvailable(node) || this.isRecomputed(node)) return;
    if (this.unflattens(node)) {
      this.stored.add(node);
      this.unflattened.add(node);
      return;
    }
    const shared = (this.users.get(node) ?? []).length > 1;
    if (cost > MAX_INLINE_COST || (shared && cost > MAX_REPEATED_COST)) this.store(node);
    else if (depth > MAX_DEPTH) this.stored.add(node);
  }

  /** Whether the node reshapes rows to images, so that the channels of a pixel are far apart in memory. */
  private unflattens(node: Node): boolean {
    const { lanes, templates } = this.target;
    if (!templates || lanes === 1 || node.op !== "reshape" || node.shape.length !== 4) return false;
    const [x] = node.inputs;
    return x.shape.length === 2 && x.op !== "leaf" && node.shape[1] >= lanes && node.shape[2] * node.shape[3] > 1;
  }

  /** Stores `x` if its reader `node` would recompute its elements and that costs more than a store and loads. */
  private storeIfRepeated(node: Node, x: Node): void {
    if (this.isAvailable(x) || this.isRecomputed(x)) return;
    const repeats = isOp(node, "fold")
      ? candidatesOf(node)
      : sizeOfShape(node.shape) / Math.max(1, sizeOfShape(x.shape));
    const spreads = isOp(node, "expand") || isOp(node, "window") || isOp(node, "fold");
    if (spreads && repeats >= 2 && this.cost(x) > (isOp(node, "expand") ? 1 : MAX_WINDOW_COST)) this.store(x);
    if (structuralRecord(node)?.kind === "template" && this.cost(x) > MAX_HALO_COST) this.store(x);
    if (isOp(node, "gather") && x === node.inputs[0]) this.store(x);
  }

  /**
   * Stores a node; in place of a movement, which costs nothing, its operand is stored, and constants need no storage. A
   * table that gather reads is stored as it is, whatever it is.
   */
  private store(node: Node): void {
    const moved: Node[] = [];
    let source = node;
    const gathersFrom = (this.users.get(node) ?? []).some((user) => isOp(user, "gather") && user.inputs[0] === node);
    while (
      !gathersFrom &&
      isMovement(source) &&
      source.op !== "fold" &&
      source.inputs.length === 1 &&
      !this.isAvailable(source)
    ) {
      moved.push(source);
      source = source.inputs[0];
    }
    if (!gathersFrom && (source.op === "const" || source.op === "iota")) return;
    if (!this.isAvailable(source)) this.stored.add(source);
    // Movements of the stored value now cost a load.
    for (const movement of moved) this.costs.set(movement, 1);
  }

  private group(): KernelPlan[] {
    const byAnchor = new Map<Node, { anchor: Node | null; roots: Node[] }>();
    for (const root of this.order) {
      if (!this.stored.has(root) || root.op === "leaf") continue;
      const anchor = this.anchorOf.get(root) ?? null;
      const shared = byAnchor.get(anchor ?? root);
      if (shared) shared.roots.push(root);
      else byAnchor.set(anchor ?? root, { anchor, roots: [root] });
    }
    const nests = [...byAnchor.values()];
    const isStored = (node: Node) => this.stored.has(node);
    const layoutOf = (node: Node) => this.layouts.get(node);
    const readsOf = readsWhile(isStored);
    const { buffers } = this.target;
    const followed = absorbFollowers(nests, readsOf, layoutOf, buffers);
    const joined = joinSiblings(followed, readsOf, layoutOf, buffers);
    for (const root of unreadRoots(joined, readsOf, this.outputs)) {
      this.stored.delete(root);
      this.layouts.delete(root);
    }
    const remaining = joined.map(({ anchor, roots }) => ({ anchor, roots: roots.filter(isStored) }));
    return mergeNests(remaining, readsWhile(isStored), buffers);
  }

  private layoutOf(root: Node): Layout {
    const { lanes, templates } = this.target;
    if (!templates || root.op === "leaf" || this.outputs.has(root) || lanes === 1) return plain;
    const anchor = this.anchorOf.get(root);
    const readers = this.users.get(root) ?? [];
    if (root.op === "contiguous" && readers.every((user) => readsFilters(user, root)))
      return blocked(4, 0, lanes, WEIGHT_ORDER);
    if (root.op === "winogradFilter") return blocked(4, 0, lanes, POINT_ORDER);
    if (anchor === root && isWeightGradient(root)) return blocked(5, 1, lanes);
    if (root.shape.length !== 4 || root.shape[1] * 2 < lanes) return plain;
    const pooled = anchor && root.shape.join() !== anchor.shape.join();
    if (anchor && isConvolution(anchor)) return pooled && this.flattens(root) ? plain : blocked(4, 1, lanes);
    if (this.unflattened.has(root)) return blocked(4, 1, lanes);
    if (anchor && anchor.op === "matmul") return plain;
    return !this.flattens(root) && this.readsBlocked(root) ? blocked(4, 1, lanes) : plain;
  }

  /** Whether every reader reshapes the value to rows, merging channels with other axes. */
  private flattens(root: Node): boolean {
    const readers = this.users.get(root) ?? [];
    return readers.length > 0 && readers.every((user) => user.op === "reshape" && user.shape.length < 4);
  }

  /** Whether the root's own expression reads a blocked value with the same channels. */
  private readsBlocked(root: Node): boolean {
    const seen = new Set([root]);
    for (const node of seen) {
      const layout = node === root ? undefined : this.layouts.get(node);
      if (layout?.kind === "blocked" && layout.axis === 1 && node.shape[1] === root.shape[1]) return true;
      if (!layout) for (const x of node.inputs) seen.add(x);
    }
    return false;
  }

  /** Gives the tables that gather reads the plain layout. */
  private plainTables(): void {
    for (const node of this.order) {
      if (isOp(node, "gather") && this.stored.has(node.inputs[0])) this.layouts.set(node.inputs[0], plain);
    }
  }
}

export function plan(outputs: readonly Node[], target: Target): Plan {
  return new Planner(outputs, target).plan();
}
