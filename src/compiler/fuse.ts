/**
 * Fusion of kernels. A stored value that follows another element by element is made in the same loops (an optimizer's
 * update behind the gradient it uses); small nests that do not depend on each other share one kernel. Knows no loops.
 */
import { isOp, type Node, sameShape, sizeOfShape } from "../ir/graph.js";
import type { Layout } from "./layout.js";
import type { KernelPlan, NestPlan } from "./plan.js";
import { isPointwise, isWeightGradient } from "./roots.js";

/** Elements up to which a nest is too small for a kernel of its own. */
const SMALL = 1 << 15;

/** Stored values that a root reads: those at its own coordinates only, and all. */
interface RootReads {
  readonly aligned: ReadonlySet<Node>;
  readonly all: ReadonlySet<Node>;
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
  const seen = new Map<Node, boolean>();
  const visit = (node: Node, aligned: boolean): void => {
    for (const x of node.inputs) {
      const same = aligned && isPointwise(node) && sameShape(x.shape, root.shape);
      if (isStored(x)) {
        all.add(x);
        if (!same) elsewhere.add(x);
        continue;
      }
      const known = seen.get(x);
      if (known === same || known === false) continue;
      seen.set(x, same);
      visit(x, same);
    }
  };
  visit(root, true);
  return { aligned: new Set([...all].filter((x) => !elsewhere.has(x))), all };
}

/** Who makes and who reads what, among nests. */
class Dependencies {
  private readonly makers = new Map<Node, number>();
  private readonly reads: ReadonlySet<Node>[];
  private readonly earlier: number[][] = [];

  constructor(nests: readonly NestPlan[], readsOf: Reads) {
    nests.forEach(({ roots }, i) => {
      for (const root of roots) this.makers.set(root, i);
    });
    this.reads = nests.map(({ roots }) => new Set(roots.flatMap((root) => [...readsOf(root).all])));
  }

  /** Nests that make what nest i reads. */
  before(i: number): number[] {
    const known = this.earlier[i];
    if (known) return known;
    const found = new Set([...this.reads[i]].flatMap((node) => this.makers.get(node) ?? []));
    found.delete(i);
    this.earlier[i] = [...found];
    return this.earlier[i];
  }

  maker(node: Node): number | undefined {
    return this.makers.get(node);
  }

  /** Whether nest `late` needs, directly or not, something that nest `early` makes. */
  reaches(late: number, early: number): boolean {
    const stack = [late];
    const seen = new Set<number>();
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (i === early) return true;
      if (seen.has(i)) continue;
      seen.add(i);
      stack.push(...this.before(i));
    }
    return false;
  }
}

/** Moves roots into the nest of a value that they follow element by element. */
export function absorbFollowers(
  nests: readonly NestPlan[],
  readsOf: Reads,
  layoutOf: (node: Node) => Layout | undefined,
): NestPlan[] {
  let current = [...nests];
  for (let i = 0; i < current.length; i++) {
    const follower = current[i];
    if (follower.anchor || follower.roots.length !== 1) continue;
    const [root] = follower.roots;
    const { aligned, all } = readsOf(root);
    const dependencies = new Dependencies(current, readsOf);
    const host = [...aligned]
      .map((x) => dependencies.maker(x))
      .find((h) => {
        if (h === undefined || h === i) return false;
        const nest = current[h];
        const hosts = nest.roots.every(
          (r) => sameShape(r.shape, root.shape) && layoutKey(layoutOf(r)) === layoutKey(layoutOf(root)),
        );
        if (!hosts || (nest.anchor && isWeightGradient(nest.anchor))) return false;
        // What else the follower reads must not come from the host, directly or not.
        return [...all].every((x) => {
          const maker = dependencies.maker(x);
          if (maker === h) return aligned.has(x);
          return maker === undefined || !dependencies.reaches(maker, h);
        });
      });
    if (host === undefined) continue;
    const joined = { anchor: current[host].anchor, roots: [...current[host].roots, root] };
    current = current.map((nest, j) => (j === host ? joined : nest)).filter((_, j) => j !== i);
    i--;
  }
  return current;
}

/** Joins nests without an anchor that walk the same elements and read the same large value, so that it is read once. */
export function joinSiblings(
  nests: readonly NestPlan[],
  readsOf: Reads,
  layoutOf: (node: Node) => Layout | undefined,
): NestPlan[] {
  let current = [...nests];
  for (let i = 1; i < current.length; i++) {
    const [root] = current[i].roots;
    if (current[i].anchor || sizeOfShape(root.shape) <= SMALL) continue;
    const dependencies = new Dependencies(current, readsOf);
    const large = [...readsOf(root).all].filter((x) => sizeOfShape(x.shape) >= sizeOfShape(root.shape));
    const host = current.findIndex((nest, h) => {
      const [first] = nest.roots;
      if (h >= i || nest.anchor || !sameShape(first.shape, root.shape)) return false;
      if (layoutKey(layoutOf(first)) !== layoutKey(layoutOf(root))) return false;
      const shared = nest.roots.some((r) => [...readsOf(r).all].some((x) => large.includes(x)));
      return shared && !dependencies.reaches(i, h) && !dependencies.reaches(h, i);
    });
    if (host < 0) continue;
    const joined = { anchor: null, roots: [...current[host].roots, ...current[i].roots] };
    current = current.map((nest, j) => (j === host ? joined : nest)).filter((_, j) => j !== i);
    i--;
  }
  return current;
}

/** Roots that only their own nest reads, where they are registers: they need not be stored. */
export function unreadRoots(nests: readonly NestPlan[], readsOf: Reads, outputs: readonly Node[]): Node[] {
  const readers = new Map<Node, Set<number>>();
  nests.forEach(({ roots }, i) => {
    for (const x of roots.flatMap((root) => [...readsOf(root).all])) {
      readers.set(x, (readers.get(x) ?? new Set()).add(i));
    }
  });
  return nests.flatMap(({ roots }, i) =>
    roots.filter((root) => !outputs.includes(root) && [...(readers.get(root) ?? [])].every((reader) => reader === i)),
  );
}

const layoutKey = (layout: Layout | undefined): string => JSON.stringify(layout);

/** Reductions that share a pass: each has sums of its own in registers. */
const MOST_TOGETHER = 3;

/**
 * Under which name reductions of one level share a pass: those of the same elements of the value that was made last.
 */
function passOf({ anchor, roots }: NestPlan, readsOf: Reads, dependencies: Dependencies): string | null {
  if (!anchor || !isOp(anchor, "reduce") || roots.length !== 1) return null;
  const [{ shape }] = anchor.inputs;
  const made = [...readsOf(roots[0]).all].flatMap((x) =>
    sizeOfShape(x.shape) >= sizeOfShape(shape) ? (dependencies.maker(x) ?? []) : [],
  );
  const elements = `${shape.join("x")} ${anchor.attrs.axes.join()} ${anchor.dtype}`;
  return made.length > 0 ? `pass over nest ${Math.max(...made)}: ${elements}` : null;
}

/**
 * Puts small nests of one level, and everything that nobody reads, into shared kernels; and reductions into one pass.
 */
export function mergeNests(nests: readonly NestPlan[], readsOf: Reads): KernelPlan[] {
  const dependencies = new Dependencies(nests, readsOf);
  const levels = new Map<number, number>();
  const levelOf = (i: number): number => {
    const known = levels.get(i);
    if (known !== undefined) return known;
    const level = 1 + Math.max(0, ...dependencies.before(i).map(levelOf));
    levels.set(i, level);
    return level;
  };
  const read = new Set(nests.flatMap((_, i) => dependencies.before(i)));
  const kernels = new Map<string, NestPlan[]>();
  const passes = new Set<string>();
  nests.forEach((nest, i) => {
    const { anchor, roots } = nest;
    const light = anchor === null || anchor.op === "reduce" || anchor.op === "argmax";
    const work = Math.max(sizeOfShape(roots[0].shape), ...(anchor?.inputs ?? []).map((x) => sizeOfShape(x.shape)));
    const last = anchor === null && !read.has(i);
    const small = light && work <= SMALL;
    const pass = small ? null : passOf(nest, readsOf, dependencies);
    const own = pass ? `${pass}, level ${levelOf(i)}` : `nest ${i}`;
    const key = last ? "last" : small ? `level ${levelOf(i)}` : own;
    if (pass) passes.add(key);
    kernels.set(key, [...(kernels.get(key) ?? []), nest]);
  });
  return [...kernels].flatMap(([key, members]) => {
    if (!passes.has(key)) return [{ nests: members }];
    const count = Math.ceil(members.length / MOST_TOGETHER);
    return Array.from({ length: count }, (_, k) => {
      const own = members.slice(k * MOST_TOGETHER, (k + 1) * MOST_TOGETHER);
      return { nests: own, together: own.length > 1 };
    });
  });
}
