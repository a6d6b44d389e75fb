/** Initial values: the bounds and spreads that the formulas give, and the seeds that make them repeatable. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Conv2d, Dropout, init, initialisers, Linear, manualSeed } from "../../src/nn/index.js";
import { Generator, ones, type Tensor } from "../../src/tensor/index.js";
import { readReference } from "./references.js";

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

interface Case {
  readonly name: string;
  readonly initialiser: string;
  readonly options?: object;
  readonly shape: readonly number[];
}

interface Reference {
  readonly name: string;
  readonly mean: number;
  readonly std: number;
  readonly kurtosis: number;
  readonly largest: number;
  readonly zeros: number;
}

describe("every initialiser of the registry has the distribution of PyTorch's", () => {
  const cases = readReference<Case[]>("initialisers.cases.json");
  const references = readReference<Reference[]>("initialisers.reference.json");

  it.each(initialisers.names)("%s has a case", (name) => {
    expect(cases.map(({ initialiser }) => initialiser)).toContain(name);
  });

  it.each(cases.map((one, i) => ({ ...one, reference: references[i] })))("$name", async (one) => {
    const { initialiser, options, shape, reference, name } = one;
    expect(reference.name).toBe(name);
    manualSeed(1);
    const weight = initialisers.get(initialiser).make(options)(shape);
    expect(weight.shape).toEqual(shape);
    const data = Float64Array.from(await weight.data());
    const n = data.length;
    const average = (f: (value: number) => number) => data.reduce((sum, value) => sum + f(value), 0) / n;
    const mean = average((value) => value);
    const variance = average((value) => (value - mean) ** 2);
    // Five standard errors of each number over n values; the reference has forty times as many.
    expect(Math.abs(mean - reference.mean)).toBeLessThan((5 * reference.std) / Math.sqrt(n));
    expect(Math.abs(Math.sqrt(variance) / reference.std - 1)).toBeLessThan(5 * Math.sqrt(1 / (2 * n)));
    const kurtosis = average((value) => (value - mean) ** 4) / variance ** 2;
    expect(Math.abs(kurtosis - reference.kurtosis)).toBeLessThan(5 * Math.sqrt(24 / n));
    expect(Math.abs(average((value) => (value === 0 ? 1 : 0)) - reference.zeros)).toBeLessThan(1e-4);
    const bounded = reference.kurtosis < 2;
    const largest = data.reduce((a, value) => Math.max(a, Math.abs(value)), 0);
    if (bounded) expect(Math.abs(largest / reference.largest - 1)).toBeLessThan(1e-3);
  });

  it("refuses unknown options by name", () => {
    expect(() => initialisers.get("kaimingUniform").make({ slope: 1 })([2, 2])).toThrow('unknown option "slope"');
    expect(() => initialisers.get("kaiminUniform")).toThrow('there is no initialiser "kaiminUniform"');
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
