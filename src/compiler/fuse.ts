/**
 * Fusion of kernels. A stored value that follows another element by element is made in the same loops (an optimizer's
 * update behind the gradient it uses); small nests that do not depend on each other share one kernel. Nests and kernels
 * stay below a fixed size, so that the time to compile them grows with the length of the graph only. Knows no loops.
 */
import { isOp, type Node, type Shape, sameShape, sizeOfShape } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import { structuralRecord } from "../ops/index.js";
import type { Layout } from "./layout.js";
import { Ordering } from "./ordering.js";
import type { KernelPlan, NestPlan } from "./plan.js";
import { isPointwise, isStoredAsIs } from "./roots.js";

/** Elements up to which a nest is too small for a kernel of its own. */
const SMALL = 1 << 15;
/** Arithmetic of a nest per element: what follows is another nest. */
const MOST_ARITHMETIC = 512;
/** The same where templates write it out for every register of a tile. */
const MOST_ARITHMETIC_IN_TILES = 128;
/** Buffers that a nest of so much arithmetic hardly has: where a kernel may have as many, they are not counted. */
const MANY_BUFFERS = 2 * MOST_ARITHMETIC;
/** Nests of a kernel. */
const MOST_NESTS = 512;
/** Reductions that share a pass: each has sums of its own in registers. */
const MOST_TOGETHER = 3;
/** Nests that are looked at to tell whether one needs another; beyond, they are not fused. */
const MOST_SEARCHED = 4096;
/** Nests that are tried as the one whose loops a sibling joins. */
const MOST_TRIED = 64;

/** Stored values that a root reads: those at its own coordinates only, and all. */
interface RootReads {
  readonly aligned: ReadonlySet<Node>;
  readonly all: ReadonlySet<Node>;
  /** Arithmetic of the root and of what is not stored, per element; a movement counts as one. */
  readonly arithmetic: number;
}
export type Reads = (root: Node) => RootReads;

/** What roots read while the same values are stored; each is looked at once. */
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
  /** Whether all ways from the root to a node keep its coordinates. */
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
  /** Arithmetic per element; what its roots share counts for each. */
  arithmetic: number;
}

/** Loop nests that are merged step by step, with who makes and who reads what. */
class Nests {
  private readonly nests: Nest[];
  private readonly makers = new Map<Node, number>();
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
      for (const root of roots) this.makers.set(root, i);
    });
    this.ordering = new Ordering(
      this.nests.map(({ roots }, i) => {
        const before = new Set(
          roots.flatMap((root) => [...readsOf(root).all].flatMap((x) => this.makers.get(x) ?? [])),
        );
        before.delete(i);
        return [...before];
      }),
    );
  }

  get count(): number {
    return this.nests.length;
  }

  /** A nest that has not become part of another one. */
  at(i: number): Nest | null {
    return this.ordering.isAlive(i) ? this.nests[i] : null;
  }

  /** The nest that makes a value. */
  maker(node: Node): number | undefined {
    const made = this.makers.get(node);
    return made === undefined ? undefined : this.ordering.find(made);
  }

  /** The nest that `i` has become part of. */
  find(i: number): number {
    return this.ordering.find(i);
  }

  /** Nests that make what nest i reads. */
  before(i: number): readonly number[] {
    return this.ordering.before(i);
  }

  /** All nests, each behind those that make what it reads. */
  sorted(): number[] {
    return this.ordering.sorted();
  }

  /** Whether nest `late` needs, directly or not, something that nest `early` makes, or that is too far to tell. */
  reaches(late: number, early: number): boolean {
    return this.ordering.reaches(late, early, MOST_SEARCHED);
  }

  /** Whether nest i is still small enough with what nest j computes. */
  fits(i: number, j: number): boolean {
    const [one, other] = [this.nests[i], this.nests[j]];
    const inTiles = one.anchor !== null && structuralRecord(one.anchor)?.kind === "template";
    const most = inTiles ? MOST_ARITHMETIC_IN_TILES : MOST_ARITHMETIC;
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

  /** The nests that are left, in the order in which they were given. */
  plans(): NestPlan[] {
    return this.nests.filter((_, i) => this.ordering.isAlive(i)).map(({ anchor, roots }) => ({ anchor, roots }));
  }
}

/** The values that loops which make the roots read and store. */
const buffersOf = (roots: readonly Node[], readsOf: Reads): Set<Node> =>
  new Set(roots.flatMap((root) => [root, ...readsOf(root).all]));

/** Moves roots into the nest of a value that they follow element by element. */
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

/** The nest whose loops make what the root of nest `i` follows, if it can be made there too. */
function hostOf(root: Node, i: number, nests: Nests, layoutOf: (node: Node) => Layout | undefined): number | undefined {
  const { aligned, all } = nests.readsOf(root);
  const layout = layoutKey(layoutOf(root));
  const makers = new Set([...aligned].map((x) => nests.maker(x)));
  return [...makers].find((h) => {
    const host = h === undefined || h === i ? null : nests.at(h);
    if (h === undefined || !host || !nests.fits(h, i)) return false;
    if (host.anchor && isStoredAsIs(host.anchor)) return false;
    if (!host.roots.every((r) => sameShape(r.shape, root.shape) && layoutKey(layoutOf(r)) === layout)) return false;
    // What else the follower reads must not come from the host, directly or not.
    return [...all].every((x) => {
      const maker = nests.maker(x);
      if (maker === h) return aligned.has(x);
      return maker === undefined || !nests.reaches(maker, h);
    });
  });
}

/** Joins nests without an anchor that walk the same elements and read the same large value, so that it is read once. */
export function joinSiblings(
  plans: readonly NestPlan[],
  readsOf: Reads,
  layoutOf: (node: Node) => Layout | undefined,
  mostBuffers: number,
): NestPlan[] {
  const nests = new Nests(plans, readsOf, mostBuffers);
  /** Nests that walk the elements of a shape and layout and read a value, in their order. */
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
    if (size <= SMALL) continue;
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

/** The first nest that reads one of the large values that nest `i` reads, and can share its loops. */
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
      if (candidates.size >= MOST_TRIED) break;
      if (nests.fits(h, i)) candidates.add(h);
      // A nest that is full is not tried again, so that many readers of one value do not each look at all before them.
      else found.delete(h);
    }
  }
  return [...candidates].sort((a, b) => a - b).find((h) => !nests.reaches(i, h) && !nests.reaches(h, i));
}

/** Roots that only their own nest reads, where they are registers: they need not be stored. */
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
 * Under which name reductions of one level share a pass: those of the same elements of the value that was made last.
 */
function passOf({ anchor, roots }: NestPlan, nests: Nests): string | null {
  if (!anchor || !isOp(anchor, "reduce") || roots.length !== 1) return null;
  const [{ shape }] = anchor.inputs;
  const made = [...nests.readsOf(roots[0]).all].flatMap((x) =>
    sizeOfShape(x.shape) >= sizeOfShape(shape) ? (nests.maker(x) ?? []) : [],
  );
  const elements = `${shape.join("x")} ${anchor.attrs.axes.join()} ${anchor.dtype}`;
  return made.length > 0 ? `pass over nest ${Math.max(...made)}: ${elements}` : null;
}

/** For each nest, one more than the most of those that make what it reads. */
function levelsOf(nests: Nests): number[] {
  const levels: number[] = [];
  for (const i of nests.sorted()) {
    levels[i] = nests.before(i).reduce((most, each) => Math.max(most, levels[each]), 0) + 1;
  }
  return levels;
}

/** Nests cut into kernels of at most so many, none of which has too many buffers unless a single nest does. */
function kernelsOf(nests: readonly NestPlan[], most: number, mostBuffers: number, readsOf: Reads): NestPlan[][] {
  const kernels: NestPlan[][] = [];
  let buffers = new Set<Node>();
  for (const nest of nests) {
    const own = buffersOf(nest.roots, readsOf);
    const last = kernels[kernels.length - 1];
    let added = 0;
    for (const node of own) if (!buffers.has(node)) added++;
    if (last && last.length < most && buffers.size + added <= mostBuffers) {
      last.push(nest);
      for (const node of own) buffers.add(node);
    } else {
      kernels.push([nest]);
      buffers = own;
    }
  }
  return kernels;
}

/**
 * Merges small nests of one level, and all nests that no other nest reads, into shared kernels, and reductions into one
 * pass.
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
    const small = light && work <= SMALL;
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
      ? kernelsOf(members, MOST_TOGETHER, mostBuffers, readsOf).map((shared) => ({
          nests: shared,
          together: shared.length > 1,
        }))
      : kernelsOf(members, MOST_NESTS, mostBuffers, readsOf).map((shared) => ({ nests: shared })),
  );
}
