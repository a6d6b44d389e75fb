/** Modes and freezing: what train, eval, pin and freeze leave, eagerly and in compiled functions. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import type { Program } from "../../src/ir/program.js";
import { BatchNorm1d, Dropout, functional, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import { compile, ones, programCount, type Tensor, tensor, zeros } from "../../src/tensor/index.js";
import { programOf, record } from "../compiler/steps.js";
import { devices } from "../support/devices.js";

const modes = (model: Module) => model.namedModules().map(([, { training }]) => training);
const trainable = (model: Module) => model.namedParameters().flatMap(([key, p]) => (p.trainable ? [key] : []));
const body = () => new Sequential(new Linear(2, 3), new BatchNorm1d(3), new ReLU());
const net = () => new Sequential(body(), new Linear(3, 2));

describe("modes", () => {
  it("are set for the whole tree, but not where they are pinned", () => {
    const model = net();
    model[0].pin("eval");
    expect(modes(model)).toEqual([true, false, false, false, false, true]);
    expect(modes(model.eval())).toEqual([false, false, false, false, false, false]);
    expect(modes(model.train())).toEqual([true, false, false, false, false, true]);
    model[0].pin("train");
    expect(modes(model.eval())).toEqual([false, true, true, true, true, false]);
    model[0].pin(null);
    expect(modes(model)).toEqual([false, false, false, false, false, false]);
  });

  it("are given back by inMode, also after an error", () => {
    const model = net();
    model[1].eval();
    expect(model.inMode("eval", () => modes(model))).toEqual([false, false, false, false, false, false]);
    expect(() => model.inMode("eval", () => model(ones([1, 5])))).toThrow("[linear]");
    expect(modes(model)).toEqual([true, true, true, true, true, false]);
  });

  it("have names", () => {
    // @ts-expect-error: no such mode
    expect(() => net().pin("training")).toThrow('[pin] mode must be one of "train", "eval" or null, got "training"');
  });
});

describe("freeze", () => {
  it("ends training of all below, until unfreeze", () => {
    const model = net();
    model[0].freeze();
    expect(trainable(model)).toEqual(["1.weight", "1.bias"]);
    expect(modes(model.train())).toEqual([true, false, false, false, false, true]);
    model.unfreeze();
    expect(trainable(model)).toHaveLength(6);
    expect(modes(model)).toEqual([true, true, true, true, true, true]);
  });

  it("takes modules that a filter chooses", () => {
    const model = net();
    model.freeze((_, module) => module instanceof BatchNorm1d);
    expect(trainable(model)).toEqual(["0.0.weight", "0.0.bias", "1.weight", "1.bias"]);
    expect(modes(model)).toEqual([true, true, true, false, true, true]);
    model.freeze().unfreeze((path) => path === "1");
    expect(trainable(model)).toEqual(["1.weight", "1.bias"]);
  });
});

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));
  const x = () =>
    tensor([
      [1, 2],
      [3, 5],
      [-1, 0.5],
      [0, 4],
    ]); // prettier-ignore
  const y = () => tensor([0, 1, 1, 0], { dtype: "i32" });

  it("a compiled function follows the mode", async () => {
    const model = new Sequential(new Dropout({ p: 0.5 }));
    const run = compile((input: Tensor) => model(input));
    const kept = async () => Array.from(await (await run(ones([64]))).data()).filter((v) => v === 1).length;
    expect(await kept()).toBe(0); // 0 or 2
    model.eval();
    expect(await kept()).toBe(64);
    const programs = programCount();
    model.train();
    expect(await kept()).toBe(0);
    model[0].pin("eval");
    expect(await kept()).toBe(64);
    expect(programCount()).toBe(programs);
  });

  it("frozen layers keep their values and their running statistics in a compiled step", async () => {
    const model = net();
    const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9, weightDecay: 0.1 });
    model[0].freeze();
    const step = compile((images: Tensor, labels: Tensor) => {
      model.train();
      const loss = functional.crossEntropy(model(images), labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const values = async () =>
      Promise.all(Object.values(model.stateDict()).map(async (cell) => Array.from(await cell.data())));
    const before = await values();
    for (let i = 0; i < 3; i++) await step(x(), y());
    const after = await values();
    const keys = Object.keys(model.stateDict());
    expect(keys.filter((_, i) => String(before[i]) !== String(after[i]))).toEqual(["1.weight", "1.bias"]);
    // Unfrozen, the same step is traced again and trains everything.
    model.unfreeze();
    await step(x(), y());
    const last = await values();
    expect(keys.filter((_, i) => String(after[i]) !== String(last[i]))).toEqual(keys);
  });

  it("gradients of frozen parameters are not computed", async () => {
    const model = net();
    const [weight] = model.parameters();
    const loss = () => functional.crossEntropy(model(x()), y());
    loss().backward();
    expect(weight.grad).not.toBeNull();
    model[0].freeze();
    expect(weight.grad).toBeNull();
    expect(weight.requiresGrad).toBe(false);
    loss().backward();
    expect(model.parameters().map(({ grad }) => grad !== null)).toEqual([false, false, false, false, true, true]);
    model[0].unfreeze();
    loss().backward();
    expect(weight.grad).not.toBeNull();
  });
});

it("a compiled step with frozen layers has fewer kernels and fewer products", async () => {
  const device = await record();
  const programFor = async (frozen: boolean) => {
    const model = net();
    if (frozen) model[0].freeze();
    return programOf(device, [ones([4, 2]), zeros([4], { dtype: "i32" })], (images, labels) => {
      functional.crossEntropy(model(images), labels).backward();
      return model.parameters().flatMap(({ grad }) => grad ?? []);
    });
  };
  const [whole, frozen] = [await programFor(false), await programFor(true)];
  expect(frozen.kernels.length).toBeLessThan(whole.kernels.length);
  const flops = ({ kernels }: Program) => kernels.reduce((sum, kernel) => sum + kernel.flops, 0);
  expect(flops(frozen)).toBeLessThan(flops(whole));
});
