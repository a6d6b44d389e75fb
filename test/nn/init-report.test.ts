/** `initReport`: its numbers against those of a pass by hand, what it leaves as it was, and what it shows of deep nets. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { Generator, ones, tensor } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

describe("initReport", () => {
  it("gives mean, deviation and dead units of each layer's output", async () => {
    const [first, last] = [new nn.Linear(2, 3), new nn.Linear(3, 1)];
    const model = new nn.Sequential(first, new nn.ReLU(), new nn.Sequential(last));
    first.weight.load([1, 0, 0, 1, -1, -1]);
    first.bias?.load([0, 0, 0]);
    last.weight.load([2, 0, 0]);
    const { rows } = await nn.initReport(
      model,
      tensor([
        [1, 2],
        [3, 4],
      ]),
    ); // [[1, 2, -3], [3, 4, -7]], ReLU [[1, 2, 0], …]
    expect(rows.map(({ path, kind }) => [path, kind])).toEqual([
      ["0", "Linear"],
      ["1", "ReLU"],
      ["2.0", "Linear"],
    ]);
    expect(rows[0].mean).toBeCloseTo(0, 6);
    expect(rows[0].std).toBeCloseTo(Math.sqrt(88 / 6), 5);
    expect(rows[1].mean).toBeCloseTo(10 / 6, 6);
    expect(rows[1].dead).toBeCloseTo(1 / 3, 6);
    expect(rows[0].dead).toBe(0);
    // The gradient of the last output is standard normal noise; the layer before has it in one unit of three, times 2.
    const noise = [...(await new Generator(0, { stream: "initReport" }).normal([2, 1]).data())];
    expect(rows[2].gradientStd).toBeCloseTo(Math.abs(noise[0] - noise[1]) / 2, 5);
    const gradients = noise.flatMap((g) => [2 * g, 0, 0]);
    const mean = gradients.reduce((a, b) => a + b) / 6;
    const variance = gradients.reduce((sum, g) => sum + (g - mean) ** 2, 0) / 6;
    expect(rows[1].gradientStd).toBeCloseTo(Math.sqrt(variance), 5);
  });

  it("leaves mode, running statistics and random streams as they were", async () => {
    const norm = new nn.BatchNorm1d(4);
    const dropout = new nn.Dropout();
    const model = new nn.Sequential(new nn.Linear(4, 4), norm, dropout).eval();
    const { rows } = await nn.initReport(model, new Generator(1).normal([32, 4]));
    expect(rows[1].std).toBeCloseTo(1, 2); // of the batch, so in training mode
    expect(model.training).toBe(false);
    expect([...(await norm.runningMean!.data()), await norm.numBatchesTracked!.item()]).toEqual([0, 0, 0, 0, 0]);
    expect(await dropout.generator.counter.item()).toBe(0);
  });

  it("prints a table", async () => {
    const text = String(await nn.initReport(new nn.Sequential(new nn.Softmax(1)), ones([2, 2])));
    expect(text.split("\n")).toEqual([
      "layer        mean  std  dead units  gradient std",
      expect.stringMatching(/^─+$/),
      expect.stringMatching(/^0: Softmax {2}0\.500 {4}0 {9}0 % {10}\d\.\d\d$/),
    ]);
  });

  it("shows which initial values keep the signal of a deep network", async () => {
    const spread = async (
      weight: (shape: readonly number[]) => ReturnType<typeof nn.init.normal>,
      layer: () => nn.Module,
    ) => {
      nn.manualSeed(1);
      const model = new nn.Sequential(
        ...Array.from({ length: 8 }, () => [new nn.Linear(64, 64, { bias: false }), layer()]).flat(),
      );
      nn.init.initialise(model, ({ shape }) => weight(shape));
      const { rows } = await nn.initReport(model, new Generator(1).normal([64, 64]));
      return rows[15].std;
    };
    expect(
      await spread(
        (shape) => nn.init.normal(shape, { std: 0.01 }),
        () => new nn.Tanh(),
      ),
    ).toBeLessThan(1e-6);
    expect(
      await spread(
        (shape) => nn.init.xavierNormal(shape, { gain: 5 / 3 }),
        () => new nn.Tanh(),
      ),
    ).toBeGreaterThan(0.4);
    expect(
      await spread(
        (shape) => nn.init.xavierNormal(shape),
        () => new nn.ReLU(),
      ),
    ).toBeLessThan(0.2);
    expect(
      await spread(
        (shape) => nn.init.kaimingNormal(shape),
        () => new nn.ReLU(),
      ),
    ).toBeGreaterThan(0.4);
  });
});
