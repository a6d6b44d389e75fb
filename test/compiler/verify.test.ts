/** The verifier: graphs and kernels broken by hand, each with the message that it gets; and that the compiler calls it. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../src/compiler/index.js";
import { verifyGraph, verifyKernel } from "../../src/compiler/verify.js";
import type { DType } from "../../src/ir/dtype.js";
import { createNode, type Node } from "../../src/ir/graph.js";
import * as ix from "../../src/ir/index-math.js";
import {
  bind,
  castTo,
  constantOf,
  declare,
  type Expr,
  type Kernel,
  LANE,
  load,
  loop,
  operation,
  register,
  type Stmt,
  set,
  shuffle,
  splat,
  store,
  TASK,
  when,
} from "../../src/ir/loops.js";
import { graph } from "../../src/ops/index.js";
import { FoveaError } from "../../src/util/errors.js";
import { leaf } from "./graphs.js";
import { target } from "./recorder.js";

/** The message of the error that `fn` throws, with node numbers replaced. */
function messageOf(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(FoveaError);
    return error instanceof Error ? error.message.replace(/node \d+/, "node N") : String(error);
  }
  return "nothing was thrown";
}

describe("verifyGraph", () => {
  const x = leaf([4, 8]);
  const y = leaf([4, 8]);
  const node = (op: "add" | "exp", inputs: readonly Node[], shape = [4, 8], dtype: DType = "f32"): Node =>
    createNode(op, inputs, {}, shape, dtype);
  const sum = (shape: number[], dtype: DType, axes = [1]): Node =>
    createNode("reduce", [x], { kind: "sum", axes }, shape, dtype);
  const check = (...outputs: Node[]) => messageOf(() => verifyGraph("fuse", outputs));

  it("accepts what the checked builder makes", () => {
    const product = graph.make("matmul", [leaf([1, 2, 3]), leaf([1, 3, 4])], {});
    const column = graph.make("slice", [product], { start: [0, 0, 0], step: [1, 1, 2] }, { shape: [1, 2, 2] });
    expect(check(graph.op("add", graph.op("exp", x), y), column, graph.constant(3, x), sum([4], "f32"))).toBe(
      "nothing was thrown",
    );
  });

  it.each<[string, () => Node[], string]>([
    ["a wrong shape", () => [node("add", [x, y], [8, 4])], "(add) is f32[8, 4], its record says f32[4, 8]"],
    ["a wrong dtype", () => [sum([4], "i32")], "(reduce) is i32[4], its record says f32[4]"],
    ["a kept axis", () => [sum([4, 1], "f32")], "(reduce) is f32[4, 1], its record says f32[4]"],
    ["a negative extent", () => [node("exp", [x], [-4, 8])], "(exp) has the shape [-4, 8]"],
    [
      "operands that do not fit",
      () => [node("add", [x, leaf([8])])],
      "(add) does not fit its record: [add] operand shapes differ: [4, 8], [8]",
    ],
    [
      "operands of different dtypes",
      () => [node("add", [x, leaf([4, 8], "i32")])],
      "(add) does not fit its record: [add] operand dtypes do not fit: f32, i32",
    ],
    ["too few operands", () => [node("add", [x])], "(add) does not fit its record: [add] takes 2 operands, got 1"],
    [
      "a missing operand",
      () => [{ ...node("add", [x, y]), inputs: [x, undefined as unknown as Node] }],
      "(add) has no operand 1",
    ],
    [
      "an axis that is not there",
      () => [sum([4, 8], "f32", [2])],
      "(reduce) does not fit its record: [reduce] axes [2] are not all in [4, 8]",
    ],
  ])("finds %s", (_, broken, message) => {
    expect(check(...broken())).toBe(`[verify] after fuse: node N ${message}`);
  });

  it("finds a fault deep in the graph", () => {
    const bad = createNode("exp", [x], {}, [8, 4], "f32");
    let top: Node = bad;
    for (let i = 0; i < 20_000; i++) top = createNode("exp", [top], {}, [8, 4], "f32");
    expect(check(top)).toBe("[verify] after fuse: node N (exp) is f32[8, 4], its record says f32[4, 8]");
  });

  it("finds a node that needs itself", () => {
    const inputs: Node[] = [x];
    const first = createNode("exp", inputs, {}, [4, 8], "f32");
    inputs[0] = createNode("neg", [first], {}, [4, 8], "f32");
    expect(check(first)).toBe("[verify] after fuse: node N (exp) needs itself");
  });

  it("finds a missing output", () => {
    expect(check(x, undefined as unknown as Node)).toBe("[verify] after fuse: output 1 is missing");
  });
});

describe("verifyKernel", () => {
  const LANES = 8;
  const lane = ix.variable({ name: LANE, extent: LANES });
  const i: ix.LoopVar = { name: "i", extent: 4 };
  const vector = ix.add(ix.scale(ix.variable(i), LANES), lane);
  const read = (index: ix.Index = vector, guard: ix.Guard = [], buffer = "a") =>
    load(buffer, "f32", index, guard, LANES);
  const write = (value: Expr = read(), index: ix.Index = vector, buffer = "b", guard: ix.Guard = []): Stmt =>
    store(buffer, "f32", index, value, LANES, guard);
  const kernelOf = (...body: Stmt[]): Kernel => ({
    label: "hand",
    buffers: [
      { name: "a", dtype: "f32", elements: 32, access: "read" },
      { name: "b", dtype: "f32", elements: 32, access: "write" },
      { name: "n", dtype: "u8", elements: 32, access: "read" },
    ],
    scratch: [{ name: "s", dtype: "f32", elements: 16 }],
    parts: [{ tasks: 2, body }],
    flops: 0,
  });
  const check = (...body: Stmt[]) => messageOf(() => verifyKernel("lower", kernelOf(...body)));
  const zeros = splat(constantOf(0, "f32"), LANES);
  const c = (lanes = LANES) => register("c", "f32", lanes);
  const scalarAt = (value: number) => ix.constant(value);
  const task = ix.variable({ name: TASK, extent: 2 });

  it.each<[string, Stmt[]]>([
    ["a copy", [loop(i, [write()])]],
    ["an accumulator", [declare("c", zeros), loop(i, [set("c", operation("add", [c(), read()]))]), write(c(), lane)]],
    ["scratch memory", [write(read(lane), lane, "s"), write(read(lane, [], "s"), lane)]],
    ["the number of the task", [write(read(task), task)]],
    [
      "a guard that keeps an access inside",
      [loop(i, [write(read(ix.plus(vector, -4), [{ index: ix.plus(vector, -4), extent: 32 }]))])],
    ],
    [
      "a condition around statements, and a name for an index",
      [
        loop(i, [
          when(
            [{ index: ix.plus(ix.scale(ix.variable(i), LANES), 8), extent: 25 }],
            [
              bind({ name: "p", extent: 17 }, ix.scale(ix.variable(i), LANES), [
                write(read(ix.plus(vector, 8)), ix.add(ix.variable({ name: "p", extent: 17 }), lane)),
              ]),
            ],
          ),
        ]),
      ],
    ],
    ["a loop that never runs", [loop({ name: "z", extent: 0 }, [write(read(ix.constant(99)), ix.constant(99))])]],
    [
      "a computed position",
      [
        write(
          load("a", "f32", ix.zero, [], LANES, {
            value: castTo(load("n", "u8", lane, [], LANES), "i32"),
            step: 8,
            extent: 4,
          }),
          lane,
        ),
      ],
    ],
  ])("accepts %s", (_, body) => {
    expect(check(...body)).toBe("nothing was thrown");
  });

  it.each<[string, Stmt[], string]>([
    ["a register that is not declared", [write(c(), lane)], "register c is not declared"],
    [
      "a register that is set before it is declared",
      [set("c", zeros), declare("c", zeros)],
      "register c is not declared",
    ],
    ["a register from an inner loop", [loop(i, [declare("c", zeros)]), write(c(), lane)], "register c is not declared"],
    ["a register declared twice", [declare("c", zeros), declare("c", zeros)], "register c is declared twice"],
    [
      "a register of another type",
      [declare("c", constantOf(1, "i32")), write(c(1), ix.zero)],
      "register c is i32×1, used as f32×1",
    ],
    [
      "a register of other lanes",
      [declare("c", zeros), set("c", constantOf(0, "f32"))],
      "register c is f32×8, used as f32×1",
    ],
    ["a loop variable that is not open", [write(read())], "loop i is not open"],
    ["a loop variable after its loop", [loop(i, []), write()], "loop i is not open"],
    ["a loop opened twice", [loop(i, [loop(i, [write()])])], "loop i is open already"],
    ["a loop named like a buffer", [loop({ name: "a", extent: 8 }, [])], "loop a has the name of a buffer"],
    [
      "an index that counts on another extent",
      [loop({ name: "i", extent: 5 }, [write()])],
      "loop i runs 5 times, an index counts on 4",
    ],
    [
      "lanes of another width",
      [write(read(ix.variable({ name: LANE, extent: 4 })), lane)],
      "lanes run to 4 in a value of 8",
    ],
    ["memory that is not declared", [write(read(lane, [], "q"), lane)], "q is not declared"],
    ["a store to what is read only", [write(zeros, lane, "a")], "a store to a, which is read only"],
    [
      "another dtype than the memory's",
      [write(load("n", "f32", lane, [], LANES), lane)],
      "n holds u8, accessed as f32",
    ],
    [
      "a value of another type",
      [store("b", "f32", ix.zero, constantOf(1, "i32"), LANES)],
      "i32 is stored into b of f32",
    ],
    [
      "a load past the end",
      [loop(i, [write(read(ix.plus(vector, 1)))])],
      "a load from a reaches [1, 32] of 32 without a guard",
    ],
    [
      "a load before the start",
      [loop(i, [write(read(ix.plus(vector, -1)))])],
      "a load from a reaches [-1, 30] of 32 without a guard",
    ],
    [
      "a store past the end",
      [write(zeros, ix.add(ix.constant(25), lane))],
      "a store to b reaches [25, 32] of 32 without a guard",
    ],
    [
      "a store past scratch memory",
      [write(constantOf(1, "f32"), scalarAt(16), "s")],
      "a store to s reaches [16, 16] of 16 without a guard",
    ],
    [
      "a guard that does not keep an access inside",
      [loop(i, [write(read(ix.plus(vector, 16), [{ index: ix.plus(vector, 8), extent: 32 }]))])],
      "a load from a reaches N of 32 under its guard",
    ],
    [
      "a computed position past the end",
      [write(load("a", "f32", ix.zero, [], LANES, { value: constantOf(1, "i32"), step: 8, extent: 5 }), ix.zero)],
      "a load from a reaches [0, 32] of 32 without a guard",
    ],
    [
      "operands of different types",
      [write(operation("add", [constantOf(1, "i32"), constantOf(1, "f32")]), ix.zero)],
      "add does not fit its operands (op f32×1)",
    ],
    [
      "a mask with too few lanes",
      [declare("c", zeros), write(shuffle(c(), c(), [0, 1]), lane)],
      "shuffle does not fit its operands (shuffle f32×8)",
    ],
    [
      "a mask that names a lane that is not there",
      [declare("c", zeros), write(shuffle(c(), c(), [0, 1, 2, 3, 4, 5, 6, 16]), lane)],
      "shuffle does not fit its operands (shuffle f32×8)",
    ],
    [
      "a name whose range is too small",
      [loop(i, [bind({ name: "p", extent: 2 }, ix.variable(i), [])])],
      "the name p reaches [0, 3] of 2 without a guard",
    ],
    [
      "two expressions with one key",
      [declare("c", { ...zeros, key: "k" }), declare("d", { ...constantOf(1, "i32"), key: "k" })],
      "splat f32×8 and const i32×1 have the same key k",
    ],
  ])("finds %s", (_, body, message) => {
    const found = check(...body).replace(/reaches \d+ of/, "reaches N of");
    expect(found).toBe(`[verify] after lower: kernel hand: ${message}`);
  });
});

describe("the compiler", () => {
  const request = (output: Node, leaves: readonly Node[], verify: boolean) => () =>
    compileGraph({ outputs: [output], leaves, replaces: [null], target, verify });

  it("verifies after every pass where it is asked to", () => {
    const x = leaf([4, 8]);
    const broken = createNode("exp", [x], {}, [8, 4], "f32");
    expect(messageOf(() => request(broken, [x], true)())).toBe(
      "[verify] after trace: node N (exp) is f32[8, 4], its record says f32[4, 8]",
    );
    expect(request(broken, [x], false)).not.toThrow();
  });

  it("is verified in all tests", () => {
    expect(process.env.FOVEA_VERIFY).toBe("1");
  });
});
