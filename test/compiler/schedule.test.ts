/** The order of kernels: after what they read, and readers of an old value before it is overwritten. */
import { describe, expect, it } from "vitest";
import { inPlaceOutputs } from "../../src/compiler/in-place.js";
import { order } from "../../src/compiler/schedule.js";
import type { Node } from "../../src/ir/graph.js";
import * as ix from "../../src/ir/index-math.js";
import { constantOf, declare, type Kernel, load, operation, register, type Stmt, store } from "../../src/ir/loops.js";
import { leaf } from "./graphs.js";

interface Lowered {
  readonly kernel: Kernel;
  readonly nodes: readonly Node[];
}

/** A kernel that reads some nodes and writes others; buffers are r0, r1, … and w0, w1, … */
function kernel(reads: readonly Node[], writes: readonly Node[], parts: readonly Stmt[][] = []): Lowered {
  const spec = (name: string, access: "read" | "write") => ({ name, dtype: "f32" as const, elements: 4, access });
  const buffers = [...reads.map((_, i) => spec(`r${i}`, "read")), ...writes.map((_, i) => spec(`w${i}`, "write"))];
  const bodies = parts.map((body) => ({ tasks: 1, body }));
  return { kernel: { label: "test", buffers, scratch: [], parts: bodies, flops: 0 }, nodes: [...reads, ...writes] };
}

const [a, b, c, d, e] = Array.from({ length: 5 }, () => leaf([4]));

describe("order", () => {
  it("puts a kernel after those that make what it reads", () => {
    expect(order([kernel([b, c], [d]), kernel([a], [b]), kernel([b], [c])], [d], [a], [null])).toEqual([1, 2, 0]);
  });

  it("keeps the order of the graph otherwise", () => {
    expect(order([kernel([a], [b]), kernel([a], [c]), kernel([a], [d])], [b, c, d], [a], [null, null, null])).toEqual([
      0, 1, 2,
    ]);
  });

  it("puts readers of an old value before the kernel that replaces it", () => {
    // b replaces a; the kernel of c still reads a.
    expect(order([kernel([a], [b]), kernel([a], [c])], [b, c], [a], [0, null])).toEqual([1, 0]);
  });

  it("puts what such a reader needs before it too", () => {
    expect(order([kernel([a], [b]), kernel([d], [e]), kernel([a, e], [c])], [b, c], [a, d], [0, null])).toEqual([
      1, 2, 0,
    ]);
  });

  it("two values that replace each other are ordered somehow, and only one is in place", () => {
    const lowered = [kernel([b], [c]), kernel([a], [d])];
    const sequence = order(lowered, [c, d], [a, b], [0, 1]);
    expect([...sequence].sort()).toEqual([0, 1]);
    const inPlace = inPlaceOutputs(
      sequence.map((i) => lowered[i]),
      [c, d],
      [a, b],
      [0, 1],
    );
    expect(inPlace.filter((at) => at !== null)).toHaveLength(1);
  });
});

describe("inPlaceOutputs", () => {
  const i = { name: "i", extent: 4 };
  const at = (shift = 0) => ix.plus(ix.variable(i), shift);
  const read = (buffer: string, shift = 0) => load(buffer, "f32", at(shift), [], 8);
  const one = constantOf(1, "f32");
  const plusOne = (buffer: string, shift = 0) => operation("add", [read(buffer, shift), one]);
  const write = (buffer: string, value = plusOne("r0")) => store(buffer, "f32", at(), value, 8);
  const loop = (...body: Stmt[]): Stmt => ({ kind: "for", variable: i, body });
  const decide = (...lowered: Lowered[]) => inPlaceOutputs(lowered, [b, c], [a], [0, null])[0];

  it.each<[string, Lowered[], 0 | null]>([
    ["reads each element before it writes it", [kernel([a], [b], [[loop(write("w0"))]])], 0],
    ["reads nothing", [kernel([d], [b], [[loop(write("w0"))]])], 0],
    ["reads the neighbour", [kernel([a], [b], [[loop(write("w0", plusOne("r0", 1)))]])], null],
    ["is followed by a reader", [kernel([a], [b], [[loop(write("w0"))]]), kernel([a], [c])], null],
    ["follows a reader", [kernel([a], [c]), kernel([a], [b], [[loop(write("w0"))]])], 0],
    [
      "reads in another part, which runs when it likes",
      [kernel([a], [b, c], [[loop(write("w0", one))], [loop(write("w1"))]])],
      null,
    ],
    ["reads after it has written", [kernel([a], [b, c], [[loop(write("w0", one), write("w1"))]])], null],
    ["reads before it writes", [kernel([a], [b, c], [[loop(write("w1"), write("w0"))]])], 0],
    ["shares a load with a later statement of the run", [kernel([a], [b, c], [[loop(write("w0"), write("w1"))]])], 0],
    [
      "loads again in a later run",
      [kernel([a], [b, c], [[loop(write("w0"), { kind: "if", guard: [], body: [write("w1")] })]])],
      null,
    ],
    [
      "keeps the old value in a register",
      [
        kernel(
          [a],
          [b, c],
          [[loop(declare("old", read("r0")), write("w0", one), write("w1", register("old", "f32", 1)))]],
        ),
      ],
      0,
    ],
  ])("a kernel that %s", (_, lowered, expected) => {
    expect(decide(...lowered)).toBe(expected);
  });

  it("never where shape or dtype differ", () => {
    const other = leaf([2, 2]);
    const lowered = [kernel([other], [b], [[loop(write("w0"))]])];
    expect(inPlaceOutputs(lowered, [b], [other], [0])).toEqual([null]);
  });
});
