/** Options and configurations: defaults, and one line for everything that is wrong. */
import { describe, expect, it } from "vitest";
import { optimizers } from "../../src/optim/index.js";
import { checkOptions, parseRunConfig, type RunConfig } from "../../src/train/config.js";
import { recipeFor, recipeNames } from "../../src/train/recipes.js";
import { ConfigError, DataError, describeError } from "../../src/util/errors.js";
import { nearest } from "../../src/util/spelling.js";
import { modelNames } from "../../src/vision/index.js";

function lineOf(action: () => unknown, kind: new (message: string) => Error): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return describeError(error);
  }
  return "no error";
}

describe("checkOptions", () => {
  it("fills in what is not said", () => {
    expect(checkOptions({ data: "mnist" })).toEqual({
      data: "mnist",
      seed: 0,
    });
  });

  it.each([
    [{ data: "" }, "[train] data must be a data set or a folder"],
    [{ epochs: 0 }, "[train] epochs must be a whole number from 1, got 0"],
    [{ epochs: 2.5 }, "[train] epochs must be a whole number from 1, got 2.5"],
    [{ batch: -3 }, "[train] batch must be a whole number from 1, got -3"],
    [{ lr: 0 }, "[train] lr must be a number above 0, got 0"],
    [{ lr: Number.POSITIVE_INFINITY }, "[train] lr must be a number above 0, got Infinity"],
    [{ lr: "fast" }, "[train] lr must be a number above 0, got fast"],
    [{ crop: 1.5 }, "[train] crop must be a whole number from 0, got 1.5"],
    [{ flip: 2 }, "[train] flip must be a number from 0 to 1, got 2"],
    [{ cutout: -8 }, "[train] cutout must be a whole number from 0, got -8"],
    [{ seed: -1 }, "[train] seed must be a whole number from 0, got -1"],
    [{ model: "resnet" }, `[train] model must be one of ${modelNames.join(", ")}, got resnet`],
    [{ optimizer: "addam" }, `[train] optimizer must be one of ${optimizers.names.join(", ")}, got addam`],
    [{ recipe: "cifar" }, `[train] recipe must be one of ${recipeNames.join(", ")}, got cifar`],
    [{ device: "cuda" }, "[train] device must be one of native, wasm, interp, got cuda"],
    [{ out: "" }, "[train] out must be a folder"],
    [{ momentum: 0.9 }, '[train] Unrecognized key: "momentum"'],
  ])("%j", (options, line) => {
    expect(lineOf(() => checkOptions({ data: "mnist", ...options }), ConfigError)).toBe(line);
  });
});

describe("recipeFor", () => {
  it("depends on data set and optimizer; what the user says wins", () => {
    const recipe = (options: object) => recipeFor(checkOptions({ data: "mnist", ...options }));
    expect(recipe({ optimizer: "adamw" }).lr).toBe(2e-3);
    expect(recipe({ epochs: 3, batch: 7, lr: 0.5 })).toMatchObject({ epochs: 3, batch: 7, lr: 0.5 });
    expect(recipe({}).augment.shift).toBe(2);
    expect(recipe({ data: "toString" }).augment).toEqual({ rotation: 0, scale: 0, shift: 0 });
  });
});

describe("parseRunConfig", () => {
  const good: RunConfig = {
    format: 1,
    data: { name: "mnist", split: { ratio: 0.8, seed: 0 }, trainSamples: 8, testSamples: 2 },
    input: { shape: [1, 28, 28], classes: ["0", "1"], scale: 1 / 255, mean: [0.1], std: [0.3] },
    model: "cnn",
    optimizer: "sgd",
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 0,
    warmupEpochs: 1,
    augment: { rotation: 0, scale: 0, shift: 0 },
    epochs: 1,
    batch: 2,
    seed: 0,
    device: "native",
  };
  const parse = (change: object) => parseRunConfig(JSON.stringify({ ...good, ...change }), "c.json");
  const hint = "The run is damaged or from another version; train again";

  it("gives back what was written", () => expect(parse({})).toEqual(good));

  it.each([
    [{ format: 2 }, "[run] c.json: format is 2, but this version of Fovea reads 1"],
    [{ model: "vgg" }, `[run] c.json: model must be one of ${modelNames.join(", ")}, got vgg`],
    [
      { input: { ...good.input, shape: [1, 28, 0] } },
      "[run] c.json: input.shape.2 must be a whole number from 1, got 0",
    ],
    [{ input: { ...good.input, std: [0] } }, "[run] c.json: input.std.0 must be a number above 0, got 0"],
    [{ input: { ...good.input, std: [] } }, "[run] c.json: input has 1 channels, 1 means and 0 deviations"],
  ])("%j", (change, line) => {
    expect(lineOf(() => parse(change), DataError)).toBe(`${line}. ${hint}`);
  });

  it("names JSON that is cut", () => {
    const cut = JSON.stringify(good).slice(0, 100);
    expect(lineOf(() => parseRunConfig(cut, "c.json"), DataError)).toMatch(
      /^\[run\] c\.json is not JSON: .+train again$/,
    );
  });
});

describe("nearest", () => {
  it.each([
    ["minst", "mnist"],
    ["mnits", "mnist"],
    ["MNIST", "mnist"],
    ["fashion_mnist", "fashion-mnist"],
    ["fashionmnist", "fashion-mnist"],
    ["cifar10", undefined],
    ["x", undefined],
    ["", undefined],
  ])("%s -> %s", (word, expected) => expect(nearest(word, ["mnist", "fashion-mnist"])).toBe(expected));
});
