/** Runs on folders of images, from files to a run folder, predictions and scores, on the reference device. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { evaluateRun, Predictor, prepareRun, type TrainEvent, type TrainOptions } from "../../src/train/index.js";
import { describeError } from "../../src/util/errors.js";
import { gradient, grey, plain, sharpFrom, writeFiles } from "../data/image-files.js";

let folder = "";
let cacheBefore: string | undefined;
beforeEach(async () => {
  await useDevice("interp");
  folder = await mkdtemp(join(tmpdir(), "fovea-train-folder-"));
  cacheBefore = process.env.FOVEA_CACHE;
  process.env.FOVEA_CACHE = join(folder, "cache");
});
afterEach(async () => {
  if (cacheBefore === undefined) delete process.env.FOVEA_CACHE;
  else process.env.FOVEA_CACHE = cacheBefore;
  await rm(folder, { recursive: true });
});

/** Reddish and bluish images of one size. */
async function writeColours(root: string, count: number, size: readonly [number, number] = [6, 5]): Promise<void> {
  for (let i = 0; i < count; i++) {
    const shade = 10 * (i % 8);
    await writeFiles(root, {
      [`blue/${i}.png`]: await plain(...size, [shade, shade, 200 + i]),
      [`red/${i}.jpg`]: await sharpFrom(gradient(...size, 0), ...size)
        .composite([{ input: await plain(...size, [255 - i, shade, shade]), left: 0, top: 0 }])
        .jpeg()
        .toBuffer(),
    });
  }
}

async function train(data: string, options: Partial<TrainOptions> = {}) {
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => events.push(event);
  const out = options.out ?? join(folder, "run");
  const quick = { model: "mlp", epochs: 2, batch: 8, lr: 0.02, device: "interp" } as const;
  const { config, start } = await prepareRun({ data, ...quick, ...options, out }, { onEvent });
  const done = await start({ onEvent });
  return { config, done, events, out };
}

const lineOf = async (work: Promise<unknown>) => describeError(await work.catch((error: unknown) => error));

describe("a run on a folder", () => {
  it("learns, tells what it left out and how long it waited, and is scored on the part that it held out", async () => {
    const root = join(folder, "colours");
    await writeColours(root, 20);
    await writeFiles(root, {
      "red/broken.jpg": "these are words and no image",
      "red/notes.txt": "",
      "blue/.DS_Store": "",
    });
    const { config, done, events, out } = await train(root);
    expect(done.testAccuracy).toBe(1);
    expect(config.input).toMatchObject({ shape: [3, 5, 6], classes: ["blue", "red"] });
    expect(config.data).toMatchObject({
      trainSamples: 32,
      testSamples: 8,
      folder: { resize: false, skipped: 1, ignored: 2 },
    });
    expect(events[0]).toMatchObject({ event: "decode", done: 41, total: 41 });
    const reason = "not a JPEG, PNG or WebP file";
    expect(await readFile(join(out, "skipped.jsonl"), "utf8")).toBe(`{"file":"red/broken.jpg","reason":"${reason}"}\n`);
    const message = `1 of 41 images cannot be decoded and are left out, such as red/broken.jpg: ${reason}; see skipped.jsonl`;
    expect(events[2]).toEqual({ event: "warning", message });
    const metrics = await readFile(join(out, "metrics.jsonl"), "utf8");
    expect(metrics).toContain(message);
    const epochs = events.filter(({ event }) => event === "epoch") as { waiting: number }[];
    for (const { waiting } of epochs) {
      expect(waiting).toBeGreaterThanOrEqual(0);
      expect(waiting).toBeLessThanOrEqual(1);
    }
    expect(metrics).toMatch(/"event":"epoch".*"waiting":0/);

    expect(await evaluateRun(out, root)).toMatchObject({ accuracy: 1, count: 8, loss: done.testLoss });
    // Other images are all unseen, so all of them count; a class may be missing.
    const others = join(folder, "others");
    await writeColours(others, 3);
    expect(await evaluateRun(out, others)).toMatchObject({ accuracy: 1, count: 6 });
    await rm(join(others, "red"), { recursive: true });
    expect(await evaluateRun(out, others)).toMatchObject({ accuracy: 1, count: 3 });
    await writeFiles(others, { "green/1.png": await plain(6, 5, [0, 255, 0]) });
    expect(await lineOf(evaluateRun(out, others))).toMatch(/^\[data\] the class green is unknown; known are blue, red/);
  });

  it("keeps to its recipe: changes inside the step, averages, and flips in every score and prediction", async () => {
    await useDevice("native"); // matrices of hundreds of rows are many steps for the reference
    const root = join(folder, "colours");
    await writeColours(root, 20);
    const fast = { recipe: "cifar-fast", epochs: 3, device: "native" } as const;
    const { config, done, out } = await train(root, fast);
    expect(config).toMatchObject({ recipe: "cifar-fast", model: "mlp", optimizer: "muon", testFlip: true, lr: 0.02 });
    expect(done.testAccuracy).toBe(1);
    expect(await evaluateRun(out, root)).toMatchObject({ accuracy: 1, loss: done.testLoss });
    const pixels = gradient(6, 5);
    const image = (mirrored: boolean) => ({
      width: 6,
      height: 5,
      channels: 3 as const,
      data: Uint8Array.from({ length: 90 }, (_, i) => {
        const [row, column, c] = [Math.floor(i / 18), Math.floor(i / 3) % 6, i % 3];
        return pixels[(row * 6 + (mirrored ? 5 - column : column)) * 3 + c];
      }),
      transparent: false,
    });
    const predictor = await Predictor.open(out);
    const [plainly, mirrored] = [await predictor.predict(image(false)), await predictor.predict(image(true))];
    for (const [i, { probability }] of plainly.probabilities.entries()) {
      expect(mirrored.probabilities[i].probability).toBeCloseTo(probability, 6);
    }
    const again = await train(root, { ...fast, out: join(folder, "again") });
    const [first, second] = await Promise.all(
      [out, again.out].map((path) => readFile(join(path, "model.safetensors"))),
    );
    expect(second.equals(first)).toBe(true);
    const { done: paper } = await train(root, {
      ...fast,
      recipe: "cifar-resnet",
      epochs: 1,
      out: join(folder, "paper"),
    });
    expect(paper.stopped).toBe("completed");
  });

  it("predicts files as it was trained on files", async () => {
    const root = join(folder, "colours");
    await writeColours(root, 10, [30, 20]);
    const { out } = await train(root, { size: "4x5" });
    const predictor = await Predictor.open(out);
    const files = {
      "red.webp": await sharpFrom(gradient(9, 9, 0), 9, 9)
        .composite([{ input: await plain(9, 9, [255, 0, 0]) }])
        .webp()
        .toBuffer(),
      "blue.png": await plain(5, 4, [20, 20, 220]),
      "grey.png": await grey(5, 90),
      "cut.jpg": (await sharpFrom(gradient(30, 20), 30, 20).jpeg().toBuffer()).subarray(0, 300),
      "words.jpg": "these are words and no image",
    };
    await writeFiles(folder, files);
    const predict = (name: string) => predictor.predictFile(join(folder, name));
    expect(await predict("red.webp")).toMatchObject({
      class: "red",
      notes: ["resized from 9 x 9 to 5 x 4, cut about the centre"],
    });
    expect(await predict("blue.png")).toMatchObject({ class: "blue", notes: [] });
    expect((await predict("grey.png")).notes).toContain("grey used for red, green and blue");
    expect(await lineOf(predict("cut.jpg"))).toMatch(/^\[predict\] .+cut\.jpg: damaged JPEG: .+ Check the file/);
    const convert = "Convert the image to JPEG, PNG or WebP";
    const words = join(folder, "words.jpg");
    expect(await lineOf(predict("words.jpg"))).toBe(`[predict] ${words}: not a JPEG, PNG or WebP file. ${convert}`);
  });

  it("gives the same weights from memory, from disk and from a fresh cache", async () => {
    const root = join(folder, "colours");
    await writeColours(root, 12);
    const weights = async (name: string, memory?: string) => {
      const { out } = await train(root, { memory, out: join(folder, name) });
      return readFile(join(out, "model.safetensors"));
    };
    const first = await weights("first");
    expect((await weights("disk", "1KB")).equals(first)).toBe(true);
    await rm(join(folder, "cache"), { recursive: true });
    expect((await weights("fresh", "1MiB")).equals(first)).toBe(true);
  });

  it("uses the parts that a folder has: val as the test, or all three", async () => {
    const root = join(folder, "parts");
    await writeColours(join(root, "train"), 8);
    await writeColours(join(root, "val"), 3);
    const two = await train(root);
    expect(two.config.data).toMatchObject({ trainSamples: 16, testSamples: 6, split: undefined });
    expect((await readdir(two.out)).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
    await writeColours(join(root, "test"), 2);
    const three = await train(root, { out: join(folder, "three") });
    expect(three.config.data).toMatchObject({ trainSamples: 16, testSamples: 4 });
    const epochs = three.events.filter((event) => event.event === "epoch");
    expect(epochs.map(({ validation }) => validation?.count)).toEqual([6, 6]);
    expect((await evaluateRun(three.out, root)).count).toBe(4);
  });

  it("says where a class with one image went", async () => {
    const root = join(folder, "colours");
    await writeColours(root, 10);
    await writeFiles(root, { "green/only.png": await plain(6, 5, [0, 255, 0]) });
    const { events } = await train(root, { epochs: 1 });
    const warnings = events.filter((event) => event.event === "warning").map(({ message }) => message);
    expect(warnings).toContain(
      "too few images to divide of green: all are in the training part, none is in the test part",
    );
  });

  it("refuses what does not go together", async () => {
    const root = join(folder, "colours");
    await writeColours(root, 6);
    const prepare = (options: Partial<TrainOptions>) => lineOf(train(root, { epochs: 1, ...options }));
    expect(await prepare({ size: "huge" })).toBe(
      "[train] size must be a number of pixels or HEIGHTxWIDTH, such as 224 or 160x224, got huge",
    );
    expect(await prepare({ memory: "lots" })).toBe(
      "[train] memory must be a number of bytes, such as 2GiB or 500MB, got lots",
    );
    expect(await prepare({ model: "cnn", size: 3 })).toBe(
      "[model] images of [3, 3, 3] are too small for cnn. Use larger images, or the model mlp",
    );
    expect(await lineOf(train("mnist", { size: 8 }))).toMatch(
      /^\[data\] mnist has images of one size, .+ Leave out --size/,
    );
    expect(await readdir(folder)).not.toContain("run");
  });
});
