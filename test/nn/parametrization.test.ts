/** Parametrised weights beyond the layer cases: removal, errors, training, folding, and what they are for. */
import { beforeAll, describe, expect, it } from "vitest";
import { compile, useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import { Generator, type Tensor } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

describe("parametrised weights", () => {
  it("leave a weight-normalised layer as it was, before and after removal", async () => {
    nn.manualSeed(1);
    const layer = new nn.Linear(5, 4);
    const before = [...(await layer.weight.data())];
    nn.weightNorm(layer);
    const [normalised, keys] = [await layer.weight.data(), Object.keys(layer.stateDict())];
    expect(keys).toEqual(["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]);
    nn.removeParametrizations(layer);
    const after = await layer.weight.data();
    for (const [i, value] of before.entries()) {
      expect(normalised[i]).toBeCloseTo(value, 6);
      expect(after[i]).toBeCloseTo(value, 6);
    }
    expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias"]);
    expect(layer.weight.requiresGrad).toBe(true);
  });

  it("have largest singular value 1 from the start, and stay so in evaluation", async () => {
    nn.manualSeed(2);
    const layer = nn.spectralNorm(new nn.Linear(6, 6)).eval();
    const x = new Generator(3).normal([200, 6]);
    const y = x.matmul(layer.weight.transpose());
    const ratio = y
      .square()
      .sum({ dim: 1 })
      .div(x.square().sum({ dim: 1 }))
      .sqrt()
      .max();
    expect(await ratio.item()).toBeLessThan(1.01);
    const u = layer.stateDict()["parametrizations.weight.0._u"];
    const before = await u.data();
    await layer(x).data();
    expect(await u.data()).toEqual(before);
  });

  it("train in a compiled step, where the singular vectors follow the weight", async () => {
    nn.manualSeed(3);
    const layer = nn.spectralNorm(new nn.Linear(4, 4));
    const optimizer = new SGD(layer.parameters(), { lr: 0.5 });
    const step = compile((x: Tensor, target: Tensor) => {
      optimizer.zeroGrad();
      const loss = nn.functional.mseLoss(layer(x), target);
      loss.backward();
      optimizer.step();
      return loss;
    });
    const x = new Generator(4).normal([16, 4]);
    const target = x.mul(0.9).add(0.3);
    const losses: number[] = [];
    for (let i = 0; i < 60; i++) losses.push(await (await step(x, target)).item());
    expect(losses[59]).toBeLessThan(0.2 * losses[0]);
    const sigma = await layer
      .eval()
      .weight.matmul(layer.stateDict()["parametrizations.weight.0._v"].unsqueeze(1))
      .square()
      .sum()
      .item();
    expect(Math.sqrt(sigma)).toBeCloseTo(1, 1);
  });

  it("are frozen with their layer, and not folded", () => {
    const layer = nn.weightNorm(new nn.Linear(3, 3));
    const model = new nn.Sequential(layer, new nn.BatchNorm1d(3));
    nn.foldBatchNorm(model);
    expect(Object.keys(model.stateDict())).toContain("0.parametrizations.weight.original0");
    expect(Object.keys(model.stateDict())).toContain("1.running_mean");
    layer.freeze();
    expect(layer.parameters().every(({ trainable }) => !trainable)).toBe(true);
  });

  it("are refused where there is no parameter, or a parametrisation already", () => {
    const layer = nn.weightNorm(new nn.Linear(3, 3));
    expect(() => nn.spectralNorm(layer)).toThrow("[spectralNorm] weight has a parametrisation already");
    expect(() => nn.weightNorm(new nn.ReLU())).toThrow('[weightNorm] "weight" is no parameter of the module');
    expect(() => nn.removeParametrizations(new nn.Linear(2, 2))).toThrow('"weight" has no parametrisation');
  });
});
