/** The training loop on a small problem, on the reference device: events, determinism, trouble, interruption. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ArrayDataset, DataLoader } from "../../src/data/index.js";
import { useDevice } from "../../src/index.js";
import { readSafetensors } from "../../src/io/index.js";
import { Flatten, functional, Linear, manualSeed, Sequential } from "../../src/nn/index.js";
import { type HyperValue, type Optimizer, SAM, ScheduleFreeSGD, SGD } from "../../src/optim/index.js";
import type { Parameter } from "../../src/tensor/index.js";
import { evaluate, type FitOptions, fit as fitModel, RunFolder, type TrainEvent } from "../../src/train/index.js";
import { describeError, NumericError } from "../../src/util/errors.js";
import { philox2x32 } from "../../src/util/philox.js";
import { runConfig } from "../support/run-config.js";

beforeAll(() => useDevice("interp"));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-fit-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Images of 2 x 2 whose class is the brightest pixel. */
const quadrants = <Role extends "train" | "test">(length: number, role: Role) => {
  const images = Uint8Array.from({ length: length * 4 }, (_, i) => {
    const sample = Math.floor(i / 4);
    return (philox2x32(i, 1, 1)[0] % 100) + (i % 4 === sample % 4 ? 120 : 0);
  });
  return new ArrayDataset({ images, labels: Array.from({ length }, (_, i) => i % 4), sampleShape: [1, 2, 2], role });
};

const config = runConfig({
  data: { name: "quadrants", trainSamples: 32, testSamples: 10 },
  input: { shape: [1, 2, 2], classes: ["0", "1", "2", "3"], scale: 1 / 255, mean: [0], std: [1] },
});

async function train(changes: Partial<FitOptions> & { lr?: HyperValue; seed?: number; prefetch?: number } = {}) {
  const { lr = 2, seed = 0, prefetch = 2, ...options } = changes;
  manualSeed(seed);
  const model = new Sequential(new Flatten(), new Linear(4, 4));
  const optimizer = new SGD(model.parameters(), { lr, momentum: 0.9 });
  const loader = new DataLoader(quadrants(35, "train"), {
    batchSize: 8,
    shuffle: true,
    seed,
    dropLast: true,
    prefetch,
  });
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => {
    events.push(event);
    options.onEvent?.(event);
  };
  const done = await fitModel({ model, optimizer, train: loader, epochs: 3, ...options, onEvent });
  return { model, events, done };
}

const testLoader = (batchSize = 4) => new DataLoader(quadrants(10, "test"), { batchSize, padLast: true });

describe("a model with fewer scores than the data have classes", () => {
  const narrow = () => new Sequential(new Flatten(), new Linear(4, 3));
  const message = "the model gives 3 scores, but the data have 4 classes. Give its last layer 4 outputs";

  it("is not trained to NaN", async () => {
    const model = narrow();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const loader = new DataLoader(quadrants(8, "train"), { batchSize: 4 });
    const error = await fitModel({ model, optimizer, train: loader, epochs: 1 }).catch((thrown) => thrown);
    expect(describeError(error)).toBe(`[fit] ${message}`);
  });

  it("is not scored with NaN", async () => {
    const error = await evaluate(narrow(), testLoader()).catch((thrown) => thrown);
    expect(describeError(error)).toBe(`[evaluate] ${message}`);
  });
});

describe("optimizers that are more than a step", () => {
  const run = async (make: (parameters: Parameter[]) => Optimizer) => {
    manualSeed(0);
    const model = new Sequential(new Flatten(), new Linear(4, 4));
    const optimizer = make(model.parameters());
    const loader = new DataLoader(quadrants(32, "train"), { batchSize: 8, shuffle: true });
    const folderOfRun = await RunFolder.create(join(folder, "run"), config);
    const test = testLoader();
    const done = await fitModel({ model, optimizer, train: loader, test, epochs: 3, run: folderOfRun });
    const saved = await readSafetensors(join(folderOfRun.path, "model.safetensors"));
    const { accuracy } = await evaluate(model, testLoader());
    return { model, optimizer, done, accuracy, saved };
  };

  it("gives SAM its closure", async () => {
    const { done, optimizer } = await run((parameters) => new SAM(parameters, { lr: 2, momentum: 0.9, rho: 0.1 }));
    expect(done.testAccuracy).toBeGreaterThan(0.8);
    expect(optimizer.steps).toBe(12);
  });

  it("scores, saves and leaves the average of a schedule-free optimizer", async () => {
    const { model, optimizer, done, accuracy, saved } = await run((p) => new ScheduleFreeSGD(p, { lr: 5 }));
    expect(done.testAccuracy).toBeGreaterThan(0.8);
    expect(accuracy).toBe(done.testAccuracy);
    const weight = model.parameters()[0];
    const left = await weight.data();
    const stored = Object.values(saved.tensors).find(({ data }) => data.length === weight.size);
    expect(Array.from(stored?.data ?? [])).toEqual(Array.from(left));
    optimizer.train();
    expect(await weight.data()).not.toEqual(left);
  });
});

describe("a run", () => {
  it("learns, and tells about it in order", async () => {
    const { events, done } = await train({ test: testLoader(), validation: testLoader(), epochs: 10 });
    expect(done.testAccuracy).toBe(1);
    expect(done).toMatchObject({ epochs: 10, steps: 40, stopped: "completed" });
    expect(events[0]).toEqual({
      event: "start",
      epochs: 10,
      stepsPerEpoch: 4,
      batchSize: 8,
      trainSamples: 35,
      testSamples: 10,
      parameters: 20,
    });
    expect(events.map(({ event }) => event)).toEqual([
      "start",
      ...Array.from({ length: 10 }, () => ["step", "step", "step", "step", "epoch"]).flat(),
      "done",
    ]);
    const steps = events.filter((event) => event.event === "step");
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(steps[0].loss).toBeGreaterThan(1);
    const epochs = events.filter((event) => event.event === "epoch");
    expect(epochs[9].loss).toBeLessThan(epochs[0].loss);
    expect(epochs[9].validation?.count).toBe(10);
    const mean = steps.slice(0, 4).reduce((sum, { loss }) => sum + loss, 0) / 4;
    expect(epochs[0].loss).toBeCloseTo(mean, 12);
  });

  it("gives the same bits for the same seed, whatever the timing", async () => {
    const weights = async (options: Parameters<typeof train>[0]) => {
      const { model, done } = await train({ ...options, test: testLoader() });
      return [await model.parameters()[0].data(), await model.parameters()[1].data(), done.testLoss];
    };
    const first = await weights({ seed: 3 });
    const delayed = {
      seed: 3,
      prefetch: 0,
      onEvent: () => {
        const until = performance.now() + 3;
        while (performance.now() < until);
      },
    };
    expect(await weights(delayed)).toEqual(first);
    expect(await weights({ seed: 4 })).not.toEqual(first);
  });

  it("follows the schedule, counted from step 0", async () => {
    const { events } = await train({ lr: (step) => 0.1 * (step + 1), epochs: 1 });
    const rates = events.filter((event) => event.event === "step").map(({ lr }) => lr);
    for (const [i, lr] of rates.entries()) expect(lr).toBeCloseTo(0.1 * (i + 1), 12);
  });

  it("warns once when the loss rises", async () => {
    const { events } = await train({ lr: 60, epochs: 6 });
    const warnings = events.filter((event) => event.event === "warning");
    expect(warnings.length).toBeLessThanOrEqual(1);
    for (const { message } of warnings)
      expect(message).toMatch(/^the loss rose from .+ a lower learning rate may help$/);
  });

  it("refuses a number of epochs that is none", async () => {
    await expect(train({ epochs: 0 })).rejects.toThrow("[fit] epochs must be a whole number ≥ 1, got 0");
  });
});

describe("the run folder", () => {
  it("holds configuration, metrics and the model", async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    const { model, done } = await train({ run });
    expect(done.run).toBe(run.path);
    expect((await readdir(run.path)).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
    expect(JSON.parse(await readFile(join(run.path, "config.json"), "utf8"))).toEqual(config);
    const { tensors, metadata } = await readSafetensors(join(run.path, "model.safetensors"));
    expect(metadata).toEqual({ epoch: "3", step: "12" });
    expect(tensors["1.weight"].data).toEqual(await model.parameters()[0].data());
    const lines = (await readFile(join(run.path, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line) as TrainEvent);
    expect(events.filter(({ event }) => event === "step").length).toBe(12);
    expect(events.at(-1)).toMatchObject({ event: "done", stopped: "completed" });
  });

  it("is the same, byte for byte, for the same seed", async () => {
    const bytes = async (name: string) => {
      const run = await RunFolder.create(join(folder, name), config);
      await train({ run });
      return readFile(join(run.path, "model.safetensors"));
    };
    expect((await bytes("a")).equals(await bytes("b"))).toBe(true);
  });
});

describe("trouble", () => {
  it("stops at a loss that is not finite, names the step, and keeps the last good model", async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    let good: Buffer | undefined;
    const failure = train({
      run,
      epochs: 5,
      // The rate is infinite in f32, and so are the weights after step 7, so step 8, in epoch 2, has the first bad loss.
      lr: (step) => (step === 6 ? 1e39 : 0.1),
      onEvent: (event) => {
        if (event.event !== "checkpoint" || event.epoch !== 1) return;
        readFile(event.path).then((bytes) => {
          good = bytes;
        });
      },
    });
    const error = await failure.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(NumericError);
    const model = join(run.path, "model.safetensors");
    expect(describeError(error)).toMatch(/^\[fit\] the loss became (NaN|Infinity|-Infinity) in step 8 \(epoch 2\)\. /);
    expect(describeError(error)).toContain(`. Lower the learning rate, it was 0.1; the last good model is in ${model}`);
    expect((await readFile(model)).equals(good as Buffer)).toBe(true);
    expect((await readSafetensors(model)).metadata).toEqual({ epoch: "1", step: "4" });
    const lines = (await readFile(join(run.path, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ event: "step", step: 7 });
  });

  it("does not save weights that are not finite, even when the last loss was", async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    const error = await train({ run, epochs: 2, lr: (step) => (step === 7 ? 1e39 : 0.1) }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NumericError);
    expect(describeError(error)).toMatch(/^\[fit\] 1\.(weight|bias) holds a value that is not finite after step 8\. /);
    expect((await readSafetensors(join(run.path, "model.safetensors"))).metadata.epoch).toBe("1");
  });

  it("of the data set comes through", async () => {
    const data = quadrants(32, "train");
    const broken = new DataLoader({
      length: 32,
      sampleShape: [1, 2, 2],
      classes: data.classes,
      role: "train",
      get: (index) => data.get(index),
      batch: (indices) => {
        if (indices[0] === 16) throw new Error("disk is gone");
        return data.batch(indices);
      },
    });
    await expect(train({ train: broken })).resolves.toBeDefined();
    const small = new DataLoader(broken.dataset, { batchSize: 8 });
    await expect(train({ train: small })).rejects.toThrow("disk is gone");
  });
});

describe("an interruption", () => {
  it("ends after the step at hand, saves, and leaves out the test", async () => {
    const run = await RunFolder.create(join(folder, "run"), config);
    const stop = new AbortController();
    const { done, events } = await train({
      run,
      test: testLoader(),
      epochs: 1000,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.event === "epoch" && event.epoch === 2) stop.abort();
      },
    });
    expect(done).toMatchObject({ stopped: "interrupted", epochs: 2, steps: 8, testAccuracy: undefined });
    expect(events.at(-2)).toMatchObject({ event: "checkpoint", epoch: 2, step: 8 });
    expect((await readSafetensors(join(run.path, "model.safetensors"))).metadata.step).toBe("8");
  });

  it("before the first step trains nothing", async () => {
    const { done } = await train({ signal: AbortSignal.abort() });
    expect(done).toMatchObject({ stopped: "interrupted", epochs: 0, steps: 0 });
  });
});

describe("evaluate", () => {
  it("counts every sample once, however the batches fall", async () => {
    const { model } = await train();
    const whole = await evaluate(model, testLoader(10));
    for (const size of [1, 3, 4, 10]) {
      const score = await evaluate(model, testLoader(size));
      expect(score.count).toBe(10);
      expect(score.accuracy).toBe(whole.accuracy);
      expect(score.loss).toBeCloseTo(whole.loss, 6);
    }
    const { x, y } = quadrants(10, "test").batch(Array.from({ length: 10 }, (_, i) => i));
    const { tensor } = await import("../../src/tensor/index.js");
    const logits = model(tensor(x, { shape: [10, 1, 2, 2] }));
    expect(whole.loss).toBeCloseTo(await functional.crossEntropy(logits, tensor(y)).item(), 6);
    expect(whole.accuracy).toBeCloseTo(await functional.accuracy(logits, tensor(y)).item(), 6);
  });

  it("leaves the model in the mode it was in", async () => {
    const { model } = await train();
    model.train();
    await evaluate(model, testLoader());
    expect(model.training).toBe(true);
    model.eval();
    await evaluate(model, testLoader());
    expect(model.training).toBe(false);
  });
});
