/** Stopping a run and going on: after any step, on any device, the run ends as one that was never stopped. */
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArrayDataset, DataLoader } from "../../src/data/index.js";
import { useDevice } from "../../src/index.js";
import { readSafetensors, writeSafetensors } from "../../src/io/index.js";
import { BatchNorm1d, Dropout, Flatten, functional, Linear, manualSeed, Sequential } from "../../src/nn/index.js";
import { AdamW, cosine, type Schedule, warmup } from "../../src/optim/index.js";
import { Generator, type Tensor, Variable, zeros } from "../../src/tensor/index.js";
import { cellState, type FitOptions, fit as fitModel, RunFolder, type TrainEvent } from "../../src/train/index.js";
import { describeError } from "../../src/util/errors.js";
import { philox2x32 } from "../../src/util/philox.js";
import { devices } from "../support/devices.js";
import { runConfig } from "../support/run-config.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-resume-"));
});
afterAll(() => rm(folder, { recursive: true }));

const config = runConfig({
  data: { name: "noise", trainSamples: 35, testSamples: 10 },
  input: { shape: [1, 2, 2], classes: ["0", "1", "2", "3"], scale: 1 / 255, mean: [0], std: [1] },
  optimizer: "adamw",
  lr: 0.01,
});
const epochs = 3;
const stepsPerEpoch = 4;
const totalSteps = epochs * stepsPerEpoch;

const noise = <Role extends "train" | "validation" | "test">(length: number, role: Role) =>
  new ArrayDataset({
    images: Uint8Array.from({ length: length * 4 }, (_, i) => philox2x32(i, 2, 3)[0]),
    labels: Array.from({ length }, (_, i) => philox2x32(i, 5, 7)[0] % 4),
    classes: ["0", "1", "2", "3"],
    sampleShape: [1, 2, 2],
    role,
  });
const scoring = (role: "validation" | "test") => new DataLoader(noise(10, role), { batchSize: 5 });

/** Trains with everything that has state. `seed` decides the values that a checkpoint must replace. */
type Changes = Partial<FitOptions> & { schedule?: Schedule };
async function train(run: RunFolder, { schedule, ...changes }: Changes = {}, seed = 0) {
  manualSeed(seed);
  const dropout = new Dropout({ p: 0.3, generator: new Generator(0, { stream: "masks" }) });
  const model = new Sequential(new Flatten(), new Linear(4, 6), new BatchNorm1d(6), dropout, new Linear(6, 4));
  const optimizer = new AdamW(model.parameters(), { lr: schedule ?? 0.1234567891 });
  const steps = new Variable(zeros([]), { name: "steps" });
  const loss: FitOptions["loss"] = (logits, targets, options) => {
    if (options?.reduction !== "none") steps.assign(steps.add(1));
    return functional.crossEntropy(logits, targets, options);
  };
  const loader = new DataLoader(noise(35, "train"), { batchSize: 8, shuffle: true, dropLast: true });
  const events: TrainEvent[] = [];
  const done = await fitModel({
    model,
    optimizer,
    loss,
    train: loader,
    validation: scoring("validation"),
    test: scoring("test"),
    epochs,
    run,
    state: { counted: cellState({ steps }) },
    ...changes,
    onEvent: (event) => {
      events.push(event);
      changes.onEvent?.(event);
    },
  });
  return { model, optimizer, steps, events, done };
}

const schedule = warmup(cosine(0.01, totalSteps - 2), 2);

/** Stops during step `number`, from 1. */
function stopIn(number: number): Pick<Changes, "signal" | "schedule"> {
  const stop = new AbortController();
  let calls = 0;
  return {
    signal: stop.signal,
    schedule: (step) => {
      // The first call is that of the optimizer's constructor.
      if (calls++ > 0 && step === number - 1) stop.abort();
      return schedule(step);
    },
  };
}

let made = 0;
const create = () => RunFolder.create(join(folder, String(made++)), config);

/** What a run leaves, without paths and times. */
async function remains(run: RunFolder, { model, optimizer, steps }: Awaited<ReturnType<typeof train>>) {
  const wide = (x: Tensor) => x.data().then((values) => Array.from(values));
  const cells = [...Object.values(model.stateDict()), ...Object.values(optimizer.stateDict()), steps];
  const lines = (await readFile(join(run.path, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  const timeless = ["seconds", "trainSeconds", "waiting", "imagesPerSecond", "secondsLeft", "path", "run"];
  return {
    files: (await readdir(run.path)).sort(),
    model: (await readFile(join(run.path, "model.safetensors"))).toString("hex"),
    metrics: lines.map((line) => JSON.parse(line, (key, value) => (timeless.includes(key) ? undefined : value))),
    cells: await Promise.all(cells.map(wide)),
    counters: await Promise.all(model.namedGenerators().map(([, { counter }]) => counter.item())),
  };
}

describe.each(devices)("on %s", (device) => {
  let whole: Awaited<ReturnType<typeof remains>>;
  beforeAll(async () => {
    await useDevice(device);
    const run = await create();
    whole = await remains(run, await train(run, { schedule }));
    expect(whole.files).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
    expect(whole.counters).toEqual([totalSteps]);
  });

  it.each([1, 3, 4, 6, 12])("a run stopped in step %d of 12 ends as one that was not", async (number) => {
    const run = await create();
    const { done, events } = await train(run, stopIn(number));
    const epoch = Math.floor(number / stepsPerEpoch) - (number % stepsPerEpoch === 0 ? 1 : 0);
    expect(done).toMatchObject({ stopped: "interrupted", epochs: epoch, steps: number, testAccuracy: undefined });
    expect(events.at(-2)).toMatchObject({ event: "checkpoint", epoch, step: number });
    expect(await readdir(run.path)).toContain("checkpoint.safetensors");
    const again = await RunFolder.resume(run.path);
    const resumed = await train(again, { schedule }, 5);
    expect(resumed.events[0]).toMatchObject({ event: "start", from: { epoch, step: number } });
    expect(resumed.done).toMatchObject({ stopped: "completed", epochs, steps: totalSteps });
    expect(await remains(again, resumed)).toEqual(whole);
  });

  it("so does one stopped many times", async () => {
    let run = await create();
    for (const [seed, number] of [2, 3, 7, 8].entries()) {
      await train(run, stopIn(number), seed);
      run = await RunFolder.resume(run.path);
    }
    expect(await remains(run, await train(run, { schedule }, 9))).toEqual(whole);
  });

  it("so does one that was killed: it goes on from the last epoch, and what came after is dropped", async () => {
    const run = await create();
    const copy = join(folder, `copy-${device}`);
    const killed = train(run, {
      schedule: (step) => {
        if (step === 7) throw new Error("killed");
        return schedule(step);
      },
    });
    await expect(killed).rejects.toThrow("killed");
    await appendFile(join(run.path, "metrics.jsonl"), '{"event":"step","epoch":2,"step":8}\n');
    await writeFile(join(run.path, ".model.safetensors.123.abcdef01.tmp"), "half");
    await cp(run.path, copy, { recursive: true });
    const again = await RunFolder.resume(copy);
    const resumed = await train(again, { schedule }, 5);
    expect(resumed.events[0]).toMatchObject({ from: { epoch: 1, step: 4 } });
    expect(await remains(again, resumed)).toEqual(whole);
  });

  it.each([
    ["validation", { epochs: 0, steps: stepsPerEpoch }],
    ["test", { epochs, steps: totalSteps }],
  ] as const)("so does one that was stopped while its %s part was scored", async (role, position) => {
    const run = await create();
    const stop = new AbortController();
    const data = noise(10, role);
    const batch = (indices: ArrayLike<number>) => {
      stop.abort();
      return data.batch(indices);
    };
    const { length, sampleShape, classes } = data;
    const part = { length, sampleShape, classes, role, get: (index: number) => data.get(index), batch };
    const slow = new DataLoader(part, { batchSize: 5 });
    const { done } = await train(run, { schedule, signal: stop.signal, [role]: slow });
    expect(done).toMatchObject({ stopped: "interrupted", ...position, testAccuracy: undefined });
    const again = await RunFolder.resume(run.path);
    const resumed = await train(again, { schedule }, 5);
    expect(resumed.done.testAccuracy).toBeDefined();
    expect(await remains(again, resumed)).toEqual(whole);
  });
});

describe("without a schedule", () => {
  it("the learning rate is told as it was given", async () => {
    await useDevice("interp");
    const run = await create();
    const stop = new AbortController();
    const onEvent = ({ event }: TrainEvent) => {
      if (event === "epoch") stop.abort();
    };
    await train(run, { signal: stop.signal, onEvent });
    const { events } = await train(await RunFolder.resume(run.path));
    const rates = events.filter((event) => event.event === "step").map(({ lr }) => lr);
    expect(rates).toEqual(Array.from({ length: 8 }, () => 0.1234567891));
  });
});

describe("on another device", () => {
  it("a run goes on, with a warning", async () => {
    await useDevice("interp");
    const run = await create();
    await train(run, stopIn(6));
    await useDevice("wasm");
    const { events, done } = await train(await RunFolder.resume(run.path), { schedule });
    expect(done.stopped).toBe("completed");
    expect(events[1]).toEqual({
      event: "warning",
      message:
        "this is not the device or machine that the run was started on: its numbers will differ in the last bits",
    });
    expect(await readFile(join(run.path, "metrics.jsonl"), "utf8")).toContain("this is not the device");
  });
});

describe("refused", () => {
  const lineOf = (work: Promise<unknown>) => work.then(() => "no error", describeError);
  const file = (run: RunFolder, name: string) => join(run.path, name);
  const contents = async (run: RunFolder) => {
    const names = (await readdir(run.path)).sort();
    return Promise.all(names.map(async (name) => [name, (await readFile(file(run, name))).toString("hex")]));
  };
  const otherVersion =
    "this version of Fovea reads format 1. Resume with the version that started the run, or train again";
  let stopped = "";
  beforeAll(async () => {
    await useDevice("interp");
    const run = await create();
    await train(run, stopIn(6));
    stopped = run.path;
  });
  const copy = async () => {
    const path = join(folder, String(made++));
    await cp(stopped, path, { recursive: true });
    return { path } as RunFolder;
  };

  it("a run that is finished", async () => {
    const run = await create();
    await train(run, { schedule });
    const before = await contents(run);
    const hint = "For more epochs, train again: the learning rate is planned over the whole run";
    const line = `[run] ${run.path} is finished: all 3 epochs are done. ${hint}`;
    expect(await lineOf(RunFolder.resume(run.path))).toBe(line);
    expect(await contents(run)).toEqual(before);
  });

  it.each<[string, (run: RunFolder) => Promise<unknown>, (run: RunFolder) => string | RegExp]>([
    [
      "no checkpoint",
      (run) => rm(file(run, "checkpoint.safetensors")),
      ({ path }) => `[run] ${path} cannot be resumed: there is no checkpoint.safetensors in it. Train again`,
    ],
    [
      "a truncated one",
      async (run) => {
        const path = file(run, "checkpoint.safetensors");
        await writeFile(path, (await readFile(path)).subarray(0, -3));
      },
      () =>
        /^\[safetensors\] .+ is truncated: tensor ".+" ends at data byte .+ The file is damaged or not safetensors$/,
    ],
    [
      "one with a bit turned over",
      async (run) => {
        const path = file(run, "checkpoint.safetensors");
        const bytes = await readFile(path);
        bytes[bytes.length - 100] ^= 1;
        await writeFile(path, bytes);
      },
      (run) =>
        `[run] ${file(run, "checkpoint.safetensors")} is damaged: its checksum does not fit its content. ` +
        "The model in model.safetensors may still be good; train again",
    ],
    [
      "one of another format",
      async (run) => {
        const path = file(run, "checkpoint.safetensors");
        const { tensors, metadata } = await readSafetensors(path);
        await writeSafetensors(path, tensors, { metadata: { ...metadata, format: "2" } });
      },
      (run) => `[run] ${file(run, "checkpoint.safetensors")} is a checkpoint of format 2; ${otherVersion}`,
    ],
    [
      "a model in its place",
      (run) => cp(file(run, "model.safetensors"), file(run, "checkpoint.safetensors")),
      (run) => `[run] ${file(run, "checkpoint.safetensors")} is no checkpoint; ${otherVersion}`,
    ],
    [
      "a configuration that was changed",
      (run) => writeFile(file(run, "config.json"), `${JSON.stringify({ ...config, lr: 0.02 }, null, 2)}\n`),
      (run) =>
        `[run] ${file(run, "config.json")} has been changed since the checkpoint was taken. ` +
        "Restore it, or train a new run with other settings",
    ],
    [
      "metrics that were cut",
      (run) => writeFile(file(run, "metrics.jsonl"), ""),
      (run) =>
        `[run] ${file(run, "metrics.jsonl")} has 0 lines, but 10 when the checkpoint was taken. Restore it, or train again`,
    ],
  ])("%s, and nothing is changed", async (_, damage, line) => {
    const run = await copy();
    await damage(run);
    const before = await contents(run);
    const expected = line(run);
    const got = await lineOf(RunFolder.resume(run.path));
    expect(got).toEqual(typeof expected === "string" ? expected : expect.stringMatching(expected));
    expect(await contents(run)).toEqual(before);
  });

  it("another model, other state, other data, and nothing is changed", async () => {
    const run = await copy();
    const before = await contents(run);
    const attempt = async (changes: Partial<FitOptions>) =>
      lineOf(train(await RunFolder.resume(run.path), { schedule, ...changes }));
    const hint = "Resume with the model, the optimizer and the version of Fovea that it was started with";
    const misfit = "[run] the checkpoint does not fit the run:";
    const model = new Sequential(new Flatten(), new Linear(4, 5));
    expect(await attempt({ model })).toBe(`${misfit} model/1.weight is [6, 4], the run's is [5, 4]. ${hint}`);
    expect(await attempt({ state: {} })).toBe(`${misfit} the run has no counted/steps. ${hint}`);
    const more = cellState({ steps: new Variable(zeros([])), other: new Variable(zeros([2])) });
    expect(await attempt({ state: { counted: more } })).toBe(`${misfit} it lacks counted/other. ${hint}`);
    expect(await attempt({ state: { model: more } })).toBe(
      "[fit] model cannot be the name of a part of the state. Choose one without a slash, and none of model, optimizer, random",
    );
    const loader = new DataLoader(noise(35, "train"), { batchSize: 5 });
    expect(await attempt({ train: loader })).toBe(
      "[fit] the data give 7 batches an epoch, those of the run gave 4. " +
        "Resume with the data and the batch size that it was started with",
    );
    expect(await contents(run)).toEqual(before);
  });
});
