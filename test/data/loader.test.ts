/** Batches: order, shapes, prefetch, errors, and leaving early. */
import { describe, expect, it } from "vitest";
import { ArrayDataset, DataLoader, type Dataset, type LoaderOptions, randomAffine } from "../../src/data/index.js";
import { describeError } from "../../src/util/errors.js";

/** Images of one pixel that holds their index; the label is the index too. */
const numbered = (length: number) =>
  new ArrayDataset({
    images: Float32Array.from({ length }, (_, i) => i),
    labels: Int32Array.from({ length }, (_, i) => i),
    sampleShape: [1, 1, 1],
    role: "train",
  });

async function collect(loader: AsyncIterable<{ x: { data(): Promise<ArrayLike<number>> } }>): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const { x } of loader) batches.push(Array.from(await x.data()));
  return batches;
}

const load = (length: number, options: LoaderOptions) => collect(new DataLoader(numbered(length), options));

describe("batches", () => {
  it("are [B, C, H, W] f32 and [B] i32", async () => {
    const data = new ArrayDataset({
      images: new Uint8Array(2 * 3 * 4 * 5),
      labels: [1, 0],
      sampleShape: [3, 4, 5],
      role: "train",
    });
    for await (const { x, y, count } of new DataLoader(data)) {
      expect([x.shape, x.dtype, y.shape, y.dtype, count]).toEqual([[2, 3, 4, 5], "f32", [2], "i32", 2]);
      expect(Array.from(await y.data())).toEqual([1, 0]);
    }
  });

  it("of bytes are what the data set holds, in the same order", async () => {
    const images = Uint8Array.from({ length: 7 * 2 * 3 }, (_, i) => i * 6);
    const data = new ArrayDataset({ images, labels: [0, 1, 2, 3, 4, 5, 6], sampleShape: [1, 2, 3], role: "train" });
    const options = { batchSize: 3, shuffle: true, seed: 5, padLast: true };
    const standardised = data.standardise({ mean: [0.5], std: [0.25] });
    const floats = await collect(new DataLoader(data, options));
    const loader = new DataLoader(standardised, { ...options, bytes: true });
    expect(await collect(loader)).toEqual(floats.map((batch) => batch.map((value) => Math.round(value * 255))));
    for await (const { x } of loader.epoch(0)) expect([x.shape, x.dtype]).toEqual([[3, 1, 2, 3], "u8"]);
    expect(() => new DataLoader(data, { bytes: true, augment: () => undefined })).toThrow(
      "[DataLoader] augment changes numbers, not bytes",
    );
    expect(() => new DataLoader(numbered(3), { bytes: true })).toThrow("[DataLoader] the data set does not hold bytes");
  });

  it("keep, drop or fill a last batch that is not full", async () => {
    expect(await load(5, { batchSize: 2 })).toEqual([[0, 1], [2, 3], [4]]);
    expect(await load(5, { batchSize: 2, dropLast: true })).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(await load(5, { batchSize: 3, padLast: true })).toEqual([
      [0, 1, 2],
      [3, 4, 4],
    ]);
    const counts: number[] = [];
    for await (const { count } of new DataLoader(numbered(5), { batchSize: 3, padLast: true })) counts.push(count);
    expect(counts).toEqual([3, 2]);
    expect(new DataLoader(numbered(5), { batchSize: 2 }).length).toBe(3);
    expect(new DataLoader(numbered(5), { batchSize: 2, dropLast: true }).length).toBe(2);
  });

  it.each([0, 1, 2, 100])("come in order with prefetch %d", async (prefetch) => {
    expect((await load(50, { batchSize: 3, prefetch })).flat()).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it.each([0, 1, 4, 7])("begin where an epoch was left: batch %d", async (first) => {
    const loader = new DataLoader(numbered(20), { batchSize: 3, shuffle: true, seed: 4 });
    const whole = await collect(loader.epoch(2));
    expect(await collect(loader.epoch(2, { first }))).toEqual(whole.slice(first));
  });

  it("of an empty data set are none", async () => expect(await load(0, {})).toEqual([]));

  it.each([
    [{ batchSize: 0 }, "[DataLoader] batchSize must be a whole number ≥ 1, got 0"],
    [{ batchSize: 1.5 }, "[DataLoader] batchSize must be a whole number ≥ 1, got 1.5"],
    [{ prefetch: -1 }, "[DataLoader] prefetch must be a whole number ≥ 0, got -1"],
    [{ batchSize: 9, dropLast: true }, "[DataLoader] 5 samples do not fill one batch of 9"],
  ])("refuse %j", (options, message) => {
    expect(() => new DataLoader(numbered(5), options)).toThrow(message);
  });
});

describe("shuffling", () => {
  it("is a permutation, another in each epoch, the same for the same seed", async () => {
    const loader = new DataLoader(numbered(40), { batchSize: 7, shuffle: true, seed: 5 });
    const [first, second] = [await collect(loader), await collect(loader)];
    expect(first.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(second).not.toEqual(first);
    expect(await load(40, { batchSize: 7, shuffle: true, seed: 5, prefetch: 0 })).toEqual(first);
    expect(await load(40, { batchSize: 7, shuffle: true, seed: 6 })).not.toEqual(first);
    expect(await collect(loader.epoch(1))).toEqual(second);
    expect(await collect(loader.epoch(0))).toEqual(first);
  });

  it("does not depend on timing, nor on another loop over the same loader", async () => {
    const data = numbered(30);
    const slow: Dataset = {
      length: data.length,
      sampleShape: data.sampleShape,
      classes: data.classes,
      role: data.role,
      get: (index) => data.get(index),
      batch: async (indices) => {
        await new Promise((resolve) => setTimeout(resolve, (indices[0] * 7) % 5));
        return data.batch(indices);
      },
    };
    const options = { batchSize: 4, shuffle: true, seed: 2, prefetch: 3 };
    const expected = await load(30, options);
    const loader = new DataLoader(slow, options);
    const [a, b] = await Promise.all([collect(loader.epoch(0)), collect(loader.epoch(0))]);
    expect(a).toEqual(expected);
    expect(b).toEqual(expected);
  });

  it("is the same on every machine, today and later", async () => {
    expect((await load(10, { batchSize: 10, shuffle: true, seed: 1 }))[0]).toMatchInlineSnapshot(`
      [
        6,
        8,
        7,
        3,
        0,
        9,
        4,
        5,
        1,
        2,
      ]
    `);
  });

  it("changes images by seed, epoch and place only", async () => {
    const data = new ArrayDataset({
      images: Float32Array.from({ length: 6 * 16 }, (_, i) => (i * 7919) % 97),
      labels: new Int32Array(6),
      sampleShape: [1, 4, 4],
      role: "train",
    });
    const augment = randomAffine({ shift: 1, rotation: 20 });
    const images = (seed: number, batchSize: number) =>
      collect(new DataLoader(data, { batchSize, seed, augment })).then((batches) => batches.flat());
    expect(await images(1, 2)).toEqual(await images(1, 6));
    expect(await images(1, 2)).not.toEqual(await images(2, 2));
    const loader = new DataLoader(data, { batchSize: 6, augment });
    expect(await collect(loader)).not.toEqual(await collect(loader));
  });
});

describe("trouble", () => {
  it.each([
    [7, "[DataLoader] label 7 of sample 3 is none of the 5 classes. Labels are whole numbers from 0 to 4"],
    [-1, "[DataLoader] label -1 of sample 3 is none of the 5 classes. Labels are whole numbers from 0 to 4"],
    [0.5, "[DataLoader] label 0.5 of sample 3 is none of the 5 classes. Labels are whole numbers from 0 to 4"],
  ])("with label %s names the sample, whatever made the batch", async (label, message) => {
    const good = numbered(5);
    const data: Dataset = {
      ...{ length: 5, sampleShape: good.sampleShape, classes: good.classes, role: "train" },
      get: (index) => good.get(index),
      batch: (indices) => ({
        x: good.batch(indices).x,
        y: Array.from(indices, (i) => (i === 3 ? label : i)) as unknown as Int32Array,
      }),
    };
    const error = await collect(new DataLoader(data, { batchSize: 2, shuffle: true })).catch((thrown) => thrown);
    expect(describeError(error)).toBe(message);
  });

  /** Fails at one index; counts the requests, and what is still at work. */
  const failing = (length: number, failAt: number) => {
    const state = { asked: 0, working: 0 };
    const data: Dataset = {
      length,
      sampleShape: [1, 1, 1],
      classes: ["a"],
      role: "train",
      get: () => ({ x: new Float32Array(1), y: 0 }),
      batch: async (indices) => {
        state.asked++;
        state.working++;
        await new Promise((resolve) => setTimeout(resolve, 2));
        state.working--;
        if (indices[0] === failAt) throw new Error(`sample ${failAt} is broken`);
        return { x: new Float32Array(indices.length), y: new Int32Array(indices.length) };
      },
    };
    return { data, state };
  };

  it("surfaces in the loop, at its batch, after those before it", async () => {
    const { data, state } = failing(10, 4);
    let seen = 0;
    const loop = async () => {
      for await (const _ of new DataLoader(data, { batchSize: 1, prefetch: 5 })) seen++;
    };
    await expect(loop()).rejects.toThrow("sample 4 is broken");
    expect(seen).toBe(4);
    expect(state.working).toBe(0);
  });

  it("that nobody gets to see is nobody's", async () => {
    const { data } = failing(10, 1);
    for await (const _ of new DataLoader(data, { batchSize: 1, prefetch: 5 })) break;
    await new Promise((resolve) => setTimeout(resolve, 10)); // an unhandled rejection would fail the test run
  });

  it("leaves nothing running after a break", async () => {
    const { data, state } = failing(1000, -1);
    for await (const _ of new DataLoader(data, { batchSize: 1, prefetch: 8 })) break;
    expect(state.working).toBe(0);
    const { asked } = state;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state.asked).toBe(asked);
    expect(asked).toBeLessThanOrEqual(9);
  });

  it("never works further ahead than asked", async () => {
    const { data, state } = failing(20, -1);
    let taken = 0;
    for await (const _ of new DataLoader(data, { batchSize: 1, prefetch: 3 })) {
      taken++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(state.asked).toBeLessThanOrEqual(taken + 3);
    }
    expect(taken).toBe(20);
  });
});
