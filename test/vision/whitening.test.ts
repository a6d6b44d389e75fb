/** Whitening: eigenvectors against the matrix that they come from, and what leaves the layer against its closed form. */
import { beforeAll, describe, expect, it } from "vitest";
import { ArrayDataset } from "../../src/data/index.js";
import { compile, Generator, type Tensor, tensor, useDevice, zeros } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { describeError } from "../../src/util/errors.js";
import { philox2x32 } from "../../src/util/philox.js";
import { eigenSymmetric } from "../../src/vision/eigen.js";
import { createModel, fitWhitening, WhiteningConv2d } from "../../src/vision/index.js";
import { devices } from "../support/devices.js";

const random = (i: number) => philox2x32(i, 7, 11)[0] / 2 ** 32 - 0.5;

describe("eigenSymmetric", () => {
  it.each([1, 2, 5, 12, 27])("takes a matrix of size %i apart", (n) => {
    const half = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => random(i * n + j)));
    const A = half.map((row, i) => row.map((value, j) => value + half[j][i]));
    const { values, vectors } = eigenSymmetric(A);
    expect([...values].sort((a, b) => a - b)).toEqual(values);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const product = vectors[i].reduce((sum, v, k) => sum + v * vectors[j][k], 0);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 12);
        const rebuilt = values.reduce((sum, value, k) => sum + value * vectors[k][i] * vectors[k][j], 0);
        expect(rebuilt).toBeCloseTo(A[i][j], 12);
      }
    }
  });

  it("knows the eigenvalues of [[2, 1], [1, 2]], and of a diagonal", () => {
    const { values, vectors } = eigenSymmetric([
      [2, 1],
      [1, 2],
    ]);
    for (const [i, value] of [1, 3].entries()) expect(values[i]).toBeCloseTo(value, 14);
    for (const v of vectors.flat()) expect(Math.abs(v)).toBeCloseTo(Math.SQRT1_2, 14);
    const diagonal = eigenSymmetric([
      [5, 0],
      [0, -1],
    ]);
    expect(diagonal.values).toEqual([-1, 5]);
  });
});

describe.each(devices)("WhiteningConv2d on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("makes patches uncorrelated, of scale 1 but for ε", async () => {
    const [N, C, H, W, K] = [6, 2, 7, 8, 2];
    // Neighbours and channels that go together, as in images.
    const x = tensor(
      Float32Array.from({ length: N * C * H * W }, (_, i) => random(i) + 3 * random(i >> 2) + 2 * random(i % 56)),
      { shape: [N, C, H, W] },
    );
    const eps = 0.05;
    const layer = new WhiteningConv2d(C, K, { eps });
    await layer.fit(x);
    const D = C * K * K;
    const y = await (await compile((images: Tensor) => layer(images))(x)).data();
    const plane = (H - K + 1) * (W - K + 1);
    const at = (n: number, o: number, p: number) => y[(n * 2 * D + o) * plane + p];
    const moment = (a: number, b: number) => {
      let sum = 0;
      for (let n = 0; n < N; n++) for (let p = 0; p < plane; p++) sum += at(n, a, p) * at(n, b, p);
      return sum / (N * plane);
    };
    const filters = await layer.weight.data();
    for (let a = 0; a < D; a++) {
      // |w|² = 1 / (λ + ε), and the second moment of what leaves is λ / (λ + ε).
      const size = Array.from(filters.slice(a * D, (a + 1) * D)).reduce((sum, w) => sum + w * w, 0);
      expect(moment(a, a)).toBeCloseTo(1 - eps * size, 4);
      for (let b = 0; b < a; b++) expect(Math.abs(moment(a, b))).toBeLessThan(1e-4);
      expect(moment(a, D + a)).toBeCloseTo(-moment(a, a), 5);
    }
  });
});

describe("a whitening layer", () => {
  beforeAll(() => useDevice("interp"));

  it("trains its bias only, and saves both", () => {
    const layer = new WhiteningConv2d(3, 2);
    expect(layer.namedParameters().map(([key]) => key)).toEqual(["bias"]);
    expect(Object.entries(layer.stateDict()).map(([key, { shape }]) => `${key} ${shape}`)).toEqual([
      "bias 24",
      "weight 24,3,2,2",
    ]);
  });

  it("is fitted in whatever model has one, to images of all classes", async () => {
    const images = Uint8Array.from({ length: 20 * 81 }, (_, i) => (i % 81 === 40 ? 0 : (i * i) % 256));
    const labels = Array.from({ length: 20 }, (_, i) => Math.floor(i / 10));
    const set = new ArrayDataset({ images, labels, sampleShape: [1, 9, 9], role: "train" });
    const model = createModel("speednet", { classes: 2, inChannels: 1, size: 9 });
    await fitWhitening(model, set.standardise({ mean: [0.5], std: [0.25] }));
    const alone = new WhiteningConv2d(1, 2);
    const { x } = set.standardise({ mean: [0.5], std: [0.25] }).batch(Array.from({ length: 20 }, (_, i) => i));
    await alone.fit(tensor(x, { shape: [20, 1, 9, 9] }));
    expect(await model.stateDict()["whiten.weight"].data()).toEqual(await alone.weight.data());
    const plain = new nn.Sequential(new nn.Flatten(), new nn.Linear(81, 2));
    const before = await plain.parameters()[0].data();
    await fitWhitening(plain, set);
    expect(await plain.parameters()[0].data()).toEqual(before);
  });

  it("refuses what does not fit", async () => {
    const failure = async (program: () => unknown) => {
      try {
        await program();
      } catch (error) {
        return describeError(error);
      }
      return "nothing";
    };
    expect(await failure(() => new WhiteningConv2d(0, 2))).toBe(
      "[WhiteningConv2d] inChannels must be a whole number ≥ 1, got 0",
    );
    expect(await failure(() => new WhiteningConv2d(1, 2, { eps: 0 }))).toBe(
      "[whiteningConv2d] eps must be above 0, got 0",
    );
    expect(await failure(() => new WhiteningConv2d(3, 2).fit(zeros([4, 1, 5, 5])))).toBe(
      "[whiteningConv2d] needs images [N, 3, H, W] of 2 pixels or more, got [4, 1, 5, 5]",
    );
    expect(await failure(() => createModel("speednet", { classes: 2, size: [8, 40] }))).toBe(
      "[model] images of [3, 8, 40] are too small for speednet. Use images of 9 pixels or more, or another model",
    );
  });
});

describe("speednet", () => {
  it("starts with filters that pass a channel on, and learns every filter but those of the whitening", async () => {
    await useDevice("interp");
    const model = createModel("speednet", { classes: 3, size: 9, generator: new Generator(1) });
    const state = model.stateDict();
    const filters = await state["layers.0.conv1.weight"].data();
    const [O, C] = state["layers.0.conv1.weight"].shape;
    expect([O, C]).toEqual([64, 24]);
    for (const o of [0, 5, 23]) {
      const filter = [...filters.slice(o * C * 9, (o + 1) * C * 9)];
      expect(filter.map((value, i) => (value === 0 ? -1 : i)).filter((i) => i >= 0)).toEqual([o * 9 + 4]);
    }
    expect(filters.slice(24 * C * 9).every((value) => Math.abs(value) <= 1 / Math.sqrt(C * 9))).toBe(true);
    expect(model.parameters()).not.toContain(state["whiten.weight"]);
    expect(model(zeros([2, 3, 9, 9])).shape).toEqual([2, 3]);
  });
});
