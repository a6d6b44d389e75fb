/** Folding batch normalisation: weights against PyTorch's fusing, predictions against the unfolded model, what is left. */
import { beforeAll, describe, expect, it } from "vitest";
import { Generator, ones, Parameter, type Tensor, useDevice } from "../../src/index.js";
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  foldBatchNorm,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Sequential,
} from "../../src/nn/index.js";
import { createModel, InvertedResidual } from "../../src/vision/index.js";
import { devices } from "../support/devices.js";
import { build, expectClose, type LayerCase, readReference, type Values } from "./references.js";

interface FoldingReference {
  readonly name: string;
  readonly layers: readonly [LayerCase, LayerCase];
  readonly state: Readonly<Record<string, Values>>;
  readonly fused: Readonly<Record<string, Values>>;
}

const references = readReference<FoldingReference[]>("folding.reference.json");

/** Statistics and parameters that are neither 0 nor 1, so that each of them matters. */
function disturb<M extends Module>(model: M): M {
  const random = new Generator(5, { stream: "disturb" });
  for (const [key, variable] of Object.entries(model.stateDict())) {
    if (variable.rank !== 1 || variable.dtype !== "f32") continue;
    const low = key.endsWith("mean") || key.endsWith("bias") ? -0.5 : 0.5;
    variable.assign(random.uniform(variable.shape, { low, high: low + 1 }));
  }
  return model;
}

/** Largest distance between the predictions of the folded and the unfolded model, as a share of the largest value. */
async function distance(model: Module, shape: readonly number[]): Promise<number> {
  const x = new Generator(1, { stream: "x" }).normal(shape);
  const before = Array.from(await model.eval()(x).data());
  const after = await foldBatchNorm(model)(x).data();
  const scale = before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(scale).toBeGreaterThan(0.01);
  return before.reduce((most, value, i) => Math.max(most, Math.abs(value - after[i])), 0) / scale;
}

const keysOf = (model: Module) => Object.keys(model.stateDict());

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it.each(references)("$name: the weights are PyTorch's", async ({ name, layers, state, fused }) => {
    const pair = new Sequential(build(layers[0]), build(layers[1]));
    pair.loadStateDict(
      Object.fromEntries(Object.entries(state).map(([key, { shape, data }]) => [key, { shape, data: [...data] }])),
    );
    const folded = foldBatchNorm(pair);
    expect(keysOf(folded)).toEqual(["0.weight", "0.bias"]);
    const layer = folded[0] as Linear;
    await expectClose(layer.weight, fused.weight, `${name}: weight`);
    await expectClose(layer.bias as Parameter, fused.bias, `${name}: bias`);
  });

  // Sums of up to 576 products, in another order, through up to twenty layers that do not shrink them.
  it.each([
    ["resnet20", () => createModel("resnet20", { classes: 10, size: 8 }), [2, 3, 8, 8]],
    ["an inverted residual", () => new InvertedResidual(8, 8, { expandRatio: 2 }), [2, 8, 5, 6]],
  ] as const)("%s predicts the same", async (_name, make, shape) => {
    manualSeed(2);
    expect(await distance(disturb(make()), shape)).toBeLessThan(2e-5);
  });
});

describe("what is folded", () => {
  beforeAll(() => useDevice("interp"));

  it.each([
    ["a linear layer", () => [new BatchNorm1d(6), new Linear(6, 4)], [3, 6]],
    ["a convolution", () => [new BatchNorm2d(4), new Conv2d(4, 6, 3, { bias: false, stride: 2 })], [2, 4, 7, 6]],
    ["a grouped convolution", () => [new BatchNorm2d(6), new Conv2d(6, 4, [1, 2], { groups: 2 })], [2, 6, 4, 5]],
    ["the one of two layers that comes first", () => [new Linear(5, 6), new BatchNorm1d(6), new Linear(6, 4)], [3, 5]],
  ] as const)("a normalisation before %s, exactly", async (_name, layers, shape) => {
    manualSeed(4);
    const model = disturb(new Sequential(...layers()));
    expect(await distance(model, shape)).toBeLessThan(2e-6);
    expect(keysOf(model).filter((key) => key.includes("running"))).toEqual([]);
  });

  it("every normalisation of the networks", () => {
    for (const name of ["resnet20", "resnet18", "resnet50"] as const) {
      const model = foldBatchNorm(createModel(name, { classes: 10, size: 32 }));
      expect(keysOf(model).filter((key) => key.includes("bn") || key.includes("running"))).toEqual([]);
      expect(model.namedModules().every(([, module]) => !module.training)).toBe(true);
    }
    expect(keysOf(foldBatchNorm(new InvertedResidual(4, 4)))).toEqual(
      ["conv.0.0", "conv.1.0", "conv.2"].flatMap((path) => [`${path}.weight`, `${path}.bias`]),
    );
  });

  it("once: a second time changes nothing", async () => {
    const model = foldBatchNorm(disturb(new Sequential(new Linear(3, 4), new BatchNorm1d(4))));
    const before = await model(ones([2, 3])).data();
    expect(await foldBatchNorm(model)(ones([2, 3])).data()).toEqual(before);
  });

  it("nothing that another layer or a border of zeros separates, whose channels differ, or that has no statistics", async () => {
    const models = [
      new Sequential(new Conv2d(2, 3, 1), new ReLU(), new BatchNorm2d(3)),
      new Sequential(new BatchNorm2d(2), new Conv2d(2, 3, 1, { padding: 1 })),
      new Sequential(new Conv2d(2, 3, 1), new BatchNorm2d(3, { trackRunningStats: false })),
      new Sequential(new Conv2d(2, 4, 1), new BatchNorm1d(4)),
    ];
    for (const model of models) {
      const keys = keysOf(model);
      expect(keysOf(foldBatchNorm(model))).toEqual(keys);
    }
  });

  it("no layer that is used twice, and a block that is used twice once", async () => {
    const conv = new Conv2d(2, 2, 1);
    expect(
      await distance(disturb(new Sequential(conv, new BatchNorm2d(2), conv, new BatchNorm2d(2))), [2, 2, 3, 3]),
    ).toBe(0);
    const norm = new BatchNorm2d(2);
    expect(
      await distance(disturb(new Sequential(new Conv2d(2, 2, 1), norm, new Conv2d(2, 2, 1), norm)), [2, 2, 3, 3]),
    ).toBe(0);
    const block = new Sequential(new Conv2d(2, 2, 3, { padding: 1 }), new BatchNorm2d(2), new ReLU());
    const model = disturb(new Sequential(block, block));
    expect(await distance(model, [2, 2, 3, 3])).toBeLessThan(1e-6);
    expect(keysOf(model)).not.toContain("0.1.weight");
  });

  it("leaves a weight that another layer shares", async () => {
    class Tied extends Module {
      readonly first = new Sequential(new Linear(3, 3, { bias: false }), new BatchNorm1d(3));
      readonly second = new Linear(3, 3);
      constructor() {
        super();
        Object.assign(this.second, { weight: (this.first[0] as Linear).weight });
      }
      override forward(x: Tensor): Tensor {
        return this.second(this.first(x));
      }
    }
    expect(await distance(disturb(new Tied()), [4, 3])).toBeLessThan(1e-6);
  });

  it("layers in arrays of fields", () => {
    class Stack extends Module {
      readonly blocks = [new Conv2d(2, 2, 1), new BatchNorm2d(2)] as const;
      override forward(x: Tensor): Tensor {
        return this.blocks[1](this.blocks[0](x));
      }
      override chains() {
        return [this.blocks];
      }
    }
    expect(keysOf(new Stack())).toContain("blocks.1.running_mean");
    expect(keysOf(foldBatchNorm(new Stack()))).toEqual(["blocks.0.weight", "blocks.0.bias"]);
  });

  it("parameters that can be trained on, as a part of the layer", async () => {
    const model = foldBatchNorm(disturb(new Sequential(new Linear(2, 2), new BatchNorm1d(2)))).train();
    model(ones([3, 2]))
      .sum()
      .backward();
    const [weight, bias] = model.parameters();
    expect(weight).toBeInstanceOf(Parameter);
    expect(Array.from(await (bias.grad as Tensor).data())).toEqual([3, 3]);
    expect(Array.from(await (weight.grad as Tensor).data())).toEqual([3, 3, 3, 3]);
  });

  it("refuses sequences behind a linear layer, whose channels are not its outputs", async () => {
    const model = foldBatchNorm(new Sequential(new Linear(4, 3), new BatchNorm1d(3)));
    expect(() => model(ones([2, 3, 4]))).toThrow(/folded into a layer whose outputs are in axis 1, got x \[2, 3, 3\]/);
  });
});
