/**
 * A whole run from options to a run folder: data, recipe, model, training, test. It must not know how it is shown, nor
 * choose devices: the caller does that first.
 */
import { type DecodeProgress, fitStandardisation, type Standardisation } from "../data/index.js";
import { functional, manualSeed } from "../nn/index.js";
import { currentDevice } from "../tensor/index.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { type CheckedOptions, checkOptions, type RunConfig, type TrainOptions } from "./config.js";
import type { DoneEvent, Score, TrainEvent } from "./events.js";
import { fit as fitModel } from "./fit.js";
import { modelOf } from "./models.js";
import { type OpenedData, openData, openTestData } from "./open-data.js";
import {
  averagesOf,
  decayFor,
  lossOf,
  optimizerOf,
  preparationOf,
  prepareModel,
  scheduleOf,
  scoringLoader,
  trainingLoader,
} from "./parts.js";
import { recipeFor } from "./recipes.js";
import { defaultRunName, loadRun, RunFolder } from "./run-folder.js";
import { evaluate } from "./steps.js";
import { parseBytes, parseSize } from "./units.js";

/** What a run may be watched and stopped with. */
export interface Watching {
  readonly onEvent?: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
}

/** A run with everything decided and its data at hand; {@link PreparedRun.start} does the work. */
export interface PreparedRun {
  readonly config: RunConfig;
  start(watching?: Watching): Promise<DoneEvent>;
}

/**
 * Checks the options, opens the data and decides everything else. Nothing is computed yet, and nothing is written but
 * the cache of decoded pictures; where the options name no device, the one in use is opened to write down its name.
 *
 * @param watching - told about decoding only; watch the rest of the run where it starts
 * @throws ConfigError, DataError when an option or the data is at fault.
 * @example
 * await useDevice("native");
 * const { testAccuracy } = await (await prepareRun({ data: "mnist" })).start();
 */
export async function prepareRun(given: TrainOptions, { onEvent }: Watching = {}): Promise<PreparedRun> {
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
}

/**
 * Scores a finished run on the test part of a data set. MNIST is divided as the run divided it, so that nothing the run
 * was trained on is counted.
 *
 * @param path a run folder.
 * @param data a data set or a folder.
 * @throws DataError when the run or the data is damaged, or the two do not fit together.
 */
export async function evaluateRun(path: string, data: string): Promise<Score> {
  const { model, config } = await loadRun(path);
  const { input } = config;
  const test = await openTestData(data, config);
  if (String(test.sampleShape) !== String(input.shape) || test.classes.length > input.classes.length) {
    const has = `${data} has pictures of [${test.sampleShape.join(", ")}] in ${test.classes.length} classes`;
    const knows = `the model of ${path} takes [${input.shape.join(", ")}] in ${input.classes.length}`;
    throw new DataError(`[evaluate] ${has}, but ${knows}`, { hint: "Evaluate on data like those it was trained on" });
  }
  const { testFlip } = config;
  return evaluate(model, scoringLoader(test, config), { input: preparationOf(config), testFlip });
}

const eventMs = 250;

/** Tells about decoding now and then, and of its end. */
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

async function train(path: string, config: RunConfig, data: OpenedData, watching: Watching): Promise<DoneEvent> {
  manualSeed(config.seed);
  const model = modelOf(config);
  const loader = trainingLoader(data.train, config);
  const run = await RunFolder.create(path, config);
  let epochsDone = 0;
  const onEvent = (event: TrainEvent) => {
    if (event.event === "epoch") epochsDone = event.epoch;
    watching.onEvent?.(event);
    if (event.event !== "start") return;
    for (const message of data.warnings) {
      run.record({ event: "warning", message });
      watching.onEvent?.({ event: "warning", message });
    }
  };
  try {
    const skipped = data.folder?.skipped ?? [];
    if (skipped.length > 0) await run.writeSkipped(skipped);
    await prepareModel(model, data.train, config);
    return await fitModel({
      model,
      optimizer: optimizerOf(model, config),
      loss: lossOf(config),
      scoreLoss: functional.crossEntropy,
      input: preparationOf(config),
      averages: averagesOf(model, config),
      testFlip: config.testFlip,
      train: loader,
      validation: data.validation && scoringLoader(data.validation, config),
      test: scoringLoader(data.test, config),
      epochs: config.epochs,
      schedule: scheduleOf(config, loader.length),
      run,
      onEvent,
      signal: watching.signal,
    });
  } catch (error) {
    // A run that diverged is worth looking at, one that finished an epoch too; any other is rubbish.
    if (epochsDone === 0 && !(error instanceof NumericError)) await run.discard();
    throw error;
  }
}

async function resolve(options: CheckedOptions, data: OpenedData, device: string): Promise<RunConfig> {
  const { train, test, split, folder } = data;
  const { name, averageShare, ...recipe } = recipeFor(options);
  if (recipe.batch > train.length) {
    throw new ConfigError(`[train] batch ${recipe.batch} is more than the ${train.length} training samples`, {
      hint: `Choose a batch up to ${train.length}`,
    });
  }
  const steps = recipe.epochs * Math.floor(train.length / recipe.batch);
  return {
    format: 1,
    data: {
      name: options.data,
      split,
      trainSamples: train.length,
      testSamples: test.length,
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
    recipe: name,
    ...recipe,
    averageDecay: averageShare === undefined ? undefined : decayFor(averageShare, steps),
    seed: options.seed,
    device,
  };
}

function mutable({ mean, std }: Standardisation): { mean: number[]; std: number[] } {
  return { mean: [...mean], std: [...std] };
}
