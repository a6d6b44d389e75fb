/** Layers that change state while they run, inside compiled functions: the state moves on as it does outside. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { BatchNorm1d, Dropout, Linear, Module, manualSeed, Sequential } from "../../src/nn/index.js";
import { compile, Generator, ones, programCount, realize, type Tensor } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it.each([0.1, null])("batch normalisation with momentum %s updates its running statistics", async (momentum) => {
    const batches = [1, 2, 3].map((seed) => new Generator(seed, { stream: "batch" }).normal([6, 4], { mean: 2 }));
    const compiled = new BatchNorm1d(4, { momentum });
    const eager = new BatchNorm1d(4, { momentum });
    const step = compile((x: Tensor) => compiled(x));
    for (const x of batches) {
      const [y, expected] = await Promise.all([(await step(x)).data(), eager(x).data()]);
      for (const i of expected.keys()) expect(y[i]).toBeCloseTo(expected[i], 5);
    }
    expect(await compiled.numBatchesTracked!.item()).toBe(3);
    for (const key of ["runningMean", "runningVar"] as const) {
      const [found, expected] = await Promise.all([compiled[key]!.data(), eager[key]!.data()]);
      for (const i of expected.keys()) expect(found[i]).toBeCloseTo(expected[i], 5);
    }
  });

  it("dropout draws the masks that it draws outside", async () => {
    const draw = async (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor | Promise<Tensor>) => {
      manualSeed(4);
      const layer = new Dropout({ p: 0.5 });
      const call = wrap((x) => layer(x));
      const masks: unknown[] = [];
      for (let step = 0; step < 3; step++) masks.push(await (await call(ones([64]))).data());
      return masks;
    };
    const masks = await draw((f) => compile(f));
    expect(masks[1]).not.toEqual(masks[0]);
    expect(masks[2]).not.toEqual(masks[1]);
    expect(masks).toEqual(await draw((f) => f));
  });

  it("a model that changes its mode behind a compiled call is called in the new one", async () => {
    const norm = new BatchNorm1d(4);
    const model = new Sequential(new Linear(3, 4), norm, new Dropout({ p: 0.5 }));
    const x = new Generator(1, { stream: "x" }).normal([6, 3]);
    const predict = compile((input: Tensor) => model(input));
    const values = async () => (await predict(x)).data();
    const trained = await values();
    model.eval();
    const evaluated = await values();
    expect(evaluated).not.toEqual(trained);
    expect([await values(), await model(x).data()].map((each) => [...each].map((v) => v.toFixed(5)))).toEqual(
      Array.from({ length: 2 }, () => [...evaluated].map((v) => v.toFixed(5))),
    );
    model.train();
    const counted = await norm.numBatchesTracked!.item();
    await values();
    expect(await norm.numBatchesTracked!.item()).toBe(counted + 1);
  });

  it("a model is compiled once per shape of its input", async () => {
    const model = new Sequential(new Linear(3, 4), new BatchNorm1d(4), new Dropout());
    const predict = compile((x: Tensor) => model(x));
    const [x, wide] = [
      new Generator(1, { stream: "x" }).normal([5, 3]),
      new Generator(1, { stream: "x" }).normal([7, 3]),
    ];
    await realize(x, wide, ...model.parameters());
    const programs: number[] = [];
    for (const input of [x, x, x, wide, wide, x]) {
      await predict(input);
      programs.push(programCount());
    }
    const [first] = programs;
    expect(programs).toEqual([first, first, first, first + 1, first + 1, first + 1]);
  });
});

it("an error while a function is traced names the module", async () => {
  class Net extends Module {
    readonly head = new Linear(3, 2);
    override forward(x: Tensor): Tensor {
      return this.head(x);
    }
  }
  const net = new Net();
  const predict = compile((x: Tensor) => net(x));
  await expect(predict(ones([5, 4]))).rejects.toThrow(
    "[linear] expected 3 features in the last axis, got x [5, 4] (in model.head)",
  );
});
