/** Folders as data sets: sizes, colours, splits, the cache, memory and disk, files that are damaged. */
import { mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ArrayDataset,
  DataLoader,
  type Dataset,
  fitStandardisation,
  type ImageFolderDataset,
  type ImageFolderOptions,
  loadImageFolder,
  stratifiedSplit,
} from "../../src/data/index.js";
import { useDevice } from "../../src/index.js";
import { describeError } from "../../src/util/errors.js";
import { gradient, grey, plain, sharpFrom, writeFiles } from "./image-files.js";

let folder = "";
let root = "";
let cache = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-folder-"));
  root = join(folder, "set");
  cache = join(folder, "cache");
});
afterEach(() => rm(folder, { recursive: true }));

const red = [255, 0, 0] as const;
const blue = [0, 0, 255] as const;

const load = (options: ImageFolderOptions = {}) => loadImageFolder(root, { cache, ...options });
const refusal = async (options: ImageFolderOptions = {}) =>
  describeError(await load(options).catch((error: unknown) => error));
/** Loads, and says how many files were decoded for it. */
async function loadCounting(options: ImageFolderOptions = {}) {
  let decoded = 0;
  const loaded = await load({ ...options, onProgress: ({ done }) => (decoded = done) });
  return { ...loaded, decoded };
}
const valuesOf = async (set: Dataset, indices: number[]) => [...(await set.batch(indices)).x];

/** Two classes of `count` images of 4 x 3, every one different. */
async function writeSet(count: number, more: Record<string, Uint8Array | string> = {}): Promise<void> {
  const files: Record<string, Uint8Array | string> = {};
  for (let i = 0; i < count; i++) {
    files[`a/${i}.png`] = await sharpFrom(gradient(4, 3, i % 256), 4, 3)
      .png()
      .toBuffer();
    files[`b/${i}.png`] = await sharpFrom(gradient(4, 3, 255 - (i % 256)), 4, 3)
      .png()
      .toBuffer();
  }
  await writeFiles(root, { ...files, ...more });
}

describe("images", () => {
  it("become [C, H, W], scaled, with the class of their folder", async () => {
    await writeSet(2);
    const { all, settings, skipped, inMemory } = await load();
    expect(all).toMatchObject({ length: 4, sampleShape: [3, 3, 4], classes: ["a", "b"], role: "all" });
    expect(settings).toEqual({ channels: 3, size: [3, 4], resize: false });
    expect([skipped, inMemory]).toEqual([[], true]);
    const { x, y } = await (all as Dataset).batch([3, 0]);
    expect([...y]).toEqual([1, 0]);
    const pixels = [gradient(4, 3, 254), gradient(4, 3, 0)];
    const planar = pixels.flatMap((data) => [0, 1, 2].flatMap((c) => [...data].filter((_, i) => i % 3 === c)));
    expect([...x]).toEqual(planar.map((value) => Math.fround(value / 255)));
    expect(() => all?.batch([4])).toThrow("[data] there is no sample 4: there are 4");
  });

  it("are grey when all are, and RGB when a late one is not", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 130; i++) files[`${i % 2 ? "a" : "b"}/${i}.png`] = await grey(2, i);
    await writeFiles(root, files);
    const dim = await load();
    expect(dim.settings.channels).toBe(1);
    expect(await valuesOf(dim.all as Dataset, [0])).toEqual(Array(4).fill(Math.fround(1 / 255)));
    // Only every other file is looked at before decoding; the second is not.
    await writeFiles(root, { "a/3.png": await plain(2, 2, red) });
    const { all, settings } = await load();
    expect(settings.channels).toBe(3);
    expect(await valuesOf(all as Dataset, [1])).toEqual([1, 1, 1, 1, ...Array(8).fill(0)]);
    expect(await refusal({ channels: 1 })).toMatch(/have colours, but grey is requested/);
  });

  it("of several sizes are refused with a size to choose, and resized to it", async () => {
    await writeFiles(root, {
      "a/1.png": await plain(50, 40, red),
      "a/2.png": await plain(40, 70, red),
      "b/ü 3.png": await plain(50, 40, blue),
    });
    const found = `[data] the images in ${root} differ in size (height x width): 40x50, 70x40`;
    expect(await refusal()).toBe(`${found}. Choose a size for all: --size 32`);
    const { all, settings } = await load({ size: [2, 3] });
    expect(settings).toEqual({ channels: 3, size: [2, 3], resize: true });
    expect(await valuesOf(all as Dataset, [2])).toEqual([...Array(12).fill(0), ...Array(6).fill(1)]);
    expect(await refusal({ size: 0 })).toBe(
      "[loadImageFolder] size must be a whole number ≥ 1 or a pair of them, got 0",
    );
  });

  it("of another size among many are found while decoding", async () => {
    await writeSet(70, { "a/1.png": await plain(9, 9, red) });
    expect(await refusal()).toMatch(/differ in size \(height x width\): 3x4, 9x9\. Choose a size for all: --size 9$/);
  });
});

describe("files that cannot be decoded", () => {
  it("are left out and named with a reason", async () => {
    const jpeg = await sharpFrom(gradient(4, 3), 4, 3).jpeg().toBuffer();
    await writeSet(4, {
      "a/cut.jpg": jpeg.subarray(0, jpeg.length - 20),
      "a/none.jpg": "",
      "b/text.jpg": "these are words, not pixels",
      "b/good, but named wrong.png": jpeg,
    });
    const { all, skipped } = await load();
    expect(all?.length).toBe(9);
    expect(skipped).toEqual([
      { file: "a/cut.jpg", reason: "damaged JPEG: premature end of JPEG image" },
      { file: "a/none.jpg", reason: "the file is empty" },
      { file: "b/text.jpg", reason: "not a JPEG, PNG or WebP file" },
    ]);
    expect([...(all?.labels ?? [])]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
    const again = await loadCounting();
    expect([again.decoded, again.skipped]).toEqual([0, skipped]);
  });

  it("are an error when they are most of a set, or all of a class", async () => {
    await writeSet(1, { "a/1.jpg": "no", "a/2.jpg": "no", "b/1.jpg": "no" });
    const fix = "Check how the images were made or copied; up to half of them may be skipped";
    const problem = `3 of 5 images in ${root} cannot be decoded, such as a/1.jpg: not a JPEG, PNG or WebP file`;
    expect(await refusal()).toBe(`[data] ${problem}. ${fix}`);
    await writeSet(4, { "a/1.jpg": "no", "a/2.jpg": "no", "b/1.jpg": "no", "c/1.jpg": "no" });
    expect(await refusal()).toMatch(/^\[data\] no image of the class c in .+ can be decoded\. /);
    await rm(root, { recursive: true });
    await writeFiles(root, { "a/1.jpg": "no", "b/1.jpg": "no" });
    expect(await refusal()).toMatch(/^\[data\] none of 2 images in .+ can be read: a\/1\.jpg: not a JPEG/);
    expect(await readdir(cache)).toHaveLength(1); // of the set that lost a class: what is left of it is decoded
  });
});

describe("parts and splits", () => {
  it("come from folders of their own", async () => {
    const image = await plain(2, 2, red);
    const names = ["train/a/1", "train/b/1", "train/b/2", "val/b/1", "test/a/1"];
    await writeFiles(root, Object.fromEntries(names.map((name) => [`${name}.png`, image])));
    const { all, train, validation, test } = await load();
    expect(all).toBeUndefined();
    expect([train, validation, test].map((set) => [set?.role, [...(set?.labels ?? [])]])).toEqual([
      ["train", [0, 1, 1]],
      ["validation", [1]],
      ["test", [0]],
    ]);
  });

  it("divide every class in proportion, with a class of one image too", async () => {
    await writeSet(10, { "c/only.png": await sharpFrom(gradient(4, 3), 4, 3).png().toBuffer() });
    const { all } = await load();
    const split = (seed: number) => stratifiedSplit(all as ImageFolderDataset<"all">, { seed });
    const { train, heldOut } = split(0);
    const count = (set: Dataset & { labels: Int32Array }, label: number) =>
      set.labels.filter((y) => y === label).length;
    expect([0, 1, 2].map((label) => [count(train, label), count(heldOut, label)])).toEqual([
      [8, 2],
      [8, 2],
      [1, 0],
    ]);
    const pixels = async (set: Dataset) => [...(await set.batch(Array.from({ length: set.length }, (_, i) => i))).x];
    expect(await pixels(split(0).heldOut)).toEqual(await pixels(heldOut));
    expect(await pixels(split(1).heldOut)).not.toEqual(await pixels(heldOut));
    expect(() => stratifiedSplit(heldOut)).toThrow("[split] a test set must not be used for training");
  });

  it("give the statistics of the same pixels in an array, from the training part only", async () => {
    await writeSet(10);
    const { all } = await load();
    const { train, heldOut } = stratifiedSplit(all as ImageFolderDataset<"all">);
    const { x } = await train.batch(Array.from({ length: train.length }, (_, i) => i));
    const images = Uint8Array.from(x, (value) => Math.round(value * 255));
    const array = new ArrayDataset({ images, labels: [...train.labels], sampleShape: [3, 3, 4], role: "train" });
    const expected = await fitStandardisation(array);
    const statistics = await fitStandardisation(train);
    for (const c of [0, 1, 2]) {
      expect(statistics.mean[c]).toBeCloseTo(expected.mean[c], 12);
      expect(statistics.std[c]).toBeCloseTo(expected.std[c], 12);
    }
    expect(await valuesOf(train.standardise(statistics), [5])).toEqual(
      await valuesOf(array.standardise(statistics), [5]),
    );
    expect(await train.standardise(statistics).bytes([5, 0])).toEqual(array.bytes?.([5, 0]));
    await expect(fitStandardisation(heldOut as never)).rejects.toThrow(
      'statistics cannot come from a data set of role "test"',
    );
    expect(() => train.standardise({ mean: [0], std: [1] })).toThrow("[data] statistics of 1 channels for images of 3");
  });

  it("take the labels of a model's classes", async () => {
    await writeSet(1);
    const { all } = await load();
    expect([...(all?.relabel(["z", "b", "a"]).labels ?? [])]).toEqual([2, 1]);
    expect(() => all?.relabel(["a"])).toThrow("[data] the class b is unknown; known are a");
  });
});

describe("the cache", () => {
  it("is used again, and made again when a file, the size or the time of one changes", async () => {
    await writeSet(3);
    expect((await loadCounting()).decoded).toBe(6);
    const again = await loadCounting();
    expect([again.decoded, again.decodeSeconds]).toEqual([0, undefined]);
    expect((await loadCounting({ size: 2 })).decoded).toBe(6);
    await utimes(join(root, "a", "1.png"), 1, 1);
    expect((await loadCounting()).decoded).toBe(6);
    await writeFiles(root, { "a/1.png": await plain(4, 3, red) });
    expect((await loadCounting()).decoded).toBe(6);
    await rm(join(root, "a", "1.png"));
    expect((await loadCounting()).decoded).toBe(5);
  });

  it("tells the same images again wherever they lie, and others apart", async () => {
    await writeSet(2);
    const { fingerprint } = await load();
    await utimes(join(root, "a", "1.png"), 1, 1);
    expect((await load()).fingerprint).toBe(fingerprint);
    await writeFiles(root, { "a/2.png": await plain(4, 3, red) });
    expect((await load()).fingerprint).not.toBe(fingerprint);
  });

  it("is made again when it is damaged, and holds nothing but whole sets", async () => {
    await writeSet(3);
    await load();
    const [name] = await readdir(cache);
    await truncate(join(cache, name, "pixels.u8"), 10);
    expect((await loadCounting()).decoded).toBe(6);
    await writeFile(join(cache, name, "index.json"), "{");
    expect((await loadCounting()).decoded).toBe(6);
    expect((await loadCounting()).decoded).toBe(0);
    expect(await readdir(cache)).toEqual([name]);
  });

  it("is shared by those who make it at once, and cleared of what was left long ago", async () => {
    await writeSet(5);
    const [old, young] = ["old.tmp", "young.tmp"].map((name) => join(cache, name));
    for (const left of [old, young]) await mkdir(left, { recursive: true });
    await utimes(old, 1, 1);
    const sets = await Promise.all([load(), load(), load()]);
    const [first, ...others] = await Promise.all(sets.map(({ all }) => valuesOf(all as Dataset, [0, 9])));
    for (const other of others) expect(other).toEqual(first);
    expect((await readdir(cache)).filter((name) => name.endsWith(".tmp"))).toEqual(["young.tmp"]);
  });

  it("says so when it cannot be written", async () => {
    await writeSet(1);
    await writeFile(cache, "");
    expect(await refusal()).toMatch(
      /^\[data\] the cache of pixels .+ cannot be used \(EEXIST\)\. Point FOVEA_CACHE to a folder that can be written and has room$/,
    );
  });
});

describe("sets larger than the memory given to them", () => {
  it("give the same batches from disk", async () => {
    await useDevice("interp");
    await writeSet(20);
    const [held, streamed] = [await load(), await load({ memoryBytes: 100 })];
    expect([held.inMemory, streamed.inMemory]).toEqual([true, false]);
    const epoch = async (set: Dataset) => {
      const batches: unknown[] = [];
      const loader = new DataLoader(set, { batchSize: 7, shuffle: true, seed: 3 });
      for await (const { x, y } of loader) batches.push([await x.data(), await y.data()]);
      return batches;
    };
    expect(await epoch(streamed.all as Dataset)).toEqual(await epoch(held.all as Dataset));
    const { train } = stratifiedSplit(streamed.all as ImageFolderDataset<"all">);
    const { train: same } = stratifiedSplit(held.all as ImageFolderDataset<"all">);
    expect(await fitStandardisation(train)).toEqual(await fitStandardisation(same));
    expect(await streamed.all?.get(39)).toEqual(await held.all?.get(39));
  });

  it("say so when the file is cut under them", async () => {
    await writeSet(4);
    const { all } = await load({ memoryBytes: 0 });
    const [name] = await readdir(cache);
    await truncate(join(cache, name, "pixels.u8"), 40);
    await expect(all?.batch([0, 7])).rejects.toThrow("[data] the cache of pixels became shorter while it was read");
  });
});

describe("many files", () => {
  it("are decoded by threads to what one thread makes of them", async () => {
    await writeSet(300, { "a/x.jpg": "no image at all, but words" });
    const threads = await loadCounting();
    expect(threads.decoded).toBe(601);
    expect(threads.skipped).toEqual([{ file: "a/x.jpg", reason: "not a JPEG, PNG or WebP file" }]);
    const { all } = threads;
    for (const i of [0, 127, 128, 299, 300, 599]) {
      const blueLevel = i < 300 ? i % 256 : 255 - ((i - 300) % 256);
      expect((await valuesOf(all as Dataset, [i])).at(-1)).toBe(Math.fround(blueLevel / 255));
    }
  });
});
