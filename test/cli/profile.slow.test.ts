/** The whole command on the devices that it is for. */
import { expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { fastDevices } from "../support/devices.js";
import { capture } from "./capture.js";

async function run(line: string) {
  const { terminal, texts } = capture();
  const code = await runProgram(line.split(" "), terminal, false);
  expect([code, texts.err]).toEqual([0, ""]);
  return texts.out.trimEnd().split("\n");
}

it.each(fastDevices)("fovea profile on %s, for programs", async (device) => {
  const lines = (await run(`profile lenet --batch 4 --steps 2 --device ${device} --json`)).map((line) =>
    JSON.parse(line),
  );
  const done = lines[lines.length - 1];
  const rows = lines.slice(1, -1);
  expect(lines[0]).toMatchObject({
    event: "profile",
    model: "lenet",
    batch: 4,
    size: 32,
    work: "train",
    steps: 2,
    device,
  });
  const { gflops, bandwidths } = lines[0].peaks;
  for (const rate of [gflops, ...bandwidths.map((one: { gigabytesPerSecond: number }) => one.gigabytesPerSecond)]) {
    expect(Number.isFinite(rate) && rate > 0).toBe(true);
  }
  // Convolutions of 5 × 5 and products, forward and back, the first layer's input gradient left out.
  const conv = [6 * 32 * 32 * 75, 16 * 12 * 12 * 150];
  const dense = [576 * 120, 120 * 84, 84 * 10];
  const products = 4 * (2 * conv[0] + 3 * (conv[1] + dense.reduce((a, b) => a + b)));
  expect(done.event).toBe("done");
  expect(Math.round((done.gflops * done.stepUs * 1e3) / 2)).toBe(products);
  expect(rows.filter(({ layer }) => layer === "0").map(({ part }) => part)).toEqual(["forward", "weight gradient"]);
  for (const layer of ["3", "7", "9", "11"]) {
    expect(rows.filter((row) => row.layer === layer).map(({ part }) => part)).toEqual(
      expect.arrayContaining(["forward", "input gradient", "weight gradient"]),
    );
  }
  for (const { us, boundUs, kernels, layers } of rows) {
    expect([us >= 0, boundUs >= 0, kernels.length > 0, layers.length > 0]).toEqual([true, true, true, true]);
  }
  const sum = rows.reduce((total, { us }) => total + us, 0);
  expect(done.kernelsUs).toBeCloseTo(sum, 3);
});

it("fovea profile --forward, for people", async () => {
  const lines = await run("profile resnet20 --forward --batch 2 --size 16 --steps 2 --device wasm");
  expect(lines[0]).toBe("resnet20 · forward pass · batch 2 · 16 x 16 pixels · median of 2 steps");
  expect(lines[1]).toMatch(/^wasm, \d+ threads?, vectors of 4 floats · measured peak \d+ GFLOP\/s, memory \d+ GB\/s, /);
  expect(lines.some((line) => /^layer3\.2\.conv2 +forward +\d/.test(line))).toBe(true);
  expect(lines.some((line) => /grad|update/.test(line))).toBe(false);
});
