/** Which steps of a program may run side by side. */
import { describe, expect, it } from "vitest";
import { type Access, waitingSteps } from "../../src/compiler/phases.js";
import { zeros } from "../../src/tensor/index.js";
import { programOf, record } from "./steps.js";

const read = (space: string, from = 0, to = 1): Access => ({ space, from, to, writes: false });
const write = (space: string, from = 0, to = 1): Access => ({ ...read(space, from, to), writes: true });

describe("steps wait", () => {
  it("for what they read, and go on beside one another where they only read the same", () => {
    const steps = [[write("a")], [read("x"), write("b")], [read("x"), write("c")], [read("b"), write("d")]];
    expect(waitingSteps(steps)).toEqual([true, false, false, true]);
  });

  it("before they write what others read or write, wherever it begins", () => {
    const reader = [read("arena", 0, 256), write("y")];
    expect(waitingSteps([reader, [write("arena", 255, 300)]])).toEqual([true, true]);
    expect(waitingSteps([reader, [write("arena", 256, 300)]])).toEqual([true, false]);
    expect(waitingSteps([[write("arena", 0, 256)], [write("arena", 128, 300)]])).toEqual([true, true]);
  });

  it("for all since the last that waited, not for the last alone", () => {
    const steps = [[write("a")], [write("b")], [write("c"), read("a")], [write("d"), read("b")], [read("c")]];
    expect(waitingSteps(steps)).toEqual([true, false, true, false, true]);
  });
});

it("products that need nothing of one another run side by side, the product of them behind them", async () => {
  const device = await record();
  const sides = [zeros([64, 64]), zeros([64, 64]), zeros([64, 64])];
  const { steps, kernels } = await programOf(device, sides, (a, b, c) => a.matmul(b).matmul(b.matmul(c)));
  expect(steps.map(({ kernel }) => kernels[kernel].label)).toEqual(new Array(3).fill(expect.stringMatching(/^matmul/)));
  expect(steps.map(({ waits }) => waits)).toEqual([true, false, true]);
});
