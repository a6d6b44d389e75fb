/** Initial values: the bounds and spreads that the formulas give, and the seeds that make them repeatable. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Conv2d, Dropout, init, Linear, manualSeed } from "../../src/nn/index.js";
import { Generator, ones, type Tensor } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

/** Largest magnitude, mean and standard deviation. */
async function summary(x: Tensor) {
  const data = [...(await x.data())];
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return { largest: Math.max(...data.map(Math.abs)), mean, std: Math.sqrt(variance) };
}

/** With n values, the sample mean and deviation of a well-mixed distribution stay within five of their own errors. */
async function expectDistribution(x: Tensor, std: number, bound = Number.POSITIVE_INFINITY) {
  const { largest, mean, std: found } = await summary(x);
  expect(Math.abs(mean)).toBeLessThan((5 * std) / Math.sqrt(x.size));
  expect(Math.abs(found / std - 1)).toBeLessThan(5 / Math.sqrt(2 * x.size));
  expect(largest).toBeLessThanOrEqual(bound);
  if (bound < Number.POSITIVE_INFINITY) expect(largest).toBeGreaterThan(bound * (1 - 30 / x.size));
}

describe("the distributions of init", () => {
  const generator = new Generator(11, { stream: "test" });
  const shape = [40, 10, 3, 3]; // fanIn 90, fanOut 360

  it("count inputs and outputs of a unit", () => {
    expect(init.fans(shape)).toEqual({ fanIn: 90, fanOut: 360 });
    expect(init.fans([10, 784])).toEqual({ fanIn: 784, fanOut: 10 });
  });

  it("have the spread of their formulas", async () => {
    const kaiming = Math.sqrt(2 / 90);
    await expectDistribution(init.kaimingUniform(shape, { generator }), kaiming, Math.sqrt(3) * kaiming);
    await expectDistribution(init.kaimingNormal(shape, { generator }), kaiming);
    await expectDistribution(init.kaimingNormal(shape, { generator, mode: "fanOut" }), Math.sqrt(2 / 360));
    const leaky = Math.sqrt(2 / (1.04 * 90));
    await expectDistribution(init.kaimingUniform(shape, { generator, a: 0.2 }), leaky, Math.sqrt(3) * leaky);
    const xavier = Math.sqrt(2 / 450);
    await expectDistribution(init.xavierUniform(shape, { generator }), xavier, Math.sqrt(3) * xavier);
    await expectDistribution(init.xavierNormal(shape, { generator, gain: 3 }), 3 * xavier);
  });
});

describe("the layers' initial values", () => {
  it("of Linear are uniform within 1/√fanIn, weight and bias", async () => {
    const layer = new Linear(50, 400, { generator: new Generator(2, { stream: "test" }) });
    await expectDistribution(layer.weight, 1 / Math.sqrt(150), 1 / Math.sqrt(50));
    await expectDistribution(layer.bias!, 1 / Math.sqrt(150), 1 / Math.sqrt(50));
  });

  it("of Conv2d are uniform within 1/√fanIn, which counts the channels of one group", async () => {
    const layer = new Conv2d(8, 400, [3, 2], { groups: 4, generator: new Generator(2, { stream: "test" }) });
    await expectDistribution(layer.weight, 1 / Math.sqrt(36), 1 / Math.sqrt(12));
    await expectDistribution(layer.bias!, 1 / Math.sqrt(36), 1 / Math.sqrt(12));
  });
});

describe("manualSeed", () => {
  it("gives two layers of one seed different values, and the same again", async () => {
    const make = async () => {
      manualSeed(3);
      return Promise.all([new Linear(3, 2), new Linear(3, 2)].map(({ weight }) => weight.data()));
    };
    const [first, second] = await make();
    expect(second).not.toEqual(first);
    expect(await make()).toEqual([first, second]);
  });

  it("gives every dropout layer masks of its own, and the same again", async () => {
    const make = async () => {
      manualSeed(3);
      return Promise.all([new Dropout(), new Dropout()].map((layer) => layer(ones([100])).data()));
    };
    const [first, second] = await make();
    expect(second).not.toEqual(first);
    expect(await make()).toEqual([first, second]);
  });
});
