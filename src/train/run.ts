/**
 * A whole run from options to a run folder: data, recipe, model, training, test. It must not know how it is shown, nor
 * choose devices: the caller does that first.
 */
import { type DecodeProgress, fitStandardisation, type Standardisation } from "../data/index.js";
import { functional, manualSeed } from "../nn/index.js";
import { currentDevice } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { anything, callback, record, text } from "../util/kinds.js";
import { type CheckedOptions, checkOptions, type RunConfig, type TrainOptions } from "./config.js";
import type { DoneEvent, Score, TrainEvent } from "./events.js";
import { fingerprintOf } from "./fingerprint.js";
import { fit as fitModel } from "./fit.js";
import { lockFolder } from "./lock.js";
import { modelOf } from "./models.js";
import { type OpenedData, openData, openTestData } from "./open-data.js";
import {
  averagesOf,
  decayFor,
  fitBuffers,
  inputTransformOf,
  lossOf,
  optimizerOf,
  scheduleOf,
  scoringLoader,
  trainingLoader,
} from "./parts.js";
import { recipeFor } from "./recipes.js";
import { defaultRunName, loadRun, RunFolder, readRunConfig, readStopped } from "./run-folder.js";
import { evaluate } from "./steps.js";
import { parseBytes, parseSize } from "./units.js";

/** Callbacks of a run: its events, and the signal that stops it. */
export interface Watching {
  readonly onEvent?: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
}

/** A run whose configuration is decided and whose data are open; {@link PreparedRun.start} trains it. */
export interface PreparedRun {
  readonly config: RunConfig;
  start(watching?: Watching): Promise<DoneEvent>;
}

/**
 * Checks the options, opens the data and decides the whole configuration. It computes nothing yet, and writes only the
 * cache of decoded images; if the options name no device, it opens the default one to record its name.
 *
 * @param watching - receives the events of decoding only; pass callbacks to `start` for the run itself
 * @throws ConfigError, DataError if an option or the data are at fault.
 * @example
 * await useDevice("native");
 * const { testAccuracy } = await (await prepareRun({ data: "mnist" })).start();
 */
export const prepareRun = checked(
  "prepareRun",
  takes<Watching>({ options: record }, { onEvent: callback, signal: anything }),
  async (given: TrainOptions, { onEvent }: Watching = {}): Promise<PreparedRun> => {
    const options = checkOptions(given);
    const { size, memory, seed } = options;
    const data = await openData(
      options.data,
      { ratio: 0.8, seed },
      {
        size: size === undefined ? undefined : parseSize(size),
        memoryBytes: memory === undefined ? undefined : parseBytes(memory),
        onProgress: onEvent && decodeEvents(onEvent),
      },
    );
    const device = options.device ?? (await currentDevice()).name;
    const config = await resolve(options, data, device);
    const path = options.out ?? defaultRunName(options.data, config.model);
    return { config, start: (watching = {}) => train(path, config, data, watching) };
  },
);

/** The options that may change when a stopped run is resumed. */
export interface ResumeOptions extends Watching {
  /** Data set or folder; default: the name in the run's configuration. */
  readonly data?: string;
  /** Limit on the pixels of a folder held in memory: bytes, or `2GiB`, `500MB`; default a quarter of the machine's. */
  readonly memory?: string | number;
}

/**
 * Prepares to resume a run that was stopped, by Ctrl-C or by a kill, from its last checkpoint: on the same device of
 * the same machine the result is bit for bit that of an uninterrupted run. It writes nothing yet; the configuration is
 * that of the run folder.
 *
 * @param path a run folder.
 * @param watching - receives the events of decoding only; pass callbacks to `start` for the run itself
 * @returns the prepared run; its configuration names the device in use.
 * @throws ConfigError if the run is finished, or (from `start`) another process works on it; DataError if there is no
 * checkpoint, a file is damaged, or the data have changed.
 * @example
 * const run = await prepareRun({ data: "mnist", out: "runs/stopped" });
 * await run.start({ signal: AbortSignal.abort() });
 * const done = await (await resumeRun("runs/stopped")).start(); // done.stopped is "completed"
 */
export const resumeRun = checked(
  "resumeRun",
  takes<ResumeOptions>({ path: text }, { data: text, memory: text, onEvent: callback, signal: anything }),
  async (path: string, { data: place, memory, onEvent }: ResumeOptions = {}): Promise<PreparedRun> => {
    const config = await readRunConfig(path);
    await readStopped(path); // errors of the run folder are reported before the data are read, which may take minutes
    const { folder, split = { ratio: 0.8, seed: config.seed } } = config.data;
    const [, height, width] = config.input.shape;
    const options = checkOptions({ data: place ?? config.data.name, memory });
    const data = await openData(options.data, split, {
      size: folder?.resize ? [height, width] : undefined,
      memoryBytes: options.memory === undefined ? undefined : parseBytes(options.memory),
      onProgress: onEvent && decodeEvents(onEvent),
    });
    const difference = differenceOf(await describe(options.data, data), config);
    if (difference) {
      throw new DataError(`[resume] ${options.data} is not what ${path} was trained on: ${difference}`, {
        hint: "Restore the data, or train again",
      });
    }
    const start = (watching = {}) => train(path, config, data, watching, true);
    return { config: { ...config, device: (await currentDevice()).name }, start };
  },
);

/**
 * Scores a finished run on the test part of a data set. MNIST is split as in the run, so that no training sample is
 * scored.
 *
 * @param path a run folder.
 * @param data a data set or a folder.
 * @throws DataError if the run or the data are damaged, or the data do not fit the model.
 */
export const evaluateRun = checked(
  "evaluateRun",
  takes({ path: text, data: text }),
  async (path: string, data: string): Promise<Score> => {
    const { model, config } = await loadRun(path);
    const { input } = config;
    const test = await openTestData(data, config);
    if (String(test.sampleShape) !== String(input.shape) || test.classes.length > input.classes.length) {
      const has = `${data} has images of [${test.sampleShape.join(", ")}] in ${test.classes.length} classes`;
      const knows = `the model of ${path} takes [${input.shape.join(", ")}] in ${input.classes.length}`;
      throw new DataError(`[evaluate] ${has}, but ${knows}`, { hint: "Evaluate on data like those it was trained on" });
    }
    const { testFlip } = config;
    return evaluate(model, scoringLoader(test, config), { input: inputTransformOf(config), testFlip });
  },
);

const eventMs = 250;

/** A callback that turns decoding progress into events: one per interval, and one at the end. */
function decodeEvents(onEvent: (event: TrainEvent) => void): (progress: DecodeProgress) => void {
  const begun = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  return ({ done, total }) => {
    const now = performance.now();
    if (done < total && now - last < eventMs) return;
    last = now;
    onEvent({ event: "decode", done, total, seconds: (now - begun) / 1000 });
  };
}

async function train(
  path: string,
  config: RunConfig,
  data: OpenedData,
  watching: Watching,
  resumed = false,
): Promise<DoneEvent> {
  manualSeed(config.seed);
  const model = modelOf(config);
  const loader = trainingLoader(data.train, config);
  const { run, unlock } = await openFolder(path, config, resumed);
  let epochsDone = 0;
  const onEvent = (event: TrainEvent) => {
    if (event.event === "epoch") epochsDone = event.epoch;
    watching.onEvent?.(event);
    if (event.event !== "start") return;
    for (const message of data.warnings) {
      if (!resumed) run.record({ event: "warning", message });
      watching.onEvent?.({ event: "warning", message });
    }
  };
  try {
    const skipped = data.folder?.skipped ?? [];
    if (skipped.length > 0 && !resumed) await run.writeSkipped(skipped);
    if (!resumed) await fitBuffers(model, data.train, config);
    return await fitModel({
      model,
      optimizer: optimizerOf(model, config, scheduleOf(config, loader.length)),
      loss: lossOf(config),
      scoreLoss: functional.crossEntropy,
      input: inputTransformOf(config),
      averages: averagesOf(model, config),
      testFlip: config.testFlip,
      train: loader,
      validation: data.validation && scoringLoader(data.validation, config),
      test: scoringLoader(data.test, config),
      epochs: config.epochs,
      run,
      onEvent,
      signal: watching.signal,
    });
  } catch (error) {
    // Keep the folder of a run that diverged, finished an epoch or was stopped by the user; delete that of any other
    // run: it holds nothing worth reading.
    if (epochsDone === 0 && !resumed && !(error instanceof NumericError)) {
      await unlock();
      await run.discard();
    }
    throw error;
  } finally {
    await unlock();
  }
}

async function openFolder(path: string, config: RunConfig, resumed: boolean) {
  const created = resumed ? undefined : await RunFolder.create(path, config);
  const unlock = await lockFolder(path);
  try {
    return { run: created ?? (await RunFolder.resume(path)), unlock };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function resolve(options: CheckedOptions, data: OpenedData, device: string): Promise<RunConfig> {
  const { train } = data;
  const { name, averageShare, ...recipe } = recipeFor(options);
  if (recipe.batch > train.length) {
    throw new ConfigError(`[train] batch ${recipe.batch} is more than the ${train.length} training samples`, {
      hint: `Choose a batch up to ${train.length}`,
    });
  }
  const steps = recipe.epochs * Math.floor(train.length / recipe.batch);
  return {
    format: 1,
    ...(await describe(options.data, data)),
    recipe: name,
    ...recipe,
    averageDecay: averageShare === undefined ? undefined : decayFor(averageShare, steps),
    seed: options.seed,
    device,
  };
}

/** The entries of a configuration that describe the data. */
type Described = Pick<RunConfig, "data" | "input">;

async function describe(name: string, data: OpenedData): Promise<Described> {
  const { train, test, split, folder } = data;
  return {
    data: {
      name,
      split,
      trainSamples: train.length,
      testSamples: test.length,
      fingerprint: fingerprintOf(data),
      folder: folder && {
        resize: folder.settings.resize,
        skipped: folder.skipped.length,
        ignored: [...folder.ignored.values()].reduce((sum, count) => sum + count, 0),
        fingerprint: folder.fingerprint,
      },
    },
    input: {
      shape: [...train.sampleShape],
      classes: [...train.classes],
      scale: train.scale,
      ...mutable(await fitStandardisation(train)),
    },
  };
}

/** Names what differs between two descriptions of the data; undefined if nothing does. */
function differenceOf(now: Described, then: Described): string | undefined {
  const measures: Readonly<Record<string, (described: Described) => unknown>> = {
    classes: ({ input }) => input.classes,
    "training samples": ({ data }) => data.trainSamples,
    "test samples": ({ data }) => data.testSamples,
    "images of": ({ input }) => input.shape,
    "other pixels or labels": ({ data, input }) => [data.fingerprint, data.folder?.fingerprint, input],
  };
  for (const [name, measure] of Object.entries(measures)) {
    const [here, there] = [now, then].map((described) => JSON.stringify(measure(described)));
    if (here !== there) return here.length + there.length > 60 ? name : `${name} ${here}, were ${there}`;
  }
  return undefined;
}

function mutable({ mean, std }: Standardisation): { mean: number[]; std: number[] } {
  return { mean: [...mean], std: [...std] };
}
