/** The gradient check: it passes what is right, finds what is wrong, tells kinks apart, and leaves models as they were. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  customGradient,
  Generator,
  gradcheck,
  gradgradcheck,
  Parameter,
  type Tensor,
  tensor,
  useDevice,
} from "../../src/index.js";
import { BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential } from "../../src/nn/index.js";

beforeAll(() => useDevice("interp"));

const x = () => tensor([0.3, -0.7, 1.9, 0.2, -1.1, 0.6], { shape: [2, 3] });

describe("gradcheck", () => {
  it("passes right gradients of several inputs, and counts their elements", async () => {
    const report = await gradcheck((a, b) => a.matmul(b).tanh(), [x(), tensor([[1], [-2], [0.5]])]);
    expect(report.ok).toBe(true);
    expect(report.checked).toBe(9);
    expect(report.worst?.relativeError).toBeLessThan(1e-7);
    expect(String(report)).toMatch(/^gradcheck: 0 of 9 elements failed, largest relative error \d\.\de[-+]\d/);
  });

  it("finds a wrong gradient and says of which element", async () => {
    const wrong = customGradient({
      forward: (a) => a.square(),
      backward: (g, { inputs: [a] }) => [g.mul(a).mul(tensor([2, 2, 2.01], { dtype: "f64" }))],
    });
    const report = await gradcheck(wrong, [x()]);
    expect(report.ok).toBe(false);
    expect(report.failures.map(({ index }) => index)).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(report.failures[0].relativeError).toBeCloseTo(0.005, 3);
    expect(String(report)).toContain("input 0 [0, 2]: gradient");
  });

  it("tells kinks apart, and still refuses a gradient that no side has", async () => {
    const at = tensor([-1, 0, 2]);
    const report = await gradcheck((a) => a.relu(), [at]);
    expect(report.ok).toBe(true);
    expect(report.kinks.map(({ index }) => index)).toEqual([[1]]);
    const steep = customGradient({
      forward: (a) => a.relu(),
      backward: (g, { inputs: [a] }) => [g.mul(a.ge(0).mul(1.5))],
    });
    expect((await gradcheck(steep, [tensor([-1, 0])])).failures.length).toBe(1);
  });

  it("checks a whole model, parameters by their paths, and leaves its state", async () => {
    const model = new Sequential(new Conv2d(2, 3, 3), new BatchNorm2d(3), new ReLU(), new Flatten(), new Linear(12, 2));
    const image = new Generator(3).normal([4, 2, 4, 4]);
    const before = await Promise.all(Object.values(model.stateDict()).map((cell) => cell.data()));
    const report = await gradcheck(model, [image], { samples: 5 });
    expect(String(report)).toMatch(/0 of \d+ elements failed/);
    expect(report.checked).toBe(3 * 5 + 3 * 3 + 2);
    const after = Object.values(model.stateDict());
    expect(after.every(({ dtype }) => dtype !== "f64")).toBe(true);
    expect(await Promise.all(after.map((cell) => cell.data()))).toEqual(before);
  });

  it("converts the parameters of compiled functions too", async () => {
    const weight = new Parameter(tensor([1.5, -2]));
    const scale = compile((a: Tensor) => a.mul(weight).sin().sum());
    const first = await (await scale(tensor([1, 2]))).item();
    weight.convert("f64");
    expect((await scale(tensor([1, 2], { dtype: "f64" }))).dtype).toBe("f64");
    weight.convert("f32");
    expect(await (await scale(tensor([1, 2]))).item()).toBe(first);
  });

  it("refuses functions that give other values at each call", async () => {
    const noise = new Generator(1);
    const checked = gradcheck((a) => a.mul(noise.uniform([2])), [tensor([1, 2])]);
    await expect(checked).rejects.toThrow("[gradcheck] two calls with the same inputs give different values");
    await expect(gradcheck((a) => a.argmax(), [tensor([1, 2])])).rejects.toThrow("[gradcheck] the output is i32");
  });
});

describe("gradgradcheck", () => {
  it("passes right second derivatives and finds wrong ones", async () => {
    expect((await gradgradcheck((a) => a.exp().mul(a), [x()])).ok).toBe(true);
    const model = new Sequential(new Linear(3, 2));
    expect((await gradgradcheck((a) => model.to("f64")(a).sigmoid(), [x()])).ok).toBe(true);
    const once = customGradient({
      forward: (a) => a.pow(3),
      backward: (g, { inputs: [a] }) => [g.mul(a.square().mul(3).detach())],
    });
    expect((await gradgradcheck(once, [x()])).ok).toBe(false);
  });
});
