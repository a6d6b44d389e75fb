/**
 * Fuses loop nests. An element-wise consumer is computed in the loops of its producer (an optimizer's update in those
 * of the gradient that it reads); small nests that do not depend on each other share one kernel. Nests and kernels have
 * a bounded size, so that compile time is linear in the length of the graph. It must not know how loops are lowered.
 */
import { isOp, type Node, type Shape, sameShape, sizeOfShape } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import { structuralRecord } from "../ops/index.js";
import type { Layout } from "./layout.js";
import { Ordering } from "./ordering.js";
import type { KernelPlan, NestPlan } from "./plan.js";
import { isPointwise, isStoredAsIs } from "./roots.js";

/** Elements up to which a nest shares a kernel with others: starting a kernel would take longer than its loops. */
const SMALL_NEST = 1 << 15;
/** Most arithmetic of a nest per element; a consumer that would exceed it gets a nest of its buffersOfNest. */
const MAX_ARITHMETIC = 512;
/** The same for templates, which repeat the code of the epilogue for every register of a tile. */
const MAX_ARITHMETIC_IN_TILES = 128;
/** More buffers than a nest of that much arithmetic accesses: a target that allows as many needs no count. */
const MANY_BUFFERS = 2 * MAX_ARITHMETIC;
/** Most nests of a kernel. */
const MAX_NESTS = 512;
/** Most reductions that share a pass over their operand: each keeps accumulators in registers. */
const MAX_SHARED_REDUCTIONS = 3;
/** Most nests that a search for a dependence visits; if it finds no answer within them, the nests are not fused. */
const MAX_VISITED = 4096;
/** Most nests that are tried as the host of a sibling. */
const MAX_CANDIDATES = 64;

/** Stored values that a root reads: `aligned` are read at the coordinates of the root alone. */
interface RootReads {
  readonly aligned: ReadonlySet<Node>;
  readonly all: ReadonlySet<Node>;
  /** Arithmetic per element of the root and of the nodes that are inlined into it; a movement counts as one. */
  readonly arithmetic: number;
}
export type Reads = (root: Node) => RootReads;

/** The reads of roots, given which values are stored; memoised. */
export function readsWhile(isStored: (node: Node) => boolean): Reads {
  const known = new Map<Node, RootReads>();
  return (root) => {
    const reads = known.get(root) ?? findReads(root, isStored);
    known.set(root, reads);
    return reads;
  };
}

function findReads(root: Node, isStored: (node: Node) => boolean): RootReads {
  const all = new Set<Node>();
  const elsewhere = new Set<Node>();
  /** Whether every path from the root to a node keeps the coordinates. */
  const seen = new Map<Node, boolean>([[root, true]]);
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    const aligned = seen.get(node) === true && isPointwise(node);
    for (const x of node.inputs) {
      const same = aligned && sameShape(x.shape, root.shape);
      if (isStored(x)) {
        all.add(x);
        if (!same) elsewhere.add(x);
        continue;
      }
      const known = seen.get(x);
      if (known === same || known === false) continue;
      seen.set(x, same);
      stack.push(x);
    }
  }
  const arithmetic = [...seen.keys()].reduce((sum, { op }) => sum + (isScalar(op) ? scalarOps[op].cost : 1), 0);
  return { aligned: new Set([...all].filter((x) => !elsewhere.has(x))), all, arithmetic };
}

const layoutKeys = new WeakMap<Layout, string>();

function layoutKey(layout: Layout | undefined): string {
  if (!layout) return "";
  const known = layoutKeys.get(layout) ?? JSON.stringify(layout);
  layoutKeys.set(layout, known);
  return known;
}

interface Nest {
  readonly anchor: Node | null;
  readonly roots: Node[];
  /** Arithmetic per element; nodes that several roots share count for each. */
  arithmetic: number;
}

/** Loop nests, merged step by step, with the producers of values and the dependences between nests. */
class Nests {
  private readonly nests: Nest[];
  private readonly producers = new Map<Node, number>();
  private readonly ordering: Ordering;

  constructor(
    plans: readonly NestPlan[],
    readonly readsOf: Reads,
    /** The most values that a nest may read and store. */
    private readonly mostBuffers: number,
  ) {
    this.nests = plans.map(({ anchor, roots }) => ({
      anchor,
      roots: [...roots],
      arithmetic: roots.reduce((sum, root) => sum + readsOf(root).arithmetic, 0),
    }));
    this.nests.forEach(({ roots }, i) => {
      for (const root of roots) this.producers.set(root, i);
    });
    this.ordering = new Ordering(
      this.nests.map(({ roots }, i) => {
        const before = new Set(
          roots.flatMap((root) => [...readsOf(root).all].flatMap((x) => this.producers.get(x) ?? [])),
        );
        before.delete(i);
        return [...before];
      }),
    );
  }

  get count(): number {
    return this.nests.length;
  }

  /** Nest `i`; null if it was merged into another. */
  at(i: number): Nest | null {
    return this.ordering.isAlive(i) ? this.nests[i] : null;
  }

  /** The nest that computes a value. */
  producer(node: Node): number | undefined {
    const made = this.producers.get(node);
    return made === undefined ? undefined : this.ordering.find(made);
  }

  /** The nest that `i` was merged into, or `i` itself. */
  find(i: number): number {
    return this.ordering.find(i);
  }

  /** The nests that nest `i` reads from. */
  before(i: number): readonly number[] {
    return this.ordering.before(i);
  }

  /** All nests in topological order. */
  sorted(): number[] {
    return this.ordering.sorted();
  }

  /** Whether nest `late` depends on nest `early`, directly or not; true as well if the search is given up. */
  reaches(late: number, early: number): boolean {
    return this.ordering.reaches(late, early, MAX_VISITED);
  }

  /** Whether nests i and j together stay within the limits of one nest. */
  fits(i: number, j: number): boolean {
    const [one, other] = [this.nests[i], this.nests[j]];
    const inTiles = one.anchor !== null && structuralRecord(one.anchor)?.kind === "template";
    const most = inTiles ? MAX_ARITHMETIC_IN_TILES : MAX_ARITHMETIC;
    if (one.arithmetic + other.arithmetic > most) return false;
    if (this.mostBuffers >= MANY_BUFFERS) return true;
    return buffersOf([...one.roots, ...other.roots], this.readsOf).size <= this.mostBuffers;
  }

  /** Appends the roots of one nest to those of another. */
  merge(into: number, other: number): void {
    this.ordering.merge(into, other);
    const [host, { roots, arithmetic }] = [this.nests[into], this.nests[other]];
    for (const root of roots) host.roots.push(root);
    host.arithmetic += arithmetic;
  }

  /** The remaining nests, in the order in which they were given. */
  plans(): NestPlan[] {
    return this.nests.filter((_, i) => this.ordering.isAlive(i)).map(({ anchor, roots }) => ({ anchor, roots }));
  }
}

/** The values that a nest of these roots reads and stores. */
const buffersOf = (roots: readonly Node[], readsOf: Reads): Set<Node> =>
  new Set(roots.flatMap((root) => [root, ...readsOf(root).all]));

/** Fuses element-wise consumers into the nest of their producer. */
export function absorbFollowers(
  plans: readonly NestPlan[],
  readsOf: Reads,
  layoutOf: (node: Node) => Layout | undefined,
  mostBuffers: number,
): NestPlan[] {
  const nests = new Nests(plans, readsOf, mostBuffers);
  for (let i = 0; i < nests.count; i++) {
    const follower = nests.at(i);
    if (!follower || follower.anchor || follower.roots.length !== 1) continue;
    const [root] = follower.roots;
    const host = hostOf(root, i, nests, layoutOf);
    if (host !== undefined) nests.merge(host, i);
  }
  return nests.plans();
}

/** The producer of a value that the root of nest `i` reads element by element, if the root can be fused into it. */
function hostOf(root: Node, i: number, nests: Nests, layoutOf: (node: Node) => Layout | undefined): number | undefined {
  const { aligned, all } = nests.readsOf(root);
  const layout = layoutKey(layoutOf(root));
  const producers = new Set([...aligned].map((x) => nests.producer(x)));
  return [...producers].find((h) => {
    const host = h === undefined || h === i ? null : nests.at(h);
    if (h === undefined || !host || !nests.fits(h, i)) return false;
    if (host.anchor && isStoredAsIs(host.anchor)) return false;
    if (!host.roots.every((r) => sameShape(r.shape, root.shape) && layoutKey(layoutOf(r)) === layout)) return false;
    // Other operands of the consumer must not depend on the host: their loops could not run before it.
    return [...all].every((x) => {
      const producer = nests.producer(x);
      if (producer === h) return aligned.has(x);
      return producer === undefined || !nests.reaches(producer, h);
    });
  });
}

/** Fuses nests without an anchor that iterate over the same elements and read the same large value: it is read once. */
export function joinSiblings(
  plans: readonly NestPlan[],
  readsOf: Reads,
  layoutOf: (node: Node) => Layout | undefined,
  mostBuffers: number,
): NestPlan[] {
  const nests = new Nests(plans, readsOf, mostBuffers);
  /** By shape and layout of the iteration space, and by value: the nests that read it, in their order. */
  const readers = new Map<string, Map<Node, Set<number>>>();
  const readersLike = (shape: Shape, layout: Layout | undefined): Map<Node, Set<number>> => {
    const key = `${shape.join("x")} ${layoutKey(layout)}`;
    const known = readers.get(key) ?? new Map<Node, Set<number>>();
    readers.set(key, known);
    return known;
  };
  for (let i = 0; i < nests.count; i++) {
    const nest = nests.at(i);
    if (!nest || nest.anchor) continue;
    const [root] = nest.roots;
    const size = sizeOfShape(root.shape);
    if (size <= SMALL_NEST) continue;
    const alike = readersLike(root.shape, layoutOf(root));
    const large = [...readsOf(root).all].filter((x) => sizeOfShape(x.shape) >= size);
    const host = siblingOf(i, large, alike, nests);
    if (host !== undefined) nests.merge(host, i);
    for (const x of new Set(nest.roots.flatMap((r) => [...readsOf(r).all]))) {
      alike.set(x, (alike.get(x) ?? new Set()).add(host ?? i));
    }
  }
  return nests.plans();
}

/** The first nest that reads one of the large values that nest `i` reads, and that nest `i` can be fused into. */
function siblingOf(
  i: number,
  large: readonly Node[],
  readers: ReadonlyMap<Node, Set<number>>,
  nests: Nests,
): number | undefined {
  const candidates = new Set<number>();
  for (const x of large) {
    const found = readers.get(x) ?? new Set();
    for (const h of found) {
      if (candidates.size >= MAX_CANDIDATES) break;
      if (nests.fits(h, i)) candidates.add(h);
      // A full nest is not tried again: else many readers of one value would take quadratic time.
      else found.delete(h);
    }
  }
  return [...candidates].sort((a, b) => a - b).find((h) => !nests.reaches(i, h) && !nests.reaches(h, i));
}

/** Roots that are read in their buffersOfNest nest only, from registers: they need not be stored. */
export function unreadRoots(nests: readonly NestPlan[], readsOf: Reads, outputs: ReadonlySet<Node>): Node[] {
  const readers = new Map<Node, Set<number>>();
  nests.forEach(({ roots }, i) => {
    for (const root of roots) {
      for (const x of readsOf(root).all) readers.set(x, (readers.get(x) ?? new Set()).add(i));
    }
  });
  return nests.flatMap(({ roots }, i) =>
    roots.filter((root) => !outputs.has(root) && [...(readers.get(root) ?? [])].every((reader) => reader === i)),
  );
}

/**
 * The key by which reductions of one level share a pass: the elements that they reduce, of the operand that is computed
 * last.
 */
function passOf({ anchor, roots }: NestPlan, nests: Nests): string | null {
  if (!anchor || !isOp(anchor, "reduce") || roots.length !== 1) return null;
  const [{ shape }] = anchor.inputs;
  const made = [...nests.readsOf(roots[0]).all].flatMap((x) =>
    sizeOfShape(x.shape) >= sizeOfShape(shape) ? (nests.producer(x) ?? []) : [],
  );
  const elements = `${shape.join("x")} ${anchor.attrs.axes.join()} ${anchor.dtype}`;
  return made.length > 0 ? `pass over nest ${Math.max(...made)}: ${elements}` : null;
}

/** The level of each nest: one more than the highest level of the nests that it reads from. */
function levelsOf(nests: Nests): number[] {
  const levels: number[] = [];
  for (const i of nests.sorted()) {
    levels[i] = nests.before(i).reduce((most, each) => Math.max(most, levels[each]), 0) + 1;
  }
  return levels;
}

/** Groups nests into kernels of at most `most`, within the limit of buffers unless a single nest exceeds it. */
function kernelsOf(nests: readonly NestPlan[], most: number, mostBuffers: number, readsOf: Reads): NestPlan[][] {
  const kernels: NestPlan[][] = [];
  let buffers = new Set<Node>();
  for (const nest of nests) {
    const buffersOfNest = buffersOf(nest.roots, readsOf);
    const last = kernels[kernels.length - 1];
    let added = 0;
    for (const node of buffersOfNest) if (!buffers.has(node)) added++;
    if (last && last.length < most && buffers.size + added <= mostBuffers) {
      last.push(nest);
      for (const node of buffersOfNest) buffers.add(node);
    } else {
      kernels.push([nest]);
      buffers = buffersOfNest;
    }
  }
  return kernels;
}

/**
 * Groups nests into kernels: small nests of one level share kernels, so do all nests that no other nest reads, and
 * reductions of the same operand share a pass over it.
 */
export function mergeNests(plans: readonly NestPlan[], readsOf: Reads, mostBuffers: number): KernelPlan[] {
  const nests = new Nests(plans, readsOf, mostBuffers);
  const levels = levelsOf(nests);
  const read = new Set(plans.flatMap((_, i) => nests.before(i)));
  const kernels = new Map<string, NestPlan[]>();
  const passes = new Set<string>();
  plans.forEach((nest, i) => {
    const { anchor, roots } = nest;
    const light = anchor === null || anchor.op === "reduce" || anchor.op === "argmax";
    const work = Math.max(sizeOfShape(roots[0].shape), ...(anchor?.inputs ?? []).map((x) => sizeOfShape(x.shape)));
    const last = anchor === null && !read.has(i);
    const small = light && work <= SMALL_NEST;
    const pass = small ? null : passOf(nest, nests);
    const alone = pass ? `${pass}, level ${levels[i]}` : `nest ${i}`;
    const key = last ? "last" : small ? `level ${levels[i]}` : alone;
    if (pass) passes.add(key);
    const members = kernels.get(key);
    if (members) members.push(nest);
    else kernels.set(key, [nest]);
  });
  return [...kernels].flatMap(([key, members]) =>
    passes.has(key)
      ? kernelsOf(members, MAX_SHARED_REDUCTIONS, mostBuffers, readsOf).map((shared) => ({
          nests: shared,
          sharedPass: shared.length > 1,
        }))
      : kernelsOf(members, MAX_NESTS, mostBuffers, readsOf).map((shared) => ({ nests: shared })),
  );
}
