/**
 * Attention on emulated machines: blocks of every size, few heads and many, masks, dropout, NaN and infinite scores,
 * compared with the decomposition in float64. The sweep over the structural ops compares some cases with plain loops.
 */
import { describe, expect, it } from "vitest";
import { scratchBytes } from "../../src/codegen/index.js";
import { compileGraph } from "../../src/compiler/index.js";
import { arange, Generator, grad, Tensor, tensor, useDevice } from "../../src/index.js";
import { createLeaf } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { attend } from "../../src/tensor/attention.js";
import { fill, sizeOf } from "../support/arrays.js";
import { valuesOf } from "../support/devices.js";
import { compare, dealt, emulatedTargets } from "../support/emulator.js";
import { spreadValues } from "../support/numbers.js";
import { recordedTargets } from "../support/targets.js";

interface Sizes {
  readonly b: number;
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly e: number;
  readonly causal?: boolean;
  readonly bias?: "masked" | "all" | "smooth";
  /** A factor with a gradient, or a mask of dropout, which is computed where it is read. */
  readonly factor?: "smooth" | "dropout";
  /** Position of a NaN in the queries, keys or values. */
  readonly poison?: "q" | "k" | "v";
}

const cases: readonly Sizes[] = [
  { b: 1, t: 1, s: 1, d: 1, e: 1 },
  { b: 2, t: 5, s: 7, d: 3, e: 4 },
  { b: 2, t: 33, s: 40, d: 16, e: 24, causal: true },
  { b: 3, t: 17, s: 70, d: 5, e: 20, causal: true, bias: "smooth" },
  { b: 2, t: 70, s: 17, d: 8, e: 8, causal: true, factor: "smooth" },
  { b: 5, t: 33, s: 33, d: 32, e: 16, bias: "masked", factor: "smooth" },
  { b: 1, t: 100, s: 130, d: 4, e: 9, bias: "masked" },
  { b: 8, t: 14, s: 1, d: 2, e: 65 },
  { b: 2, t: 1, s: 65, d: 65, e: 1 },
  { b: 2, t: 9, s: 20, d: 4, e: 4, bias: "all" },
  { b: 3, t: 13, s: 22, d: 4, e: 6, causal: true, factor: "dropout" },
  { b: 1, t: 20, s: 20, d: 4, e: 4, poison: "q" },
  { b: 1, t: 20, s: 20, d: 4, e: 4, poison: "k" },
  { b: 1, t: 20, s: 20, d: 4, e: 4, poison: "v" },
];

const values = (shape: readonly number[], seed: number, poisoned = false): Tensor =>
  tensor(
    spreadValues(sizeOf(shape), seed).map((x, i) => (poisoned && i === 9 ? Number.NaN : x)),
    { shape },
  );

function biasOf({ t, s, bias }: Sizes): Tensor | null {
  if (!bias) return null;
  const hidden = (i: number, j: number) => bias === "all" || i === 1 || (i + j) % 3 === 0;
  const at = (i: number, j: number) => (bias === "smooth" ? Math.sin(i + 2 * j) : hidden(i, j) ? -Infinity : 0);
  return tensor([...fill([t, s], ([i, j]) => at(i, j)).values], { shape: [t, s] });
}

/** The results, and the gradients of all operands. */
function work(sizes: Sizes): Tensor[] {
  const { b, t, s, d, e, causal = false, factor, poison } = sizes;
  const [q, k, v] = [
    values([b, t, d], 1, poison === "q"),
    values([b, s, d], 2, poison === "k"),
    values([b, s, e], 3, poison === "v"),
  ];
  const dropout = () => new Generator(3).bernoulli([b, t, s], 0.7).where(1 / 0.7, 0);
  const factors = { smooth: () => values([b, t, s], 4), dropout };
  const options = { bias: biasOf(sizes), factor: factor ? factors[factor]() : null };
  const y = attend(q, k, v, { batch: [b], scale: 0.5, causal, ...options });
  const others = factor === "dropout" ? [options.bias] : Object.values(options);
  const operands = [q, k, v, ...others.flatMap((x) => x ?? [])];
  return [y, ...grad(y, operands, { gradOutput: values([b, t, e], 5) })];
}

describe("attention on emulated machines", () => {
  const together = cases.map((sizes) => ({ name: JSON.stringify(sizes), sizes }));
  it.each(dealt(together, 3))("$entry.name on $device", async ({ entry: { name, sizes }, device }) => {
    await compare(device, () => work(sizes), { relative: 1e-6, absolute: 1e-6 }, name);
  });
});

describe("memory of attention", () => {
  /** Bytes of temporaries, and of scratch memory of a thread, forward and backward with dropout. */
  function bytesAt(length: number): number[] {
    const node = (x: Tensor) => x.node;
    const [q, k, v] = [1, 2, 3].map(() => new Tensor(createLeaf([2, length, 16], "f32")));
    const counter = new Tensor(createLeaf([], "i32"));
    const position = arange(2 * length * length).reshape([2, length, length]);
    const bits = graph.op(
      "philox0",
      ...[position, counter.expand([2, length, length])].map(node),
      graph.constant(7, position.node),
    );
    const factor = new Tensor(bits).lt(0).where(1, 0);
    const y = attend(q, k, v, { batch: [2], scale: 0.25, causal: false, bias: null, factor });
    const outputs = [y, ...grad(y, [q, k, v], { gradOutput: y })].map(node);
    const leaves = [q, k, v, counter].map(node);
    const replaces = outputs.map(() => null);
    const program = compileGraph({ outputs, leaves, replaces, target: recordedTargets[0] });
    return [program.arenaBytes, Math.max(...program.kernels.map(scratchBytes))];
  }

  it("grows with the length of the sequence, not with its square", () => {
    const [arena, scratch] = bytesAt(512);
    const [longArena, longScratch] = bytesAt(2048);
    expect(arena).toBeLessThan(512 * 512 * 4);
    expect(longArena).toBeLessThan(4.1 * arena);
    expect(longScratch).toBeLessThan(4.1 * scratch);
  });
});

describe("attention in single precision", () => {
  it.each(["native", "wasm"])("agrees on %s, NaN and rows without a key included", async (device) => {
    const chosen = cases.filter((_, i) => [5, 10, 11].includes(i));
    for (const sizes of chosen) await compare(device, () => work(sizes), { relative: 1e-4, absolute: 2e-5 });
  });

  it("gives the same bits for few heads, whose work is cut, as for many", async () => {
    await useDevice(emulatedTargets[5].name);
    const outputs = (heads: number): Tensor[] => {
      const [q, k, v, g] = [1, 2, 3, 4].map((seed) => values([1, 50, 8], seed).expand([heads, 50, 8]));
      const y = attend(q, k, v, { batch: [heads], scale: 0.3, causal: true, bias: null, factor: null });
      return [y, ...grad(y, [q, k, v], { gradOutput: g })].map((x) => x.slice(0, 0, 1));
    };
    const [few, many] = [await valuesOf(outputs(1)), await valuesOf(outputs(16))];
    expect(few).toEqual(many);
  });
});
