/** The emulator of other machines: what it computes on lanes, and the faults of kernels that it does not let pass. */
import { describe, expect, it } from "vitest";
import { InterpDevice } from "../../src/device/interp/index.js";
import * as ix from "../../src/ir/index-math.js";
import * as ir from "../../src/ir/loops.js";
import type { Program } from "../../src/ir/program.js";
import { emulatedTargets } from "../support/emulator.js";

const LANES = 4;
const lane: ix.LoopVar = { name: ir.LANE, extent: LANES };
const at = (offset: number) => ix.plus(ix.variable(lane), offset);
const x = (offset: number, guard: ix.Guard = []) => ir.load("x", "f32", at(offset), guard, LANES);
const put = (value: ir.Expr, offset = 0) => ir.store("y", "f32", at(offset), value, LANES);
const INPUTS = 10;
const target = emulatedTargets[0];

/** Runs a kernel that reads `x`, the numbers from 1 to 10, and writes `y`. */
async function run(body: readonly ir.Stmt[], outputs: number, tasks = 1): Promise<number[]> {
  const kernel: ir.Kernel = {
    label: "by_hand",
    buffers: [
      { name: "x", dtype: "f32", elements: INPUTS, access: "read" },
      { name: "y", dtype: "f32", elements: outputs, access: "write" },
    ],
    scratch: [{ name: "s", dtype: "f32", elements: LANES }],
    parts: [{ tasks, body }],
    flops: 0,
  };
  const program: Program = {
    kernels: [kernel],
    steps: [
      {
        kernel: 0,
        slots: [
          { kind: "leaf", leaf: 0 },
          { kind: "output", output: 0 },
        ],
        waits: true,
      },
    ],
    arenaBytes: 0,
    outputs: [{ dtype: "f32", elements: outputs }],
    inPlace: [null],
  };
  const device = new InterpDevice(target);
  const [input, output] = [device.allocate("f32", INPUTS), device.allocate("f32", outputs)];
  device.write(
    input,
    Float32Array.from({ length: INPUTS }, (_, i) => i + 1),
  );
  await (await device.load(program)).submit([input], [output]);
  return Array.from(await device.read(output, "f32", outputs));
}

describe("lanes", () => {
  it("are computed alike, with scalars on all of them", async () => {
    const scalar = ir.load("x", "f32", ix.constant(9), [], LANES);
    const value = ir.operation("add", [ir.operation("mul", [x(0), scalar]), ir.constantOf(0.5, "f32")]);
    expect(await run([put(value)], LANES)).toEqual([10.5, 20.5, 30.5, 40.5]);
  });

  it("are summed in registers over loops, and folded", async () => {
    const step: ix.LoopVar = { name: "i", extent: 2 };
    const sum = ir.register("sum", "f32", LANES);
    const read = ir.load("x", "f32", ix.add(ix.variable(lane), ix.scale(ix.variable(step), LANES)), [], LANES);
    const body = [
      ir.declare("sum", x(0)),
      ir.loop(step, [ir.set("sum", ir.operation("add", [sum, read]))]),
      put(sum),
      ir.store("y", "f32", ix.constant(LANES), ir.foldLanes("max", sum), LANES),
    ];
    expect(await run(body, LANES + 1)).toEqual([7, 10, 13, 16, 16]);
  });

  it("are shuffled, also where a register takes over what is made of it", async () => {
    const a = ir.register("a", "f32", LANES);
    const turned = ir.shuffle(a, x(4), [3, 2, 4, 1]);
    expect(await run([ir.declare("a", x(0)), ir.set("a", turned), put(a)], LANES)).toEqual([4, 3, 5, 2]);
  });

  it("are zero where a guard does not hold", async () => {
    const guard = [{ index: ix.plus(at(8), 0), extent: INPUTS }];
    expect(await run([put(x(8, guard))], LANES)).toEqual([9, 10, 0, 0]);
  });

  it("differ in their index", async () => {
    const value = ir.castTo(ir.indexValue(at(7), LANES), "f32");
    expect(await run([put(value)], LANES)).toEqual([7, 8, 9, 10]);
  });

  it("of large expressions are computed in several functions", async () => {
    const terms = [0, 1, 2, 3, 4, 5, 6].flatMap((i) => [x(i), ir.operation("mul", [x(i), x(6 - i)])]);
    const value = terms.reduce((a, b) => ir.operation("add", [a, b]));
    const expected = [0, 1, 2, 3].map((l) =>
      [0, 1, 2, 3, 4, 5, 6].reduce((sum, i) => sum + (i + l + 1) + (i + l + 1) * (7 - i + l), 0),
    );
    expect(await run([put(value)], LANES)).toEqual(expected);
  });
});

describe("faults", () => {
  it.each<[string, readonly ir.Stmt[]]>([
    ["a vector that is read across the end", [put(x(7))]],
    ["a vector that is read before the beginning", [put(x(-1))]],
    ["a scalar that is read behind the end", [put(ir.load("x", "f32", ix.constant(INPUTS), [], LANES))]],
    ["a lane whose guard lets it leave", [put(x(8, [{ index: at(8), extent: INPUTS + 1 }]))]],
    ["a vector that is stored across the end", [put(x(0), 1)]],
    [
      "a scalar that is stored behind the end",
      [ir.store("y", "f32", ix.constant(LANES), ir.foldLanes("sum", x(0)), 4)],
    ],
  ])("%s is an error", async (_, body) => {
    await expect(run(body, LANES)).rejects.toThrow("an access outside");
  });

  it("what is never written, and scratch memory that no store of the task has filled, is not a number", async () => {
    expect(await run([put(x(0))], LANES + 1)).toEqual([1, 2, 3, 4, Number.NaN]);
    const task: ix.LoopVar = { name: ir.TASK, extent: 2 };
    const first = ir.when([{ index: ix.variable(task), extent: 1 }], [ir.store("s", "f32", at(0), x(0), LANES)]);
    const scratch = ir.load("s", "f32", at(0), [], LANES);
    const body = [first, ir.store("y", "f32", ix.add(at(0), ix.scale(ix.variable(task), LANES)), scratch, LANES)];
    const missing = new Array<number>(LANES).fill(Number.NaN);
    expect(await run(body, 2 * LANES, 2)).toEqual([1, 2, 3, 4, ...missing]);
  });

  it("a task that needs what an earlier one has stored does not find it", async () => {
    const task: ix.LoopVar = { name: ir.TASK, extent: 2 };
    const previous = ir.load(
      "y",
      "f32",
      ix.plus(ix.variable(task), -1),
      [{ index: ix.plus(ix.variable(task), -1), extent: 2 }],
      1,
    );
    const value = ir.operation("add", [previous, ir.constantOf(1, "f32")]);
    expect(await run([ir.store("y", "f32", ix.variable(task), value, 1)], 2, 2)).toEqual([1, Number.NaN]);
  });
});
