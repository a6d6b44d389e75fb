/**
 * An acyclic graph of numbered vertices, such as loop nests or kernels, that grows edges and merges vertices while its
 * topological order is maintained (Pearce and Kelly 2006): insertions and reachability queries visit only the vertices
 * between two positions of the order. It must not know what the vertices stand for.
 */
import { FoveaError } from "../util/errors.js";

export class Ordering {
  private readonly parents: number[];
  private readonly incoming: number[][];
  private readonly outgoing: number[][];
  /** The position of each vertex in the order. */
  private readonly places: number[] = [];

  /**
   * @param incoming - for each vertex, those that come before it
   * @throws FoveaError if they form a cycle
   */
  constructor(incoming: readonly (readonly number[])[]) {
    this.parents = incoming.map((_, i) => i);
    this.incoming = incoming.map((before) => [...before]);
    this.outgoing = incoming.map(() => []);
    incoming.forEach((before, i) => {
      for (const from of before) this.outgoing[from].push(i);
    });
    this.sort();
  }

  /** Sorts topologically; vertices without a path between them stay in the order of their numbers. */
  private sort(): void {
    const open = this.incoming.map((before) => before.length);
    const ready = open.flatMap((count, i) => (count === 0 ? [i] : []));
    for (let next = 0; next < ready.length; next++) {
      const i = ready[next];
      this.places[i] = next;
      for (const to of this.outgoing[i]) {
        open[to]--;
        if (open[to] === 0) ready.push(to);
      }
    }
    if (ready.length < open.length) throw new FoveaError("[plan] kernels need each other");
  }

  /** The vertex that `i` has been merged into: itself if it has not. */
  find(i: number): number {
    let root = i;
    while (this.parents[root] !== root) {
      this.parents[root] = this.parents[this.parents[root]];
      root = this.parents[root];
    }
    return root;
  }

  /** Whether the vertex has not been merged into another. */
  isAlive(i: number): boolean {
    return this.parents[i] === i;
  }

  /** The direct predecessors of a vertex, each once. */
  before(i: number): number[] {
    return this.neighbours(this.incoming, i);
  }

  private neighbours(edges: number[][], i: number): number[] {
    const found = [...new Set(edges[i].map((each) => this.find(each)))].filter((each) => each !== i);
    edges[i] = found;
    return found;
  }

  /** All remaining vertices in topological order. */
  sorted(): number[] {
    const alive = this.parents.flatMap((_, i) => (this.isAlive(i) ? [i] : []));
    return alive.sort((a, b) => this.places[a] - this.places[b]);
  }

  /**
   * Whether there is a path from `early` to `late`.
   *
   * @param most - limit on the visited vertices; where the search exceeds it, the answer is true
   */
  reaches(late: number, early: number, most = Number.POSITIVE_INFINITY): boolean {
    if (late === early) return true;
    if (this.places[late] < this.places[early]) return false;
    const seen = new Set([late]);
    for (const i of seen) {
      if (seen.size > most) return true;
      for (const x of this.before(i)) {
        if (x === early) return true;
        if (this.places[x] > this.places[early]) seen.add(x);
      }
    }
    return false;
  }

  /** Adds an edge from `early` to `late`, unless it would close a cycle: then nothing changes. */
  addEdge(early: number, late: number): void {
    if (this.reaches(early, late)) return;
    this.incoming[late].push(early);
    this.outgoing[early].push(late);
    this.separate(late, [early]);
  }

  /** Merges two vertices between which there is no path but an edge: `other` becomes `into`. */
  merge(into: number, other: number): void {
    const [first, second] = this.places[into] < this.places[other] ? [into, other] : [other, into];
    this.separate(
      first,
      this.before(second).filter((i) => i !== first),
    );
    this.places[into] = this.places[first];
    for (const i of this.incoming[other]) this.incoming[into].push(i);
    for (const i of this.outgoing[other]) this.outgoing[into].push(i);
    this.incoming[other] = [];
    this.outgoing[other] = [];
    this.parents[other] = into;
  }

  /** Moves `late` and its successors after all of `early`, none of which it may reach. */
  private separate(late: number, early: readonly number[]): void {
    const misplaced = early.filter((i) => this.places[i] > this.places[late]);
    if (misplaced.length === 0) return;
    const end = misplaced.reduce((most, i) => Math.max(most, this.places[i]), 0);
    const forward = this.closure(this.outgoing, [late], (place) => place < end);
    const backward = this.closure(this.incoming, misplaced, (place) => place > this.places[late]);
    const moved = [...backward, ...forward];
    const places = moved.map((i) => this.places[i]).sort((a, b) => a - b);
    moved.forEach((i, k) => {
      this.places[i] = places[k];
    });
  }

  /**
   * The vertices that are reachable from some vertices through positions that `within` allows, in topological order.
   */
  private closure(edges: number[][], from: readonly number[], within: (place: number) => boolean): number[] {
    const seen = new Set(from);
    for (const i of seen) {
      for (const x of this.neighbours(edges, i)) if (within(this.places[x])) seen.add(x);
    }
    return [...seen].sort((a, b) => this.places[a] - this.places[b]);
  }
}
