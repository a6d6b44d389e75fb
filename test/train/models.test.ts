/** The models of the command line: parameter counts known from PyTorch, keys, and pictures that are too small. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { manualSeed } from "../../src/nn/index.js";
import { buildModel, modelNames } from "../../src/train/index.js";
import { describeError } from "../../src/util/errors.js";

beforeAll(() => useDevice("interp"));

const count = (name: (typeof modelNames)[number], shape: readonly number[], classes = 10) =>
  buildModel(name, shape, classes)
    .parameters()
    .reduce((sum, { size }) => sum + size, 0);

describe("buildModel", () => {
  // PyTorch 2.13: sum(p.numel() for p in model.parameters()) of the same layers.
  it.each([
    ["mlp", 535818],
    ["lenet", 61706],
    ["cnn", 421642],
  ] as const)("%s has as many parameters as in PyTorch", (name, expected) => {
    expect(count(name, [1, 28, 28])).toBe(expected);
  });

  it("fits other inputs: 3 x 32 x 32 in 100 classes", () => {
    // conv 3·32·9 + 32, conv 18496, dense 64·8·8·128 + 128, dense 12900
    expect(count("cnn", [3, 32, 32], 100)).toBe(896 + 18496 + 524416 + 12900);
  });

  it("has PyTorch's keys", () => {
    expect(Object.keys(buildModel("cnn", [1, 28, 28], 10).stateDict())).toEqual([
      "0.weight",
      "0.bias",
      "3.weight",
      "3.bias",
      "7.weight",
      "7.bias",
      "9.weight",
      "9.bias",
    ]);
  });

  it.each(modelNames)("%s starts the same for the same seed", async (name) => {
    const weights = async (seed: number) => {
      manualSeed(seed);
      return (await buildModel(name, [1, 12, 12], 3).parameters()[0].data()).slice(0, 20);
    };
    expect(await weights(1)).toEqual(await weights(1));
    expect(await weights(1)).not.toEqual(await weights(2));
  });

  it("refuses pictures that are too small", () => {
    try {
      buildModel("lenet", [1, 8, 8], 10);
      expect.unreachable();
    } catch (error) {
      expect(describeError(error)).toBe(
        "[model] pictures of [1, 8, 8] are too small for lenet. Use larger pictures, or the model mlp",
      );
    }
  });
});
