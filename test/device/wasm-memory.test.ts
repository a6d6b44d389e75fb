/** Memory of the wasm device: blocks never overlap, holes grow together, growth and its end. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockMemory, FreeList } from "../../src/device/wasm/memory.js";
import { DeviceError } from "../../src/util/errors.js";

const LOW_BYTES = 1 << 20;
const open = (shared = true) => new BlockMemory({ shared, lowBytes: LOW_BYTES });

it("free ranges: nothing is lost, nothing is given twice, neighbours are one range", () => {
  const action = fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 40 }) }), fc.record({ give: fc.nat(30) }));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      // Above 2³², so that an operation on 32 bits would be seen.
      const [base, size] = [2 ** 32 + 100, 400];
      const free = new FreeList();
      free.release(base, size);
      const taken: [number, number][] = [];
      for (const act of actions) {
        if ("take" in act) {
          const most = Math.max(0, ...free.ranges().map(([, bytes]) => bytes));
          const start = free.allocate(act.take);
          expect(start === null).toBe(most < act.take);
          if (start !== null) taken.push([start, act.take]);
        } else if (taken.length > 0) free.release(...taken.splice(act.give % taken.length, 1)[0]);
        const all = [...taken, ...free.ranges()].sort(([a], [b]) => a - b);
        let end = base;
        for (const [start, bytes] of all) {
          expect(start).toBe(end);
          end += bytes;
        }
        expect(end).toBe(base + size);
        const ranges = free.ranges();
        for (let i = 1; i < ranges.length; i++)
          expect(ranges[i][0]).toBeGreaterThan(ranges[i - 1][0] + ranges[i - 1][1]);
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});

it("blocks are aligned, above the low end, reused, and counted", () => {
  const memory = open();
  const a = memory.allocate(1);
  const b = memory.allocate(1000);
  expect([a, b].every((address) => address >= LOW_BYTES && address % 64 === 0)).toBe(true);
  expect(memory.usedBytes).toBe(256 + 1024);
  memory.release(a);
  expect(memory.allocate(200)).toBe(a);
  memory.release(a);
  memory.release(b);
  expect(memory.usedBytes).toBe(0);
  expect(() => memory.release(b)).toThrow(DeviceError);
});

it.each([true, false])("grows and keeps what is there (shared: %s)", (shared) => {
  const memory = open(shared);
  const small = memory.allocate(16);
  memory.bytes(small, 4).set([1, 2, 3, 4]);
  const before = memory.grownBytes;
  const large = memory.allocate(before);
  expect(memory.grownBytes).toBeGreaterThanOrEqual(2 * before);
  memory.bytes(large, memory.usedBytes - 256).fill(7);
  expect([...memory.bytes(small, 4)]).toEqual([1, 2, 3, 4]);
  // The same again fits where it was.
  memory.release(large);
  const grown = memory.grownBytes;
  expect(memory.allocate(before)).toBe(large);
  expect(memory.grownBytes).toBe(grown);
});

it("says how much was requested when there is no room", () => {
  const memory = open();
  memory.allocate(3 * 2 ** 20);
  expect(() => memory.allocate(2 ** 32)).toThrow(
    "[wasm] out of memory: 4096.0 MiB could not be allocated, 3.0 MiB of at most 4096.0 MiB are in use",
  );
  // What is requested next may still fit.
  expect(memory.allocate(2 ** 20)).toBeGreaterThan(0);
});
