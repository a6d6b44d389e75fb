/** The kernels that measure a device: they stay in their buffers and do what they are counted for. */
import { describe, expect, it } from "vitest";
import { verifyKernel } from "../../src/compiler/verify.js";
import { currentDevice, useDevice } from "../../src/index.js";
import type { Stmt } from "../../src/ir/loops.js";
import type { Program } from "../../src/ir/program.js";
import type { Target } from "../../src/ir/target.js";
import { arithmeticKernel, bandwidthKernel } from "../../src/runtime/peaks.js";
import { target } from "../compiler/recorder.js";

describe.each<Partial<Target>>([{ lanes: 4 }, { lanes: 8 }, { lanes: 16, threads: 7 }])("for %o", (machine) => {
  const made = { ...target, ...machine };

  it("kernels stay in their buffers", () => {
    expect(() => verifyKernel("peaks", arithmeticKernel(made))).not.toThrow();
    expect(() => verifyKernel("peaks", bandwidthKernel(made, 1 << 20))).not.toThrow();
  });

  it("the loop of multiply-adds touches no memory and has as many as are counted", () => {
    const { parts, flops } = arithmeticKernel(made);
    const [{ tasks, body }] = parts;
    const loop = body.find((s): s is Stmt & { kind: "for" } => s.kind === "for");
    expect(loop?.body.every((s) => s.kind === "set" && !/load|B\d|X/.test(JSON.stringify(s.value)))).toBe(true);
    expect(flops).toBe(2 * (loop?.body.length ?? 0) * (loop?.variable.extent ?? 0) * made.lanes * tasks);
  });

  it("the copy reads and writes every element once", () => {
    const bytes = 4 << 20;
    const { buffers, parts } = bandwidthKernel(made, bytes);
    expect(buffers.map(({ elements }) => 4 * elements)).toEqual([bytes / 2, bytes / 2]);
    const [{ tasks, body }] = parts;
    const [loop] = body;
    expect(tasks * (loop.kind === "for" ? loop.variable.extent : 0) * made.lanes).toBe(bytes / 8);
  });
});

it("the copy adds one", async () => {
  await useDevice("interp");
  const device = await currentDevice();
  const kernel = bandwidthKernel(device.target, 1 << 16);
  const [x, y] = kernel.buffers.map(({ dtype, elements }) => device.allocate(dtype, elements));
  device.write(x, new Float32Array(kernel.buffers[0].elements).fill(2));
  const slots = [{ kind: "leaf", leaf: 0 } as const, { kind: "output", output: 0 } as const];
  const outputs = [{ dtype: "f32" as const, elements: kernel.buffers[1].elements }];
  const program: Program = {
    kernels: [kernel],
    steps: [{ kernel: 0, slots, waits: true }],
    arenaBytes: 0,
    outputs,
    inPlace: [null],
  };
  const executable = await device.load(program, { timed: true });
  await executable.submit([x], [y]);
  expect(new Set(await device.read(y, "f32", outputs[0].elements))).toEqual(new Set([3]));
  expect(executable.stepTimesMs()).toHaveLength(1);
});
