/**
 * A whole run from options to a run folder: data, recipe, model, training, test. It must not know how it is shown, nor
 * choose devices: the caller does that first.
 */
import {
  DataLoader,
  type Dataset,
  type DecodeProgress,
  fitStandardisation,
  randomAffine,
  type Standardisation,
} from "../data/index.js";
import { manualSeed } from "../nn/index.js";
import { AdamW, cosine, SGD } from "../optim/index.js";
import { currentDevice, type Parameter } from "../tensor/index.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { type CheckedOptions, checkOptions, type RunConfig, recipeFor, type TrainOptions } from "./config.js";
import type { DoneEvent, Score, TrainEvent } from "./events.js";
import { fit as fitModel } from "./fit.js";
import { modelOf } from "./models.js";
import { type OpenedData, openData, openTestData } from "./open-data.js";
import { defaultRunName, loadRun, RunFolder } from "./run-folder.js";
import { evaluate, type StepOptimizer } from "./steps.js";
import { parseBytes, parseSize } from "./units.js";

const scoreBatch = 250;
const scoreValues = 250 * 3 * 64 * 64;

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
  const path = options.out ?? defaultRunName(options.data, options.model);
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
  return evaluate(model, scoring(test.standardise(input)));
}

/** Batches of one size, so that one program scores them all; smaller ones where pictures are large. */
function scoring(set: Dataset): DataLoader {
  const values = set.sampleShape.reduce((product, size) => product * size, 1);
  const batchSize = Math.max(1, Math.min(scoreBatch, set.length, Math.floor(scoreValues / values)));
  return new DataLoader(set, { batchSize, padLast: true });
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
  const { seed, batch, epochs, augment, input } = config;
  manualSeed(seed);
  const model = modelOf(config);
  const optimizer = makeOptimizer(model.parameters(), config);
  const loader = new DataLoader(data.train.standardise(input), {
    batchSize: batch,
    shuffle: true,
    seed,
    dropLast: true,
    augment: Object.values(augment).some((amount) => amount > 0) ? randomAffine(augment) : undefined,
  });
  const totalSteps = epochs * loader.length;
  const warmupSteps = Math.min(Math.round(config.warmupEpochs * loader.length), Math.floor(totalSteps / 4));
  const schedule = cosine(config.lr, { totalSteps, warmupSteps });
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
    return await fitModel({
      model,
      optimizer,
      train: loader,
      validation: data.validation && scoring(data.validation.standardise(input)),
      test: scoring(data.test.standardise(input)),
      epochs,
      schedule,
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
  const recipe = recipeFor(options);
  if (recipe.batch > train.length) {
    throw new ConfigError(`[train] batch ${recipe.batch} is more than the ${train.length} training samples`, {
      hint: `Choose a batch up to ${train.length}`,
    });
  }
  const { model, optimizer, seed } = options;
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
    model,
    optimizer,
    ...recipe,
    seed,
    device,
  };
}

function mutable({ mean, std }: Standardisation): { mean: number[]; std: number[] } {
  return { mean: [...mean], std: [...std] };
}

function makeOptimizer(parameters: Parameter[], { optimizer, lr, momentum, weightDecay }: RunConfig): StepOptimizer {
  if (optimizer === "adamw") return new AdamW(parameters, { lr, weightDecay });
  return new SGD(parameters, { lr, momentum, nesterov: true, weightDecay });
}
