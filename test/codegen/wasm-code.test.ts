/**
 * What the encoder makes of loops and addresses: inner loops without multiplications, no address below its buffer that
 * wraps, addresses of all 32 bits, and products fused only where nothing else needs them.
 */
import { describe, expect, it } from "vitest";
import { encodeWasm, LOW_BYTES, type WasmOptions } from "../../src/codegen/index.js";
import { compileGraph } from "../../src/compiler/index.js";
import { createLeaf, type Node } from "../../src/ir/graph.js";
import * as ix from "../../src/ir/index-math.js";
import {
  type BufferSpec,
  bind,
  constantOf,
  declare,
  type Expr,
  foldLanes,
  indexValue,
  type Kernel,
  LANE,
  load,
  loop,
  nameOf,
  operation,
  register,
  type Stmt,
  set,
  splat,
  store,
  TASK,
  when,
} from "../../src/ir/loops.js";
import { graph } from "../../src/ops/index.js";
import { engine, PlainWasm, wasmTarget } from "../support/wasm.js";
import { innerLoops, watOf } from "../support/wat.js";

const LANES = 4;
const plain: WasmOptions = { relaxed: false, shared: false };
const fused: WasmOptions = { relaxed: true, shared: false };

const buffer = (name: string, elements: number, access: "read" | "write" = "read"): BufferSpec => ({
  name,
  dtype: "f32",
  elements,
  access,
});
const kernelOf = (buffers: readonly BufferSpec[], body: readonly Stmt[], tasks = 1): Kernel => ({
  label: "test",
  buffers,
  scratch: [],
  parts: [{ tasks, body }],
  flops: 0,
});
const textOf = (kernel: Kernel, options = plain): string => watOf(encodeWasm(kernel, options));
const lane = ix.variable({ name: LANE, extent: LANES });
const row = (name: string, at: ix.Index): Expr => load(name, "f32", ix.add(at, lane), [], LANES);

/** Runs a kernel's tasks on buffers filled with the given values; returns what each buffer holds then. */
function run(kernel: Kernel, values: readonly (readonly number[])[], options = plain): number[][] {
  const device = new PlainWasm("test", options);
  const function_ = device.compile(kernel);
  const blocks = kernel.buffers.map(({ elements }) => device.block(4 * elements));
  values.forEach((list, i) => {
    device.write(blocks[i], Float32Array.from(list));
  });
  const table = device.block(4 * blocks.length);
  device.write(
    table,
    Int32Array.from(blocks, ({ address }) => address),
  );
  function_(table.address, 0, kernel.parts[0].tasks, 0);
  return blocks.map((block, i) => [...device.values(block, "f32", kernel.buffers[i].elements)]);
}

describe("inner loops", () => {
  const matmul = (m: number, k: number, n: number): Kernel => {
    const [a, b] = [createLeaf([1, m, k], "f32"), createLeaf([1, k, n], "f32")];
    return kernelFor(graph.make("matmul", [a, b], {}), [a, b]);
  };
  const conv = (c: number, o: number): Kernel => {
    const [x, w] = [createLeaf([2, c, 12, 12], "f32"), createLeaf([o, c, 3, 3], "f32")];
    const attrs = { stride: [1, 1], before: [1, 1], after: [1, 1], dilation: [1, 1], groups: 1 } as const;
    return kernelFor(graph.make("conv2d", [x, w], attrs), [x, w]);
  };
  function kernelFor(output: Node, leaves: readonly Node[]): Kernel {
    const { kernels } = compileGraph({ outputs: [output], leaves, replaces: [null], target: wasmTarget, verify: true });
    return kernels.reduce((a, b) => (b.flops > a.flops ? b : a));
  }

  it.each([
    ["matmul", matmul(96, 64, 96)],
    ["matmul of odd sizes", matmul(37, 301, 59)],
    ["conv2d", conv(16, 24)],
  ])("of %s multiply no integers", (_, kernel) => {
    const loops = innerLoops(textOf(kernel, fused));
    expect(loops.length).toBeGreaterThan(2);
    const dear = loops.flat().filter((line) => /i32\.(mul|div|rem)/.test(line));
    expect(dear).toEqual([]);
  });

  it("of products hold products, loads, and one addition for each operand", () => {
    const loops = innerLoops(textOf(matmul(96, 64, 96), fused));
    const holds = (lines: readonly string[], text: string) => lines.some((line) => line.includes(text));
    // The first tile down a panel of columns also packs it.
    const [products, ...more] = loops.filter((lines) => holds(lines, "relaxed_madd") && !holds(lines, "v128.store"));
    expect(more).toEqual([]);
    const count = (pattern: RegExp) => products.filter((line) => pattern.test(line)).length;
    expect(count(/relaxed_madd/)).toBeGreaterThanOrEqual(8);
    expect(count(/i32\.add/)).toBe(2);
    expect(count(/f32x4\.splat|f32\.load/)).toBe(0);
    expect(count(/br_if/)).toBe(1);
  });

  it("share one address among what lies a constant apart, with no negative offset", () => {
    const i = { name: "i", extent: 10 };
    const at = (offset: number) => ix.plus(ix.scale(ix.variable(i), LANES), offset);
    const sum = operation("add", [row("x", at(4)), operation("add", [row("x", at(0)), row("x", at(8))])]);
    const kernel = kernelOf(
      [buffer("x", 64), buffer("y", 64, "write")],
      [loop(i, [store("y", "f32", ix.add(at(0), lane), sum, LANES)])],
    );
    const [lines] = innerLoops(textOf(kernel));
    expect(lines.filter((line) => line === "i32.add").length).toBe(2);
    expect(lines.filter((line) => line.startsWith("v128.load")).sort()).toEqual([
      "v128.load align=4",
      "v128.load offset=16 align=4",
      "v128.load offset=32 align=4",
    ]);
    const x = Array.from({ length: 64 }, (_, n) => n);
    const [, y] = run(kernel, [x]);
    expect(y.slice(0, 40)).toEqual(x.slice(0, 40).map((n) => 3 * n + 12));
  });
});

describe("loops", () => {
  it("of quotients and remainders, names and guards count as written", () => {
    const [i, j, e] = [
      { name: "i", extent: 7 },
      { name: "j", extent: 5 },
      { name: "e", extent: 30 },
    ];
    const task = ix.variable({ name: TASK, extent: 3 });
    const flat = ix.add(ix.add(ix.scale(task, 35), ix.scale(ix.variable(i), 5)), ix.variable(j));
    const value = indexValue(ix.add(ix.scale(ix.div(flat, 6), 100), ix.mod(ix.plus(flat, -4), 7)), LANES);
    const shifted = ix.plus(flat, -20);
    const named: Stmt = when(
      [{ index: shifted, extent: 30 }],
      [bind(e, shifted, [store("z", "i32", ix.variable(e), indexValue(ix.div(ix.variable(e), 4), LANES), LANES)])],
    );
    const ints = (name: string, elements: number): BufferSpec => ({ ...buffer(name, elements, "write"), dtype: "i32" });
    const kernel = kernelOf(
      [ints("y", 105), ints("z", 30)],
      [loop(i, [loop(j, [store("y", "i32", flat, value, LANES), named])])],
      3,
    );
    const device = new PlainWasm("test", plain);
    const [y, z, table] = [device.block(420), device.block(120), device.block(8)];
    device.write(table, Int32Array.of(y.address, z.address));
    device.compile(kernel)(table.address, 0, 3, 0);
    const mod = (n: number, by: number) => ((n % by) + by) % by;
    const wanted = Array.from({ length: 105 }, (_, n) => Math.floor(n / 6) * 100 + mod(n - 4, 7));
    expect([...device.values(y, "i32", 105)]).toEqual(wanted);
    expect([...device.values(z, "i32", 30)]).toEqual(Array.from({ length: 30 }, (_, n) => Math.floor(n / 4)));
  });

  it.each([3, 6, 24, 25])("of %i steps make several at once where a remainder then is a constant", (extent) => {
    const i = ix.variable({ name: "i", extent });
    const at = ix.add(ix.scale(ix.mod(ix.plus(i, 1), 3), 10), ix.div(i, 3));
    const kernel = kernelOf(
      [buffer("x", extent), buffer("y", 30, "write")],
      [loop({ name: "i", extent }, [store("y", "f32", at, load("x", "f32", i, [], LANES), LANES)])],
    );
    const x = Array.from({ length: extent }, (_, n) => n + 1);
    const [, y] = run(kernel, [x]);
    for (let n = 0; n < extent; n++) expect(y[((n + 1) % 3) * 10 + Math.floor(n / 3)]).toBe(n + 1);
    const text = textOf(kernel);
    expect(text.includes("i32.rem_u")).toBe(extent === 25);
    expect(innerLoops(text).length).toBe(extent === 3 ? 1 : 2);
  });

  it("add to sums in the order that V8 keeps: stored ones as stored, operands the other way round", () => {
    const i = { name: "i", extent: 8 };
    const sums = Array.from({ length: 8 }, (_, n) => register(`a${n}`, "f32", LANES));
    const body = sums.map((sum, n) => {
      const element = row("x", ix.plus(ix.scale(ix.variable(i), LANES), n * LANES));
      return set(nameOf(sum), operation("add", [sum, element]));
    });
    const place = (n: number) => ix.plus(lane, n * LANES);
    const pair = (n: number) => operation("mul", [sums[n], sums[n + 1]]);
    const offsets = (stores: readonly Stmt[]) => {
      const start = sums.map((sum) => declare(nameOf(sum), splat(constantOf(0, "f32"), LANES)));
      const kernel = kernelOf([buffer("x", 64), buffer("y", 32, "write")], [...start, loop(i, body), ...stores]);
      const [lines] = innerLoops(textOf(kernel));
      return lines
        .filter((line) => line.startsWith("v128.load"))
        .map((line) => Number(/offset=(\d+)/.exec(line)?.[1] ?? 0) / 16);
    };
    const plainly = sums.map((sum, n) => store("y", "f32", place(7 - n), sum, LANES));
    expect(offsets(plainly)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(offsets([...plainly].reverse())).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    const products = [6, 0, 4, 2].map((n, at) => store("y", "f32", place(at), pair(n), LANES));
    expect(offsets(products)).toEqual([3, 2, 5, 4, 1, 0, 7, 6]);
  });

  it("leave registers that they change with their last values", () => {
    const i = { name: "i", extent: 9 };
    const sums = Array.from({ length: 7 }, (_, n) => register(`a${n}`, "f32", LANES));
    const body = sums.map((sum, n) => set(nameOf(sum), operation("add", [sum, row("x", ix.plus(ix.variable(i), n))])));
    const kernel = kernelOf(
      [buffer("x", 32), buffer("y", 7, "write")],
      [
        ...sums.map((sum) => declare(nameOf(sum), splat(constantOf(0, "f32"), LANES))),
        loop(i, body),
        ...sums.map((sum, n) => store("y", "f32", ix.constant(n), foldLanes("sum", sum), LANES)),
      ],
    );
    const x = Array.from({ length: 32 }, (_, n) => n);
    const total = (from: number) => x.slice(from, from + 9).reduce((a, b) => a + b, 0);
    const wanted = sums.map((_, n) => total(n) + total(n + 1) + total(n + 2) + total(n + 3));
    expect(run(kernel, [x])[1]).toEqual(wanted);
  });
});

describe("addresses", () => {
  /** Copies x, `before` elements in front of it read as zero, to the end of y. */
  const shifted = (before: number, elements: number): Kernel => {
    const i = { name: "i", extent: (before + elements) / LANES };
    const at = ix.plus(ix.scale(ix.variable(i), LANES), -before);
    const value = load("x", "f32", ix.add(at, lane), [{ index: ix.add(at, lane), extent: elements }], LANES);
    const target = ix.add(ix.scale(ix.variable(i), LANES), lane);
    return kernelOf(
      [buffer("x", elements), buffer("y", before + elements, "write")],
      [loop(i, [store("y", "f32", target, value, LANES)])],
    );
  };

  it.each([4, 6, 1000, LOW_BYTES / 4, LOW_BYTES / 4 + 8, LOW_BYTES])(
    "reach %i elements before the first buffer",
    (before) => {
      const elements = 16 + (LANES - (before % LANES));
      const x = Array.from({ length: elements }, (_, n) => n + 1);
      const [, y] = run(shifted(before, elements), [x]);
      expect(y.slice(before)).toEqual(x);
      expect(y.slice(0, before).every((value) => value === 0)).toBe(true);
    },
  );

  it("are unsigned: memory above 2 GiB is used like any other", () => {
    const device = new PlainWasm("test", plain);
    device.memory.grow((2 ** 31 + 2 ** 20) / 65536);
    const kernel = shifted(6, 18);
    const place = (address: number) => ({ address, sizeBytes: 256 });
    const [x, y, table] = [place(2 ** 31 + 4096), place(2 ** 31 - 32), place(LOW_BYTES)];
    device.write(
      x,
      Float32Array.from({ length: 18 }, (_, n) => n),
    );
    device.write(table, Int32Array.of(x.address, y.address));
    device.compile(kernel)(table.address, 0, 1, 0);
    const wanted = Array.from({ length: 24 }, (_, n) => Math.max(0, n - 6));
    expect([...device.values(y, "f32", 24)]).toEqual(wanted);
  });
});

describe("fused multiply-add", () => {
  const at = ix.zero;
  const [a, b, c] = ["a", "b", "c"].map((name) => row(name, at));
  const product = operation("mul", [a, b]);
  const buffers = [...["a", "b", "c"].map((name) => buffer(name, 4)), buffer("y", 8, "write")];
  const toY = (value: Expr, offset = 0) => store("y", "f32", ix.plus(lane, offset), value, LANES);
  const values = [
    [2, 3, 4, 5],
    [10, 10, 10, 10],
    [1, 2, 3, 4],
  ];

  it.each([
    ["a · b + c", operation("add", [product, c]), "relaxed_madd", [21, 32, 43, 54]],
    ["c + a · b", operation("add", [c, product]), "relaxed_madd", [21, 32, 43, 54]],
    ["c - a · b", operation("sub", [c, product]), "relaxed_nmadd", [-19, -28, -37, -46]],
  ])("does %s in one instruction", (_, value, name, wanted) => {
    const kernel = kernelOf(buffers, [toY(value)]);
    expect(textOf(kernel, fused)).toContain(`f32x4.${name}`);
    expect(textOf(kernel, plain)).not.toContain("relaxed");
    for (const options of [plain, fused]) expect(run(kernel, values, options)[3].slice(0, 4)).toEqual(wanted);
  });

  it("is used by every sum of a product that is needed twice: how often it is needed may differ behind the last vector", () => {
    const kernel = kernelOf(buffers, [toY(operation("add", [c, product])), toY(operation("sub", [c, product]), 4)]);
    const text = textOf(kernel, fused);
    expect(text).toContain("f32x4.relaxed_madd");
    expect(text).toContain("f32x4.relaxed_nmadd");
  });

  it("is used for scalars too, so that a value does not depend on where it lies", () => {
    const [first, second, third] = ["a", "b", "c"].map((name) => load(name, "f32", ix.zero, [], 1));
    const sum = operation("add", [operation("mul", [first, second]), third]);
    const text = textOf(kernelOf(buffers, [store("y", "f32", ix.zero, sum, 1)]), fused);
    expect(text).toContain("f32x4.relaxed_madd");
    expect(text).not.toContain("f32.mul");
  });
});

describe("modules", () => {
  it("import memory as the device has it", () => {
    const kernel = kernelOf([buffer("y", 4, "write")], [store("y", "f32", lane, constantOf(1, "f32"), LANES)]);
    const shared = encodeWasm(kernel, { relaxed: false, shared: true });
    expect(engine.validate(shared)).toBe(true);
    expect(watOf(shared)).toContain('(import "fovea" "memory" (memory (;0;) 1 65536 shared))');
    expect(textOf(kernel)).toContain('(import "fovea" "memory" (memory (;0;) 1))');
  });

  it("refuse what WebAssembly has not", () => {
    const wide = kernelOf(
      [buffer("y", 8, "write")],
      [store("y", "f32", ix.variable({ name: LANE, extent: 8 }), constantOf(1, "f32"), 8)],
    );
    expect(() => encodeWasm(wide, plain)).toThrow("[wasm] vectors have 4 lanes, not 8");
    const double = kernelOf(
      [{ ...buffer("y", 1, "write"), dtype: "f64" }],
      [store("y", "f64", ix.zero, constantOf(1, "f64"), LANES)],
    );
    expect(() => encodeWasm(double, plain)).toThrow("no code for f64");
  });
});
