/**
 * A whole run from options to a run folder: data, recipe, model, training, test. It must not know how it is shown, nor
 * open devices: the caller does that first.
 */
import { DataLoader, fitStandardisation, randomAffine } from "../data/index.js";
import { manualSeed } from "../nn/index.js";
import { AdamW, cosine, SGD } from "../optim/index.js";
import type { Parameter } from "../tensor/index.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { type CheckedOptions, checkOptions, type RunConfig, recipeFor, type TrainOptions } from "./config.js";
import type { DoneEvent, Score, TrainEvent } from "./events.js";
import { fit as fitModel } from "./fit.js";
import { modelOf } from "./models.js";
import { type OpenedData, openData } from "./open-data.js";
import { defaultRunName, loadRun, RunFolder } from "./run-folder.js";
import { evaluate, type StepOptimizer } from "./steps.js";

const scoreBatch = 250;

/** What a run may be watched and stopped with. */
export interface Watching {
  readonly onEvent?: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
}

/** A run with everything decided and its data in memory; {@link PreparedRun.start} does the work. */
export interface PreparedRun {
  readonly config: RunConfig;
  start(watching?: Watching): Promise<DoneEvent>;
}

/**
 * Checks the options, opens the data and decides everything else. Nothing is written and no device is used yet.
 *
 * @throws ConfigError, DataError when an option or the data is at fault.
 * @example
 * await useDevice("native");
 * const { testAccuracy } = await (await prepareRun({ data: "mnist" })).start();
 */
export async function prepareRun(given: TrainOptions): Promise<PreparedRun> {
  const options = checkOptions(given);
  const data = await openData(options.data, { ratio: 0.8, seed: options.seed });
  const config = resolve(options, data);
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
  const { test } = await openData(data, config.data.split ?? { ratio: 0.8, seed: config.seed });
  if (String(test.sampleShape) !== String(input.shape) || test.classes.length > input.classes.length) {
    const has = `${data} has pictures of [${test.sampleShape.join(", ")}] in ${test.classes.length} classes`;
    const knows = `the model of ${path} takes [${input.shape.join(", ")}] in ${input.classes.length}`;
    throw new DataError(`[evaluate] ${has}, but ${knows}`, { hint: "Evaluate on data like those it was trained on" });
  }
  const batchSize = Math.min(scoreBatch, test.length);
  return evaluate(model, new DataLoader(test.standardise(input), { batchSize, padLast: true }));
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
  const batchSize = Math.min(scoreBatch, data.test.length);
  const test = new DataLoader(data.test.standardise(input), { batchSize, padLast: true });
  const totalSteps = epochs * loader.length;
  const warmupSteps = Math.min(Math.round(config.warmupEpochs * loader.length), Math.floor(totalSteps / 4));
  const schedule = cosine(config.lr, { totalSteps, warmupSteps });
  const run = await RunFolder.create(path, config);
  let epochsDone = 0;
  const onEvent = (event: TrainEvent) => {
    if (event.event === "epoch") epochsDone = event.epoch;
    watching.onEvent?.(event);
  };
  try {
    return await fitModel({
      model,
      optimizer,
      train: loader,
      test,
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

function resolve(options: CheckedOptions, data: OpenedData): RunConfig {
  const { train, test, split } = data;
  const recipe = recipeFor(options);
  if (recipe.batch > train.length) {
    throw new ConfigError(`[train] batch ${recipe.batch} is more than the ${train.length} training samples`, {
      hint: `Choose a batch up to ${train.length}`,
    });
  }
  const { model, optimizer, seed, device } = options;
  return {
    format: 1,
    data: { name: options.data, split, trainSamples: train.length, testSamples: test.length },
    input: {
      shape: [...train.sampleShape],
      classes: [...train.classes],
      scale: train.scale,
      ...mutable(fitStandardisation(train)),
    },
    model,
    optimizer,
    ...recipe,
    seed,
    device,
  };
}

function mutable({ mean, std }: ReturnType<typeof fitStandardisation>): { mean: number[]; std: number[] } {
  return { mean: [...mean], std: [...std] };
}

function makeOptimizer(parameters: Parameter[], { optimizer, lr, momentum, weightDecay }: RunConfig): StepOptimizer {
  if (optimizer === "adamw") return new AdamW(parameters, { lr, weightDecay });
  return new SGD(parameters, { lr, momentum, nesterov: true, weightDecay });
}
