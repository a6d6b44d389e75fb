/** Run folders: made once, never half, and named when damaged. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { loadRun, RunFolder, type StepEvent } from "../../src/train/index.js";
import { defaultRunName } from "../../src/train/run-folder.js";
import { describeError, FoveaError } from "../../src/util/errors.js";
import { createModel } from "../../src/vision/index.js";
import { runConfig } from "../support/run-config.js";

beforeAll(() => useDevice("interp"));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-run-"));
});
afterEach(() => rm(folder, { recursive: true }));

const config = runConfig({
  data: { name: "tiny", trainSamples: 4, testSamples: 2 },
  input: { shape: [1, 12, 12], classes: ["a", "b"], scale: 1 / 255, mean: [0], std: [1] },
  model: "lenet",
});

const lineOf = (action: Promise<unknown>) =>
  action.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(FoveaError);
      return describeError(error);
    },
  );

describe("RunFolder", () => {
  it("is not made over another run", async () => {
    const path = join(folder, "run");
    await RunFolder.create(path, config);
    const before = await readFile(join(path, "config.json"), "utf8");
    const line = `[run] ${path} already holds a run. Choose another folder`;
    expect(await lineOf(RunFolder.create(path, { ...config, seed: 1 }))).toBe(line);
    expect(await readFile(join(path, "config.json"), "utf8")).toBe(before);
  });

  it("is made by one of many who try at once", async () => {
    const path = join(folder, "run");
    const tries = Array.from({ length: 8 }, (_, seed) => RunFolder.create(path, { ...config, seed }));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === "fulfilled").length).toBe(1);
    expect(await readdir(path)).toEqual(["config.json"]);
  });

  it("may be an existing folder with other things, which it leaves alone", async () => {
    await writeFile(join(folder, "notes.txt"), "mine");
    const run = await RunFolder.create(folder, config);
    await run.flush();
    await run.discard();
    expect(await readdir(folder)).toEqual(["notes.txt"]);
  });

  it("disappears when it is discarded", async () => {
    const run = await RunFolder.create(join(folder, "a", "run"), config);
    await run.discard();
    expect(await readdir(join(folder, "a"))).toEqual([]);
  });

  it("cannot be made under a file", async () => {
    await writeFile(join(folder, "file"), "");
    const path = join(folder, "file", "run");
    expect(await lineOf(RunFolder.create(path, config))).toBe(`[io] cannot make the folder ${path}: not a directory`);
  });

  it("keeps at most a hundred step lines per epoch, each a mean", async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    const common = { epochs: 1, batchSize: 1, trainSamples: 1, testSamples: 0, parameters: 1 };
    run.record({ event: "start", stepsPerEpoch: 250, ...common });
    const step = (number: number): StepEvent => ({
      event: "step",
      epoch: 1,
      step: number,
      loss: number,
      accuracy: 0.5,
      lr: 0.1,
      waiting: 0,
      imagesPerSecond: 1,
      secondsLeft: 1,
    });
    for (let i = 1; i <= 250; i++) run.record(step(i));
    await run.flush();
    const lines = (await readFile(join(run.path, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines.length).toBe(1 + 83);
    expect(JSON.parse(lines[1])).toEqual({ event: "step", epoch: 1, step: 3, loss: 2, accuracy: 0.5, lr: 0.1 });
  });
});

describe("defaultRunName", () => {
  it("tells data, model and time", () => {
    const now = new Date(2026, 10, 5, 7, 8, 9);
    expect(defaultRunName("mnist", "cnn", now)).toBe(join("runs", "mnist-cnn-20261105-070809"));
    expect(defaultRunName("some/where/", "mlp", now)).toBe(join("runs", "where-mlp-20261105-070809"));
  });
});

describe("loadRun", () => {
  const saved = async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    const model = createModel("lenet", { classes: 2, inChannels: 1, size: 12 });
    await run.save(model, { epoch: 1, step: 2 });
    return { path: run.path, model };
  };

  it("gives back what was saved, in evaluation mode", async () => {
    const { path, model } = await saved();
    const loaded = await loadRun(path);
    expect(loaded.config).toEqual(config);
    expect(loaded.model.training).toBe(false);
    for (const [key, variable] of Object.entries(loaded.model.stateDict())) {
      expect(await variable.data()).toEqual(await model.stateDict()[key].data());
    }
  });

  it("names what is missing or damaged", async () => {
    const { path } = await saved();
    const none = join(folder, "none");
    expect(await lineOf(loadRun(none))).toBe(
      `[run] ${none} is not a run folder: there is no config.json in it. Pass the folder that fovea train has printed`,
    );
    const weights = join(path, "model.safetensors");
    const bytes = await readFile(weights);
    await writeFile(weights, bytes.subarray(0, bytes.length - 5));
    expect(await lineOf(loadRun(path))).toMatch(/^\[safetensors\] .+ is truncated: tensor ".+" ends at data byte/);
    await rm(weights);
    expect(await lineOf(loadRun(path))).toBe(`[io] cannot read ${weights}: no such file or directory`);
    await writeFile(weights, bytes);
    await writeFile(join(path, "config.json"), JSON.stringify({ ...config, model: "mlp" }));
    expect(await lineOf(loadRun(path))).toMatch(/^\[loadStateDict\] (missing keys|shapes differ): /);
  });
});
