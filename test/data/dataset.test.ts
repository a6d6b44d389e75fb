/** Data sets over arrays: values, standardisation from the training split only, parts, and what is refused. */
import { describe, expect, it } from "vitest";
import { ArrayDataset, fitStandardisation } from "../../src/data/index.js";
import { DataError, describeError } from "../../src/util/errors.js";

function lineOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return describeError(error);
  }
  return "no error";
}

/** Three images of two channels, 1 x 2. */
const small = <Role extends "all" | "train" | "test">(role: Role) =>
  new ArrayDataset({
    images: Uint8Array.of(0, 255, 51, 102, 255, 255, 0, 0, 51, 51, 204, 204),
    labels: [2, 0, 1],
    sampleShape: [2, 1, 2],
    role,
  });

describe("ArrayDataset", () => {
  it("scales bytes to [0, 1]", () => {
    const data = small("all");
    expect(data.length).toBe(3);
    expect(data.classes).toEqual(["0", "1", "2"]);
    expect(data.get(0)).toEqual({ x: Float32Array.of(0, 1, 0.2, 0.4), y: 2 });
    expect(data.batch([2, 0, 2])).toEqual({
      x: Float32Array.of(0.2, 0.2, 0.8, 0.8, 0, 1, 0.2, 0.4, 0.2, 0.2, 0.8, 0.8),
      y: Int32Array.of(1, 2, 1),
    });
  });

  it("leaves other numbers as they are, unless told", () => {
    const options = { images: Float32Array.of(-1.5, 4), labels: [0, 0], sampleShape: [1, 1, 1], role: "all" } as const;
    expect(new ArrayDataset(options).batch([1, 0]).x).toEqual(Float32Array.of(4, -1.5));
    expect(new ArrayDataset({ ...options, scale: 2 }).get(1).x).toEqual(Float32Array.of(8));
  });

  it("takes a part in the requested order, with its own role", () => {
    const part = small("all").subset([2, 0], "test");
    expect(part.role).toBe("test");
    expect(part.classes).toEqual(["0", "1", "2"]);
    expect(part.batch([0, 1])).toEqual(small("all").batch([2, 0]));
  });

  it.each([
    [
      "pixels",
      { images: new Uint8Array(5), labels: [0, 1], sampleShape: [1, 1, 2] },
      "[data] there are 5 pixel values, but 2 labels of [1, 1, 2] need 4. Check that images and labels belong together",
    ],
    [
      "label",
      { images: new Uint8Array(4), labels: [0, 3], sampleShape: [1, 1, 2], classes: ["a", "b"] },
      "[ArrayDataset] label 3 of sample 1 is none of the 2 classes. Labels are whole numbers from 0 to 1",
    ],
    [
      "negative label",
      { images: new Uint8Array(4), labels: [0, -1], sampleShape: [1, 1, 2] },
      "[ArrayDataset] label -1 of sample 1 is none of the 1 classes. Labels are whole numbers from 0 to 0",
    ],
    [
      "broken label",
      { images: new Uint8Array(4), labels: [0.5, 1], sampleShape: [1, 1, 2] },
      "[ArrayDataset] label 0.5 of sample 0 is none of the 2 classes. Labels are whole numbers from 0 to 1",
    ],
  ] as const)("refuses wrong %s", (_, options, line) => {
    expect(lineOf(() => new ArrayDataset({ ...options, role: "all" }))).toBe(line);
  });

  it("refuses an index that is not there", () => {
    for (const index of [3, -1, 0.5]) {
      expect(lineOf(() => small("all").get(index))).toBe(`[data] there is no sample ${index}: there are 3`);
    }
  });
});

describe("fitStandardisation", () => {
  it("takes mean and deviation of each channel", async () => {
    // channel 0: 0 1 1 1 .2 .2; channel 1: .2 .4 0 0 .8 .8
    const { mean, std } = await fitStandardisation(small("train"));
    expect(mean[0]).toBeCloseTo(3.4 / 6, 12);
    expect(mean[1]).toBeCloseTo(2.2 / 6, 12);
    expect(std[0]).toBeCloseTo(Math.sqrt(3.08 / 6 - (3.4 / 6) ** 2), 12);
    expect(std[1]).toBeCloseTo(Math.sqrt(1.48 / 6 - (2.2 / 6) ** 2), 12);
  });

  it("is the same for bytes and for the floats that reach the model", async () => {
    const bytes = small("train");
    const floats = new ArrayDataset({
      labels: bytes.labels,
      sampleShape: bytes.sampleShape,
      images: Float32Array.from(bytes.images, (byte) => byte / 255),
      scale: 1,
      role: "train",
    });
    const [a, b] = [await fitStandardisation(bytes), await fitStandardisation(floats)];
    for (const c of [0, 1]) {
      expect(a.mean[c]).toBeCloseTo(b.mean[c], 7);
      expect(a.std[c]).toBeCloseTo(b.std[c], 7);
    }
  });

  it("makes the training split have mean 0 and deviation 1, and changes others by the same numbers", async () => {
    const statistics = await fitStandardisation(small("train"));
    const { x } = small("train").standardise(statistics).batch([0, 1, 2]);
    const first = [x[0], x[1], x[4], x[5], x[8], x[9]];
    expect(first.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 5);
    expect(first.reduce((a, b) => a + b * b, 0) / 6).toBeCloseTo(1, 5);
    expect(small("test").standardise(statistics).batch([0, 1, 2]).x).toEqual(x);
  });

  it("gives a constant channel deviation 1", async () => {
    const flat = new ArrayDataset({
      images: Uint8Array.of(51, 51),
      labels: [0, 0],
      sampleShape: [1, 1, 1],
      role: "train",
    });
    expect(await fitStandardisation(flat)).toEqual({ mean: [0.2], std: [1] });
  });

  it("merges batches: a split of many images, against one pass over all", async () => {
    const images = Uint8Array.from({ length: 1000 * 3 * 4 }, (_, i) => (i % 12 < 4 ? 9 : (i * i + (i >> 7)) % 251));
    const labels = Array.from({ length: 1000 }, () => 0);
    const { mean, std } = await fitStandardisation(
      new ArrayDataset({ images, labels, sampleShape: [3, 2, 2], role: "train" }),
    );
    expect([mean[0], std[0]]).toEqual([9 / 255, 1]);
    for (const c of [1, 2]) {
      const values = Array.from(images).flatMap((byte, i) => (Math.floor(i / 4) % 3 === c ? [byte / 255] : []));
      const average = values.reduce((a, b) => a + b) / values.length;
      const variance = values.reduce((a, b) => a + (b - average) ** 2, 0) / values.length;
      expect(mean[c]).toBeCloseTo(average, 12);
      expect(std[c]).toBeCloseTo(Math.sqrt(variance), 12);
    }
  });

  it("refuses everything but a training split", async () => {
    // @ts-expect-error a whole set is no training split
    await expect(fitStandardisation(small("all"))).rejects.toThrow(
      '[data] statistics cannot come from a data set of role "all"',
    );
    // @ts-expect-error nor is a test set
    await expect(fitStandardisation(small("test"))).rejects.toThrow('role "test"');
    const empty = small("train").subset([], "train");
    await expect(fitStandardisation(empty)).rejects.toThrow("an empty training split");
  });

  it("is left out of the bytes that a step standardises itself", async () => {
    const data = small("train");
    const standardised = data.standardise(await fitStandardisation(data));
    const bytes = { x: Uint8Array.of(51, 51, 204, 204, 0, 255, 51, 102), y: Int32Array.of(1, 2) };
    expect(standardised.bytes?.([2, 0])).toEqual(bytes);
    expect(lineOf(() => data.bytes?.([3]))).toBe("[data] there is no sample 3: there are 3");
    const floats = new ArrayDataset({ images: Float32Array.of(1), labels: [0], sampleShape: [1, 1, 1], role: "all" });
    expect(floats.bytes).toBeUndefined();
  });

  it("refuses statistics of other channels", () => {
    expect(lineOf(() => small("train").standardise({ mean: [0], std: [1] }))).toBe(
      "[data] statistics of 1 channels for images of 2",
    );
  });
});
