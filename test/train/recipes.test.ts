/** Recipes, and the parts of a run that follow from them: what is chosen, what a step does to its batches, what is scored. */
import { beforeAll, describe, expect, it } from "vitest";
import { ArrayDataset, DataLoader } from "../../src/data/index.js";
import { useDevice } from "../../src/index.js";
import { Conv2d, Flatten, functional, Linear, Module, manualSeed, Sequential } from "../../src/nn/index.js";
import { AdamW, constant, Ema, optimizers, SGD } from "../../src/optim/index.js";
import { compile, Generator, type Tensor, tensor, zeros } from "../../src/tensor/index.js";
import type { RunConfig } from "../../src/train/config.js";
import { InputTransform } from "../../src/train/input-transform.js";
import { decayFor, lossOf, optimizerOf, scheduleOf, trainingLoader } from "../../src/train/parts.js";
import { type Recipe, recipeFor, recipeNames } from "../../src/train/recipes.js";
import { evaluationLogits, makeScorer, makeTrainStep } from "../../src/train/steps.js";
import { philox2x32 } from "../../src/util/philox.js";

beforeAll(() => useDevice("interp"));

/** A whole configuration by a recipe, for images of 3 x 6 x 5. */
function configOf(choice: Omit<Parameters<typeof recipeFor>[0], "data">): RunConfig {
  const { name, averageShare, ...recipe }: Recipe & { name: RunConfig["recipe"] } = recipeFor({ data: "x", ...choice });
  return {
    format: 1,
    data: { name: "x", trainSamples: 40, testSamples: 8 },
    input: { shape: [3, 6, 5], classes: ["a", "b"], scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] },
    recipe: name,
    ...recipe,
    averageDecay: averageShare,
    seed: 0,
    device: "interp",
  };
}

const images = <Role extends "train" | "test">(length: number, role: Role) => {
  const images = Uint8Array.from({ length: length * 90 }, (_, i) => philox2x32(i, 3, 1)[0] % 256);
  return new ArrayDataset({ images, labels: Array.from({ length }, (_, i) => i % 2), sampleShape: [3, 6, 5], role });
};

describe("a recipe", () => {
  it("is that of the data set, of any folder, or the one that is requested", () => {
    expect(recipeFor({ data: "mnist" })).toMatchObject({ name: "mnist", model: "cnn", augment: { rotation: 10 } });
    expect(recipeFor({ data: "animals" })).toMatchObject({ name: "folder", batch: 64, lr: 0.05 });
    expect(recipeFor({ data: "mnist", recipe: "cifar-resnet" })).toMatchObject({
      name: "cifar-resnet",
      augment: { crop: 4 },
    });
  });

  it("gives way to what is said; another optimizer comes with its own settings", () => {
    const said = recipeFor({ data: "x", recipe: "cifar-fast", model: "resnet20", epochs: 3, batch: 7, lr: 0.5 });
    expect(said).toMatchObject({ model: "resnet20", epochs: 3, batch: 7, lr: 0.5, optimizer: "muon", momentum: 0.6 });
    const other = recipeFor({ data: "x", recipe: "cifar-fast", optimizer: "sgd" });
    expect(other).toMatchObject({ optimizer: "sgd", lr: 0.05, momentum: 0.9, labelSmoothing: 0.2 });
    expect(other).not.toHaveProperty("rest");
    expect(recipeFor({ data: "x", recipe: "cifar-resnet", optimizer: "sgd" })).toMatchObject({
      lr: 0.1,
      nesterov: false,
    });
  });

  it("gives way to changes to images that are said, one by one", () => {
    const augmentOf = (said: object) => recipeFor({ data: "x", recipe: "cifar-fast", ...said }).augment;
    const own = { rotation: 0, scale: 0, shift: 0, crop: 2, cropMode: "reflect", flip: 0.5 };
    expect(augmentOf({})).toEqual(own);
    expect(augmentOf({ crop: 4, cutout: 8 })).toEqual({ ...own, crop: 4, cutout: 8 });
    expect(augmentOf({ crop: 0, flip: 0 })).toEqual({ ...own, crop: 0, flip: 0 });
    expect(recipeFor({ data: "x", flip: 0.5 }).augment).toEqual({ rotation: 0, scale: 0, shift: 0, flip: 0.5 });
  });

  // He et al. 2016, section 4.2, in shares of the run.
  it("cifar-resnet has the paper's rates", () => {
    const lr = scheduleOf(configOf({ recipe: "cifar-resnet", epochs: 8 }), 100);
    const rates = [0, 399, 400, 599, 600, 799].map((step) => Number(lr(step).toPrecision(6)));
    expect(rates).toEqual([0.1, 0.1, 0.01, 0.01, 0.001, 0.001]);
  });

  it("cifar-fast rises and falls in straight lines", () => {
    const config = configOf({ recipe: "cifar-fast", epochs: 10, lr: 1 });
    const lr = scheduleOf(config, 101);
    expect(lr(0)).toBeCloseTo(0.2, 12);
    expect(lr(100)).toBeCloseTo(1, 12);
    expect(lr(50)).toBeCloseTo(0.6, 12);
    expect(lr(1009)).toBeCloseTo(0.01, 12);
    expect(lr(100 + 909 / 2)).toBeCloseTo(0.505, 12);
  });

  it.each(recipeNames)("%s can be run for a single step", (recipe) => {
    const lr = scheduleOf(configOf({ recipe, epochs: 1 }), 1);
    expect(lr(0)).toBeGreaterThan(0);
  });

  it("averages reach back a share of the run", () => {
    expect(decayFor(0.02, 1600)).toBeCloseTo(1 - 1 / 32, 12);
    expect(decayFor(0.02, 10)).toBe(0);
  });
});

describe("the optimizer of a run", () => {
  const model = () => new Sequential(new Conv2d(3, 4, 3), new Flatten(), new Linear(48, 2));

  it("is Muon for filters, AdamW for biases and the last layer", () => {
    const net = model();
    const config = configOf({ recipe: "cifar-fast" });
    const optimizer = optimizerOf(net, config, (step) => config.lr * (step + 1));
    const keys = Object.keys(optimizer.stateDict());
    expect(keys.filter((key) => key.endsWith("momentum_buffer"))).toEqual(["state.0.weight.momentum_buffer"]);
    expect(keys.filter((key) => key.endsWith("exp_avg"))).toHaveLength(3);
    expect(optimizer.parameters()).toHaveLength(4);
    // The second step has twice the largest rates of the recipe.
    optimizer.step();
    optimizer.step();
    expect(optimizer.hypers).toMatchObject({ "filters.lr": 0.24, "rest.lr": 0.02, "rest.weightDecay": 0.01 });
  });

  it.each(optimizers.names)("may be %s, with settings of its own", (name) => {
    const config = configOf({ optimizer: name });
    const { run } = optimizers.get(name);
    expect(config).toMatchObject({ optimizer: name, ...run });
    const { hypers } = optimizerOf(model(), config, constant(config.lr));
    const part = name === "muon" ? "filters." : "";
    for (const [setting, value] of Object.entries(run)) expect(hypers[part + setting]).toBe(value);
  });

  it("is one for all otherwise", () => {
    expect(optimizerOf(model(), configOf({ recipe: "cifar-resnet" }), constant(0.1))).toBeInstanceOf(SGD);
    expect(optimizerOf(model(), configOf({ optimizer: "adamw" }), constant(0.1))).toBeInstanceOf(AdamW);
  });

  it("must have something to do", () => {
    expect(() => optimizerOf(new Linear(2, 2), configOf({ recipe: "cifar-fast" }), constant(0.1))).toThrow(
      "[train] the model speednet has nothing for muon but its last layer",
    );
  });
});

describe("a loader of a run", () => {
  it("gives bytes to the step, unless images are changed on the host", async () => {
    const dtypes = async (config: RunConfig) => {
      const loader = trainingLoader(images(8, "train"), { ...config, batch: 8 });
      const { value } = await loader.epoch(0).next();
      return value?.x.dtype;
    };
    expect(await dtypes(configOf({ recipe: "cifar-resnet" }))).toBe("u8");
    expect(await dtypes(configOf({ recipe: "mnist" }))).toBe("f32");
  });
});

describe("a InputTransform", () => {
  const statistics = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] };
  const bytes = () => tensor(images(4, "train").images as Uint8Array, { shape: [4, 3, 6, 5] });
  const valuesOf = async (input: InputTransform, x: Tensor) =>
    Array.from(await (await compile((given: Tensor) => input(given))(x)).data());

  it("standardises as the host does, and changes nothing else in evaluation", async () => {
    const input = new InputTransform({
      standardisation: { ...statistics, scale: 1 / 255 },
      crop: 2,
      flip: 1,
      cutout: 3,
    });
    input.eval();
    const host = images(4, "train").standardise(statistics).batch([0, 1, 2, 3]).x;
    const found = await valuesOf(input, bytes());
    for (const [i, value] of host.entries()) expect(found[i]).toBeCloseTo(value, 5);
    expect(await valuesOf(input, tensor(host, { shape: [4, 3, 6, 5] }))).toEqual(Array.from(host));
  });

  it("changes images in training, anew at every step, the same for the same seed", async () => {
    const options = { standardisation: statistics, crop: 1, flip: 0.5, cutout: 2 };
    const [first, second] = [new InputTransform({ ...options, seed: 4 }), new InputTransform({ ...options, seed: 4 })];
    const step = compile((x: Tensor) => first(x));
    const once = Array.from(await (await step(bytes())).data());
    expect(await valuesOf(second, bytes())).toEqual(once);
    expect(Array.from(await (await step(bytes())).data())).not.toEqual(once);
    expect(await valuesOf(new InputTransform({ ...options, seed: 5 }), bytes())).not.toEqual(once);
    expect(first.namedGenerators().map(([key]) => key)).toEqual([
      "crop_generator",
      "flip_generator",
      "cutout_generator",
    ]);
    const counters = await Promise.all(first.namedGenerators().map(([, { counter }]) => counter.item()));
    expect(counters).toEqual([4, 2, 4]); // two tensors per crop and square, one per flip
  });

  it("fills with the mean colour, and flips whole images", async () => {
    const white = zeros([1, 3, 6, 5], { dtype: "u8" })
      .add(tensor(255, { dtype: "u8" }))
      .to("u8");
    const cropped = await valuesOf(new InputTransform({ standardisation: statistics, crop: 2, seed: 1 }), white);
    const levels = new Set(cropped.slice(0, 30).map((value) => value.toFixed(4)));
    expect([...levels].every((level) => ["0.0000", (0.5 / 0.2).toFixed(4)].includes(level))).toBe(true);
    const flipped = await valuesOf(new InputTransform({ standardisation: statistics, flip: 1 }), bytes());
    const plain = await valuesOf(new InputTransform({ standardisation: statistics }), bytes());
    expect(flipped.slice(0, 5)).toEqual(plain.slice(0, 5).reverse());
  });

  it("refuses bytes without statistics", () => {
    expect(() => new InputTransform()(bytes())).toThrow("[inputTransform] bytes came without statistics");
  });
});

/** One linear layer, trained for some steps; what it was given and what it became. */
async function trained(bytes: boolean, decay?: number) {
  manualSeed(3);
  const model = new Sequential(new Flatten(), new Linear(90, 2));
  const config = configOf({ recipe: "cifar-resnet" });
  const input = new InputTransform({ standardisation: config.input });
  const averages = decay === undefined ? undefined : new Ema(model.stateDict(), { decay });
  const optimizer = new SGD(model.parameters(), { lr: 0.05 });
  const step = makeTrainStep({ model, optimizer, loss: lossOf(config), input, averages, classes: 2 });
  const set = images(12, "train");
  const loader = new DataLoader(bytes ? set : set.standardise(config.input), { batchSize: 4, bytes });
  const weights: number[][] = [];
  for await (const { x, y } of loader) {
    await step(x, y);
    weights.push(Array.from(await model.parameters()[0].data()));
  }
  return { model, input, averages, weights };
}

describe("a step", () => {
  it("learns the same from bytes as from numbers that the host has standardised", async () => {
    const [fromBytes, fromHost] = [await trained(true), await trained(false)];
    for (const [i, value] of fromHost.weights[2].entries()) expect(fromBytes.weights[2][i]).toBeCloseTo(value, 6);
  });

  it("takes the averages behind the update", async () => {
    const { averages, weights } = await trained(true, 0.5);
    const found = await averages?.averages()["1.weight"].data();
    const expected = weights[0].map((value, i) => (value * 0.5 + weights[1][i] * 0.5) * 0.5 + weights[2][i] * 0.5);
    for (const [i, value] of expected.entries()) expect(found?.[i]).toBeCloseTo(value, 7);
  });

  it("smooths the labels of the loss, but not of scores", async () => {
    const logits = tensor([[2, 0]]);
    const target = tensor([0], { dtype: "i32" });
    const smoothed = await lossOf(configOf({ recipe: "cifar-fast" }))(logits, target).item();
    expect(smoothed).toBeCloseTo(0.8 * Math.log1p(Math.exp(-2)) + 0.1 * (2 * Math.log1p(Math.exp(-2)) + 2), 6);
  });
});

describe("a score with flips", () => {
  /** Tells the left column from the right one. */
  class Lopsided extends Module {
    override forward(x: Tensor): Tensor {
      const left = x.slice(3, 0, 1).mean({ dim: [1, 2, 3] });
      return left.unsqueeze(1).mul(tensor([[1, -1]]));
    }
  }

  it("is of the mean of the logits of each image and its mirror image", async () => {
    const x = new Generator(1, { stream: "x" }).normal([3, 2, 4, 5]);
    const model = new Lopsided();
    const [once, mirrored] = [evaluationLogits(model, x, {}), evaluationLogits(model, x.flip(3), {})];
    const both = await evaluationLogits(model, x, { testFlip: true }).data();
    const [a, b] = [await once.data(), await mirrored.data()];
    for (const [i, value] of both.entries()) expect(value).toBeCloseTo((a[i] + b[i]) / 2, 6);
  });

  it("goes into accuracy and loss", async () => {
    const set = images(10, "test");
    const input = new InputTransform({ standardisation: configOf({}).input });
    const loader = new DataLoader(set, { batchSize: 4, padLast: true, bytes: true });
    const model = new Lopsided();
    const { loss, accuracy, count } = await makeScorer(model, { input, testFlip: true })(loader);
    const { x, y } = set.standardise(configOf({}).input).batch(Array.from({ length: 10 }, (_, i) => i));
    const logits = evaluationLogits(model, tensor(x, { shape: [10, 3, 6, 5] }), { testFlip: true });
    expect(count).toBe(10);
    expect(loss).toBeCloseTo(await functional.crossEntropy(logits, tensor(y)).item(), 6);
    expect(accuracy).toBeCloseTo(await functional.accuracy(logits, tensor(y)).item(), 6);
  });
});
