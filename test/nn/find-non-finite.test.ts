/** The first operation that gives NaN or an infinity, forward and backward, and statistics measured again. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { Generator, Parameter, type Tensor, tensor } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

/** Takes the logarithm, whose result is −∞ at 0, and the root, whose gradient is infinite there. */
class Log extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.log();
  }
}
class Root extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.sqrt();
  }
}
const images = new Generator(1, { stream: "images" }).normal([4, 3]);

describe("findNonFinite", () => {
  it("names module, operation and place of the first wrong value, not those that it spoils", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 3), new nn.ReLU(), new Log(), new nn.Linear(3, 2));
    const found = await nn.findNonFinite(model, () => model(images).square().mean());
    expect(found).toMatchObject({ path: "model.2", op: "log", role: "forward", value: Number.NEGATIVE_INFINITY });
    expect(found?.shape).toEqual([4, 3]);
    expect(found?.message).toBe(`log in model.2 (forward) gives -Infinity at ${found?.index} of [4, 3]`);
  });

  it("finds gradients that are not finite where the forward pass is", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 3), new nn.ReLU(), new Root());
    const found = await nn.findNonFinite(model, () => model(images).sum());
    expect(found).toMatchObject({ path: "model.2", role: "input gradient", value: Number.POSITIVE_INFINITY });
  });

  it("names a parameter that is not finite itself", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 2));
    model.parameters()[1].load([0, Number.NaN]);
    const found = await nn.findNonFinite(model, () => model(images).sum());
    expect(found?.message).toBe("0.bias (forward) gives NaN at 1 of [2]");
  });

  it("names an input that is not finite", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 2));
    const found = await nn.findNonFinite(model, () => model(tensor([[1, Number.NaN, 2]])).sum());
    expect(found?.message).toBe("an input (forward) gives NaN at 1 of [1, 3]");
  });

  it("finds nothing where all is finite, and changes no gradient", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 2));
    expect(await nn.findNonFinite(model, () => model(images).mean())).toBe(null);
    expect(model.parameters().map(({ grad }) => grad)).toEqual([null, null]);
  });

  it("refuses a function that returns no loss", async () => {
    const model = new nn.Linear(3, 2);
    await expect(nn.findNonFinite(model, () => model(images))).rejects.toThrow(
      "[findNonFinite] the function returned a Tensor, not a scalar",
    );
  });
});

describe("updateBatchNorm", () => {
  it("averages the statistics of the batches equally, whatever they were before, and restores modes", async () => {
    const model = new nn.Sequential(
      new nn.BatchNorm1d(3, { momentum: 0.4 }),
      new nn.Linear(3, 2),
      new nn.BatchNorm1d(2),
    );
    model.eval();
    const [first] = [...model.namedModules()].flatMap(([, m]) => (m instanceof nn.BatchNorm1d ? [m] : []));
    first.runningMean?.load([7, 8, 9]);
    const batches = [0, 1, 2].map((seed) => new Generator(seed, { stream: "batches" }).normal([5, 3]));
    await nn.updateBatchNorm(model, batches);
    const expected = batches
      .map((x) => x.mean({ dim: 0 }))
      .reduce((sum, x) => sum.add(x))
      .div(3);
    const spread = batches
      .map((x) => x.variance({ dim: 0 }))
      .reduce((sum, x) => sum.add(x))
      .div(3);
    for (const [cell, value] of [
      [first.runningMean, expected],
      [first.runningVar, spread],
    ] as const) {
      const [found, right] = [await cell?.data(), await value.data()];
      for (const i of [0, 1, 2]) expect(found?.[i]).toBeCloseTo(right[i], 6);
    }
    expect(await first.numBatchesTracked?.item()).toBe(3);
    expect([first.momentum, first.training, model.training]).toEqual([0.4, false, false]);
  });

  it("leaves frozen normalisations alone, and wants batches", async () => {
    const model = new nn.Sequential(new nn.BatchNorm1d(3));
    model.freeze();
    await nn.updateBatchNorm(model, [images]);
    const [norm] = [...model.namedModules()].flatMap(([, m]) => (m instanceof nn.BatchNorm1d ? [m] : []));
    expect(await norm.numBatchesTracked?.item()).toBe(0);
    await expect(nn.updateBatchNorm(model, [])).rejects.toThrow("[updateBatchNorm] got no batches");
  });
});

it("parameters without gradients are no obstacle", async () => {
  const model = new nn.Sequential(new Log());
  const weight = new Parameter(tensor([0]));
  const found = await nn.findNonFinite(model, () => model(weight).sum());
  expect(found).toMatchObject({ path: "model.0", op: "log" });
});
