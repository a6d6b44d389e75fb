/** An order that follows insertions and merges, against a search of the whole graph. */
import { describe, expect, it } from "vitest";
import { Ordering } from "../../src/compiler/ordering.js";
import { randomSource } from "../support/numbers.js";

/** Whether a path leads from `early` to `late`, by looking everywhere. */
function reaches(before: readonly ReadonlySet<number>[], late: number, early: number): boolean {
  const seen = new Set([late]);
  for (const i of seen) for (const x of before[i]) seen.add(x);
  return seen.has(early);
}

function randomGraph(count: number, random: () => number): Set<number>[] {
  return Array.from({ length: count }, (_, i) => {
    const edges = Array.from({ length: Math.floor(random() * 3) }, () => Math.floor(random() * i));
    return new Set(i === 0 ? [] : edges);
  });
}

/** Every vertex that is left stands behind those before it. */
function expectSorted(ordering: Ordering): void {
  const places = new Map(ordering.sorted().map((i, place) => [i, place]));
  for (const [i, place] of places) {
    for (const x of ordering.before(i)) expect(places.get(x)).toBeLessThan(place);
  }
}

describe.each([1, 2, 3, 4, 5, 6])("random graphs, seed %i", (seed) => {
  const count = 24;

  it("an edge is added unless it closes a cycle", () => {
    const random = randomSource(seed);
    const before = randomGraph(count, random);
    const ordering = new Ordering(before.map((edges) => [...edges]));
    for (let k = 0; k < 200; k++) {
      const [early, late] = [Math.floor(random() * count), Math.floor(random() * count)];
      expect(ordering.reaches(late, early)).toBe(reaches(before, late, early));
      if (early !== late && !reaches(before, early, late)) before[late].add(early);
      if (early !== late) ordering.addEdge(early, late);
      expectSorted(ordering);
    }
  });

  it("vertices are merged where no path through others joins them", () => {
    const random = randomSource(100 + seed);
    let before = randomGraph(count, random);
    const ordering = new Ordering(before.map((edges) => [...edges]));
    for (let k = 0; k < 200; k++) {
      const [into, other] = [Math.floor(random() * count), Math.floor(random() * count)];
      if (into === other || !ordering.isAlive(into) || !ordering.isAlive(other)) continue;
      const through = [into, other].some((late) => {
        const early = late === into ? other : into;
        return [...before[late]].some((x) => x !== early && reaches(before, x, early));
      });
      if (through) continue;
      ordering.merge(into, other);
      const joined = new Set([...before[into], ...before[other]].filter((x) => x !== into && x !== other));
      before = before.map((edges, i) => {
        if (i === into) return joined;
        return i === other ? new Set() : new Set([...edges].map((x) => (x === other ? into : x)));
      });
      expect(ordering.find(other)).toBe(into);
      expectSorted(ordering);
      for (let i = 0; i < count; i++) {
        if (ordering.isAlive(i)) expect(ordering.reaches(i, into)).toBe(reaches(before, i, into));
      }
    }
  });
});

it("vertices that need each other are refused", () => {
  expect(() => new Ordering([[1], [0]])).toThrow("[plan] kernels need each other");
});
