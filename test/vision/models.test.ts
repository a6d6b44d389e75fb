/**
 * The registry of models: sizes and work against published numbers, keys, initial values, and what is refused. Builds
 * graphs only; the numbers that models compute are compared with PyTorch's in test/parity.
 */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Generator, Parameter, useDevice, zeros } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { describeError } from "../../src/util/errors.js";
import { createModel, InvertedResidual, modelNames } from "../../src/vision/index.js";

beforeAll(() => useDevice("interp"));

const failure = (build: () => unknown): string => {
  try {
    build();
  } catch (error) {
    return describeError(error);
  }
  return "nothing";
};

describe("parameters and multiply-adds", () => {
  // Parameters: torchvision 0.28, the documentation of each weights entry (num_params); multiply-adds: the same entries
  // (_ops, in 10⁹, three digits behind the point).
  it.each([
    ["resnet18", 11_689_512, 1.814],
    ["resnet34", 21_797_672, 3.664],
    ["resnet50", 25_557_032, 4.089],
  ] as const)("of %s are torchvision's", (name, parameters, billions) => {
    const model = createModel(name, { classes: 1000, size: 224 });
    expect(nn.countParameters(model)).toBe(parameters);
    expect(nn.countFlops(model, [1, 3, 224, 224]) / 1e9).toBeCloseTo(billions, 3);
  });

  // He et al. 2016, table 6: millions of parameters. The exact numbers follow from section 4.2.
  it.each([
    ["resnet20", 3, 0.27],
    ["resnet32", 5, 0.46],
    ["resnet44", 7, 0.66],
    ["resnet56", 9, 0.85],
    ["resnet110", 18, 1.7],
  ] as const)("of %s are the paper's", (name, n, millions) => {
    const model = createModel(name, { classes: 10, size: 32 });
    const [first, second, third] = [
      3 * 9 * 16 + 2 * n * 16 * 9 * 16,
      16 * 9 * 32 + (2 * n - 1) * 32 * 9 * 32,
      32 * 9 * 64 + (2 * n - 1) * 64 * 9 * 64,
    ];
    const normalisations = 2 * (16 * (2 * n + 1) + 32 * 2 * n + 64 * 2 * n);
    const head = 64 * 10;
    expect(nn.countParameters(model)).toBe(first + second + third + normalisations + head + 10);
    expect(nn.countFlops(model, [1, 3, 32, 32])).toBe(32 * 32 * first + 16 * 16 * second + 8 * 8 * third + head);
    const digits = millions < 1 ? 2 : 1;
    expect((nn.countParameters(model) / 1e6).toFixed(digits)).toBe(millions.toFixed(digits));
  });

  // PyTorch 2.13: sum(p.numel() for p in model.parameters()) of the same layers.
  it.each([
    ["mlp", 535818],
    ["lenet", 61706],
    ["cnn", 421642],
  ] as const)("of %s are PyTorch's", (name, expected) => {
    expect(nn.countParameters(createModel(name, { classes: 10, inChannels: 1, size: 28 }))).toBe(expected);
  });

  it("fit other inputs: 3 x 32 x 32 in 100 classes", () => {
    // conv 3·32·9 + 32, conv 18496, dense 64·8·8·128 + 128, dense 12900
    const model = createModel("cnn", { classes: 100, size: 32 });
    expect(nn.countParameters(model)).toBe(896 + 18496 + 524416 + 12900);
  });

  it("count grouped convolutions by group, images by number, and shared parameters once", () => {
    const grouped = new nn.Conv2d(8, 16, 3, { groups: 4, padding: 1, bias: false });
    expect(nn.countFlops(grouped, [5, 8, 6, 7])).toBe(5 * 16 * 6 * 7 * 2 * 9);
    const shared = new nn.Linear(4, 4);
    const twice = new nn.Sequential(shared, shared);
    expect([nn.countParameters(twice), nn.countFlops(twice, [3, 4])]).toEqual([20, 2 * 3 * 16]);
  });

  it("leave modes and random counters as they were", () => {
    const model = new nn.Sequential(new nn.Linear(4, 4), new nn.Dropout(), new nn.BatchNorm1d(4));
    model[1].eval();
    const [before] = model.namedGenerators().map(([, generator]) => generator.counter.node);
    nn.countFlops(model, [2, 4]);
    expect([model.training, model[1].training, model[2].training]).toEqual([true, false, true]);
    expect(model.namedGenerators()[0][1].counter.node).toBe(before);
    expect(failure(() => nn.countFlops(model, [2, 5]))).toContain("[linear] expected 4 features");
    expect([model.training, model[1].training]).toEqual([true, false]);
  });
});

describe("keys", () => {
  const keys = (module: nn.Module) => Object.keys(module.stateDict());

  it("of a row of layers are their places", () => {
    const places = ["0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias", "9.weight", "9.bias"];
    expect(keys(createModel("cnn", { classes: 10, inChannels: 1, size: 28 }))).toEqual(places);
  });

  it("of residual networks are torchvision's", () => {
    const norm = (name: string) =>
      ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map((key) => `${name}.${key}`);
    const found = keys(createModel("resnet18", { classes: 10, size: 224 }));
    expect(found.slice(0, 6)).toEqual(["conv1.weight", ...norm("bn1")]);
    expect(found.filter((key) => key.startsWith("layer2.0."))).toEqual([
      "layer2.0.conv1.weight",
      ...norm("layer2.0.bn1"),
      "layer2.0.conv2.weight",
      ...norm("layer2.0.bn2"),
      "layer2.0.downsample.0.weight",
      ...norm("layer2.0.downsample.1"),
    ]);
    expect(found.slice(-2)).toEqual(["fc.weight", "fc.bias"]);
    expect(found).toHaveLength(122); // len(torchvision.models.resnet18().state_dict())
    expect(keys(createModel("resnet50", { classes: 10, size: 224 }))).toHaveLength(320);
    expect(keys(createModel("resnet20", { classes: 10, size: 32 })).join()).not.toContain("downsample");
  });
});

describe("initial values", () => {
  it.each(["lenet", "resnet20"] as const)("of %s are the same for the same seed and generator", async (name) => {
    const weights = async (seed: number, generator?: Generator) => {
      nn.manualSeed(seed);
      const [weight] = createModel(name, { classes: 3, inChannels: 1, size: 12, generator }).parameters();
      return (await weight.data()).slice(0, 20);
    };
    expect(await weights(1)).toEqual(await weights(1));
    expect(await weights(1)).not.toEqual(await weights(2));
    const own = await weights(1, new Generator(5, { stream: "own" }));
    expect(own).toEqual(await weights(2, new Generator(5, { stream: "own" })));
    expect(own).not.toEqual(await weights(1));
  });

  it("of convolutions are He's by fan-out, of normalisations 1 and 0", async () => {
    const state = createModel("resnet20", { classes: 10, size: 32, generator: new Generator(1) }).stateDict();
    const weight = Array.from(await state["layer3.0.conv2.weight"].data()); // 36,864 values
    const mean = weight.reduce((a, b) => a + b) / weight.length;
    const std = Math.sqrt(weight.reduce((a, b) => a + (b - mean) ** 2, 0) / weight.length);
    const expected = Math.sqrt(2 / (64 * 9));
    expect(Math.abs(std / expected - 1)).toBeLessThan(5 / Math.sqrt(2 * weight.length)); // five standard errors
    expect(Math.abs(mean / expected)).toBeLessThan(5 / Math.sqrt(weight.length));
    expect(new Set(await state["layer1.0.bn2.weight"].data())).toEqual(new Set([1]));
    expect(new Set(await state["layer1.0.bn2.bias"].data())).toEqual(new Set([0]));
  });

  // From here on nothing is computed: the large models would take long.
  it.each([
    ["resnet20", /^layer\d\.\d+\.bn2\.weight$/, 9],
    ["resnet34", /^layer\d\.\d+\.bn2\.weight$/, 16],
    ["resnet50", /^layer\d\.\d+\.bn3\.weight$/, 16],
  ] as const)("make the blocks of %s the identity where requested", (name, last, count) => {
    const load = vi.spyOn(Parameter.prototype, "load");
    const zeroed = (zeroInitResidual: boolean) => {
      load.mockClear();
      const keys = new Map(
        createModel(name, { classes: 10, size: 32, zeroInitResidual })
          .namedParameters()
          .map(([key, parameter]) => [parameter, key]),
      );
      expect(
        load.mock.calls.every(([values]) => Array.from(values as Iterable<number>).every((value) => value === 0)),
      ).toBe(true);
      return load.mock.contexts.map((parameter) => keys.get(parameter as Parameter) ?? "");
    };
    expect(zeroed(false)).toEqual([]);
    expect(zeroed(true).filter((key) => last.test(key))).toHaveLength(count);
    expect(zeroed(true)).toHaveLength(count);
    load.mockRestore();
  });

  it.each(modelNames)("of %s come from the given generator only", (name) => {
    const draws = [vi.spyOn(Generator.prototype, "uniform"), vi.spyOn(Generator.prototype, "normal")];
    const generator = new Generator(1, { stream: "given" });
    createModel(name, { classes: 10, size: 32, generator });
    const sources = new Set(draws.flatMap(({ mock }) => mock.contexts));
    expect([...sources]).toEqual([generator]);
    for (const draw of draws) draw.mockRestore();
  });
});

describe("stems", () => {
  const stemOf = (size: number, stem?: "cifar" | "imagenet") =>
    createModel("resnet18", { classes: 10, size, stem }).stateDict()["conv1.weight"].shape[2];

  it("follow the size of the images unless they are chosen", () => {
    expect([stemOf(32), stemOf(63), stemOf(64), stemOf(224)]).toEqual([3, 3, 7, 7]);
    expect([stemOf(32, "imagenet"), stemOf(224, "cifar")]).toEqual([7, 3]);
  });

  it("keep or quarter the size", () => {
    const work = (stem: "cifar" | "imagenet") =>
      nn.countFlops(createModel("resnet34", { classes: 10, size: 64, stem }), [1, 3, 64, 64]);
    const blocks = (3_663_761_408 - 1000 * 512 - 112 * 112 * 64 * 147) * (64 / 224) ** 2; // at 224², without stem and head
    expect(work("imagenet")).toBe(blocks + 32 * 32 * 64 * 147 + 5120);
    expect(work("cifar")).toBe(16 * blocks + 64 * 64 * 64 * 27 + 5120);
  });
});

describe("odd images", () => {
  it.each([
    ["resnet20", 1, [7, 9]],
    ["resnet18", 4, [33, 65]],
    ["resnet50", 3, [65, 67]],
  ] as const)("%s takes %i channels of %j", (name, inChannels, size) => {
    const model = createModel(name, { classes: 5, inChannels, size });
    expect(model(zeros([2, inChannels, ...size])).shape).toEqual([2, 5]);
  });

  it("are refused where a model cannot take them", () => {
    expect(failure(() => createModel("lenet", { classes: 10, inChannels: 1, size: 8 }))).toBe(
      "[model] images of [1, 8, 8] are too small for lenet. Use larger images, or the model mlp",
    );
    expect(failure(() => createModel("resnet20", { classes: 10, size: 32 })(zeros([2, 1, 32, 32])))).toContain(
      "[conv2d] expected 3 input channels, got x [2, 1, 32, 32] (in model.conv1)",
    );
  });
});

describe("createModel refuses", () => {
  it.each([
    ["resnet19", '[model] there is no model "resnet19". Did you mean resnet18?'],
    ["ResNet50", '[model] there is no model "ResNet50". Did you mean resnet50?'],
    ["toString", `[model] there is no model "toString". Choose one of ${modelNames.join(", ")}`],
  ])("the name %s", (name, message) => {
    expect(failure(() => createModel(name as "mlp", { classes: 10, size: 32 }))).toBe(message);
  });

  it.each([
    [{ classes: 0, size: 32 }, "[createModel] classes must be a whole number ≥ 1, got 0"],
    [{ classes: 2, size: [32, 0.5] }, "[createModel] size must be a whole number ≥ 1 or a pair of them, got [32, 0.5]"],
    [{ classes: 2, size: 32, inChannels: -1 }, "[createModel] inChannels must be a whole number ≥ 1, got -1"],
  ] as const)("%j", (options, message) => {
    expect(failure(() => createModel("resnet20", options))).toBe(message);
  });
});

describe("InvertedResidual", () => {
  it("has torchvision's keys and work", () => {
    const block = new InvertedResidual(32, 32);
    const weights = block.namedParameters().map(([key, { shape }]) => `${key} ${shape.join("x")}`);
    expect(weights.filter((text) => text.includes("x"))).toEqual([
      "conv.0.0.weight 192x32x1x1",
      "conv.1.0.weight 192x1x3x3",
      "conv.2.weight 32x192x1x1",
    ]);
    expect(nn.countFlops(block, [1, 32, 32, 32])).toBe(1024 * (2 * 32 * 192 + 192 * 9));
  });

  it("adds its input only where shapes agree, and can do without widening", () => {
    expect(new InvertedResidual(8, 8).residual).toBe(true);
    expect(new InvertedResidual(8, 12).residual).toBe(false);
    expect(new InvertedResidual(8, 8, { stride: 2 }).residual).toBe(false);
    const plain = new InvertedResidual(8, 8, { expandRatio: 1 });
    expect(plain.parameters()[0].shape).toEqual([8, 1, 3, 3]);
    expect(failure(() => new InvertedResidual(8, 8, { stride: 3 }))).toBe(
      "[InvertedResidual] stride must be 1 or 2, got 3",
    );
  });
});
