/** Initial values: the bounds and spreads that the formulas give, and the seeds that make them repeatable. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Conv2d, Dropout, init, initialisers, Linear, manualSeed, Sequential } from "../../src/nn/index.js";
import { conv2d, Generator, ones, type Tensor } from "../../src/tensor/index.js";
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
    expect(Math.abs(mean - reference.mean)).toBeLessThanOrEqual((5 * reference.std) / Math.sqrt(n));
    const spread = 5 * Math.sqrt(1 / (2 * n)) * reference.std;
    expect(Math.abs(Math.sqrt(variance) - reference.std)).toBeLessThanOrEqual(spread);
    const kurtosis = average((value) => (value - mean) ** 4) / Math.max(1e-30, variance ** 2);
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

describe("initial values that are a matrix as a whole", () => {
  const generator = () => new Generator(4, { stream: "test" });

  it.each([[[6, 6]], [[5, 9]], [[13, 4]], [[1, 3]], [[40, 3, 3, 3]], [[3, 2, 5]]])(
    "orthogonal %j has orthonormal rows or columns, and another seed gives others",
    async (shape) => {
      const [rows, columns] = [shape[0], shape.slice(1).reduce((product, n) => product * n, 1)];
      const weight = init.orthogonal(shape, { gain: 3, generator: generator() }).reshape([rows, columns]);
      const q = rows <= columns ? weight.matmul(weight.transpose()) : weight.transpose().matmul(weight);
      const n = Math.min(rows, columns);
      const data = await q.data();
      for (let i = 0; i < n * n; i++) expect(data[i]).toBeCloseTo(i % (n + 1) === 0 ? 9 : 0, 6);
    },
  );

  it("orthogonal is uniform: no column prefers a sign or a direction", async () => {
    const random = generator();
    const draws = await Promise.all(
      Array.from({ length: 200 }, () => init.orthogonal([3, 3], { generator: random }).data()),
    );
    // Each element has mean 0 and variance 1/3; its square has variance 4/45.
    for (let i = 0; i < 9; i++) {
      const mean = draws.reduce((sum, q) => sum + q[i], 0) / draws.length;
      const square = draws.reduce((sum, q) => sum + q[i] ** 2, 0) / draws.length;
      expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(1 / 3 / draws.length));
      expect(Math.abs(square - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / draws.length));
    }
  });

  it("sparse has the same number of zeros in each column, at random rows", async () => {
    const data = await init.sparse([7, 50], 0.4, { generator: generator() }).data();
    const column = (j: number) => Array.from({ length: 7 }, (_, i) => (data[i * 50 + j] === 0 ? 1 : 0));
    const patterns = Array.from({ length: 50 }, (_, j) => column(j));
    for (const pattern of patterns) expect(pattern.reduce((sum: number, zero) => sum + zero, 0)).toBe(3);
    expect(new Set(patterns.map(String)).size).toBeGreaterThan(10);
  });

  it("identity and dirac copy their input", async () => {
    expect(await init.identity([2, 3]).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const x = generator().normal([1, 4, 5, 6]);
    const weight = init.dirac([4, 2, 3, 3], { groups: 2 });
    const copy = conv2d(x, weight, { padding: 1, groups: 2 });
    expect(await copy.data()).toEqual(await x.data());
  });

  it("are refused for shapes that they do not have", () => {
    expect(() => init.sparse([3, 2, 2], 0.5)).toThrow("[sparse] a weight needs the axes [out, in], got [3, 2, 2]");
    expect(() => init.dirac([4, 4])).toThrow("[dirac] a kernel has the axes");
    expect(() => init.dirac([4, 4, 3], { groups: 3 })).toThrow("4 outputs cannot be divided into 3 groups");
    expect(() => init.orthogonal([4])).toThrow("[orthogonal] a weight needs the axes");
  });
});

describe("a truncated normal distribution", () => {
  it("never leaves its interval, and refuses one that is too far away", async () => {
    const generator = new Generator(3, { stream: "test" });
    const data = await init.truncNormal([20000], { std: 2, low: -1, high: 0.5, generator }).data();
    expect(Math.min(...data)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...data)).toBeLessThanOrEqual(0.5);
    expect(() => init.truncNormal([2], { low: 6, high: 7 })).toThrow("[truncNormal] [6, 7] is more than 5 deviations");
    expect(() => init.truncNormal([2], { low: 1, high: 0 })).toThrow("[truncNormal] low 1 exceeds high 0");
  });
});

describe("gains", () => {
  it("are those of PyTorch's table", () => {
    const gains = (["linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"] as const).map((name) =>
      init.calculateGain(name),
    );
    expect(gains).toEqual([1, 1, 5 / 3, Math.SQRT2, Math.sqrt(2 / 1.0001), 0.75]);
    expect(init.calculateGain("leakyRelu", { negativeSlope: 0.2 })).toBe(Math.sqrt(2 / 1.04));
  });
});

describe("initialise", () => {
  it("replaces the parameters for which the rule has a value, by their paths", async () => {
    const net = new Sequential(new Linear(3, 2), new Linear(2, 2));
    const before = await net.stateDict()["1.bias"].data();
    const paths: string[] = [];
    const same = init.initialise(net, (parameter, path) => {
      paths.push(path);
      return path === "1.bias" ? undefined : init.constant(parameter.shape, parameter.rank);
    });
    expect(same).toBe(net);
    expect(paths).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect([...(await net.stateDict()["0.weight"].data())]).toEqual(new Array(6).fill(2));
    expect(await net.stateDict()["1.bias"].data()).toEqual(before);
    expect(net.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    expect(() => init.initialise(net, () => init.constant([7], 0))).toThrow("[7]");
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
