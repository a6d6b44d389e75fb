/** The memory plan: no two values that live at once overlap, and the arena is smaller than all of them together. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Lifetime, planMemory } from "../../src/compiler/memory.js";

const STEPS = 24;
const lifetime: fc.Arbitrary<Lifetime> = fc
  .record({ sizeBytes: fc.integer({ min: 0, max: 5000 }), first: fc.nat(STEPS), length: fc.nat(STEPS) })
  .map(({ sizeBytes, first, length }) => ({ sizeBytes, first, last: first + length }));

const overlap = (a: Lifetime, b: Lifetime): boolean => a.first <= b.last && b.first <= a.last;
const sizeOf = ({ sizeBytes }: Lifetime): number => Math.ceil(Math.max(1, sizeBytes) / 128) * 128;

describe("planMemory", () => {
  it("gives values that live at once memory of their own, aligned, inside the arena", () => {
    const property = fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
      const { offsets, arenaBytes } = planMemory(lifetimes, 128);
      lifetimes.forEach((a, i) => {
        expect(offsets[i] % 128).toBe(0);
        expect(offsets[i] + a.sizeBytes).toBeLessThanOrEqual(arenaBytes);
        lifetimes.forEach((b, j) => {
          if (i >= j || !overlap(a, b)) return;
          const apart = offsets[i] + a.sizeBytes <= offsets[j] || offsets[j] + b.sizeBytes <= offsets[i];
          expect(apart, `values ${i} and ${j}`).toBe(true);
        });
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("needs at least what lives at the fullest step, at most all together", () => {
    const property = fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
      const { arenaBytes } = planMemory(lifetimes, 128);
      const steps = Array.from({ length: 2 * STEPS + 1 }, (_, step) =>
        lifetimes
          .filter(({ first, last }) => first <= step && step <= last)
          .reduce((sum, life) => sum + sizeOf(life), 0),
      );
      expect(arenaBytes).toBeGreaterThanOrEqual(Math.max(...steps));
      expect(arenaBytes).toBeLessThanOrEqual(lifetimes.reduce((sum, life) => sum + sizeOf(life), 0));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("many values that live at once have memory of their own, and little is lost", () => {
    const lifetimes = Array.from({ length: 4000 }, (_, i) => ({
      sizeBytes: 128 * (1 + ((i * 7) % 5)),
      first: Math.floor(i / 4),
      last: Math.floor(i / 4) + ((i * 13) % 9),
    }));
    const { offsets, arenaBytes } = planMemory(lifetimes, 128);
    const alive = (step: number) =>
      lifetimes.flatMap((life, i) => (life.first <= step && step <= life.last ? [i] : []));
    let fullest = 0;
    for (let step = 0; step < 1000; step++) {
      const places = alive(step).map((i) => ({ from: offsets[i], to: offsets[i] + lifetimes[i].sizeBytes }));
      places.sort((a, b) => a.from - b.from);
      places.slice(1).forEach((place, k) => {
        expect(place.from, `step ${step}`).toBeGreaterThanOrEqual(places[k].to);
      });
      fullest = Math.max(
        fullest,
        places.reduce((sum, { from, to }) => sum + to - from, 0),
      );
      for (const { to } of places) expect(to).toBeLessThanOrEqual(arenaBytes);
    }
    expect(arenaBytes).toBeLessThan(3 * fullest);
  });

  it("a chain of values needs room for two", () => {
    const chain = Array.from({ length: 10 }, (_, step) => ({ sizeBytes: 1024, first: step, last: step + 1 }));
    expect(planMemory(chain, 128).arenaBytes).toBe(2048);
  });

  it("plans nothing for nothing", () => {
    expect(planMemory([], 128)).toEqual({ offsets: [], arenaBytes: 0 });
  });
});
