/** What programs keep from one run to the next: values that depend on parameters alone. */
import { beforeAll, describe, expect, it } from "vitest";
import { arange, compile, noGrad, type Tensor, useDevice, zeros } from "../../src/index.js";
import { Conv2d, type Module, manualSeed, Sequential } from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import { Generator } from "../../src/tensor/index.js";
import { programOf, record } from "../compiler/steps.js";

const shape = [2, 16, 8, 8];

function twoLayers(seed: number): Module {
  manualSeed(seed);
  return new Sequential(new Conv2d(16, 32, 3, { padding: 1 }), new Conv2d(32, 16, 3, { padding: 1 }));
}

describe.each(["native", "wasm"])("values that depend on parameters alone, on %s", (device) => {
  let images: Tensor;
  beforeAll(async () => {
    await useDevice(device);
    images = new Generator(1).normal(shape);
  });

  const expected = async (model: Module) => (await model(images).data()).slice();

  it("are made again when a parameter is assigned", async () => {
    const model = twoLayers(1);
    const predict = compile((x: Tensor) => noGrad(() => model(x)));
    const first = await (await predict(images)).data();
    expect(first).toEqual(await expected(model));
    noGrad(() => {
      for (const parameter of model.parameters()) parameter.assign(parameter.mul(0.5));
    });
    const second = await (await predict(images)).data();
    expect(second).toEqual(await expected(model));
    expect(second).not.toEqual(first);
    expect(await (await predict(images)).data()).toEqual(second);
  });

  it("are made again when a training step has changed the parameters in place", async () => {
    const model = twoLayers(2);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const predict = compile((x: Tensor) => noGrad(() => model(x)));
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      model(x).square().mean().backward();
      optimizer.step();
    });
    const before = await (await predict(images)).data();
    await step(images);
    const after = await (await predict(images)).data();
    expect(after).not.toEqual(before);
    expect(after).toEqual(await expected(model));
  });

  it("may depend on nothing at all", async () => {
    const table = () => arange(8192).mul(1e-3).sin().exp();
    const both = (x: Tensor) => [x.mul(table()).sum(), table().flip(0).mul(x).max()];
    const x = new Generator(2).normal([8192]);
    const wanted = await Promise.all(both(x).map((value) => value.item()));
    const run = compile(both);
    for (let round = 0; round < 2; round++) {
      const found = await Promise.all((await run(x)).map((value) => value.item()));
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[i], 3);
      });
    }
  });

  it("are not confused between models of one structure", async () => {
    const models = [twoLayers(3), twoLayers(4)];
    const both = models.map((model) => compile((x: Tensor) => noGrad(() => model(x))));
    for (let round = 0; round < 2; round++) {
      for (const [i, predict] of both.entries()) {
        expect(await (await predict(images)).data()).toEqual(await expected(models[i]));
      }
    }
  });
});

describe("programs", () => {
  it("keep packed filters where parameters are only read, and not where they are trained", async () => {
    const device = await record();
    const model = twoLayers(5);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const reading = await programOf(device, [zeros(shape)], (x) => noGrad(() => model(x)));
    expect(reading.derived?.kernels.length).toBeGreaterThan(0);
    expect(reading.kernels.some(({ label }) => label.startsWith("map_contiguous_32"))).toBe(false);
    const training = await programOf(device, [zeros(shape)], (x) => {
      model(x).square().mean().backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    expect(training.derived).toBeUndefined();
  });
});
