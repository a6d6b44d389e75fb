/**
 * The parts of a run from its configuration: loaders, input transform, optimizer, schedule, averages. It must not know
 * where data come from, nor the training loop.
 */
import { DataLoader, type Dataset, randomAffine, type TrainingSet } from "../data/index.js";
import { functional, type Module } from "../nn/index.js";
import {
  AdamW,
  cosine,
  Ema,
  multiStep,
  Optimizer,
  oneCycle,
  optimizers,
  partition,
  type Schedule,
  warmup,
} from "../optim/index.js";
import type { Parameter, Variable } from "../tensor/index.js";
import { ConfigError } from "../util/errors.js";
import { fitWhitening } from "../vision/index.js";
import type { RunConfig } from "./config.js";
import { InputTransform } from "./input-transform.js";
import type { AnySet } from "./open-data.js";
import type { Loss } from "./steps.js";

const scoreBatch = 250;
const scoreValues = 250 * 3 * 64 * 64;

/**
 * Loader of random order: it yields bytes for the input transform of the step, unless images are augmented on the host.
 */
export function trainingLoader(train: AnySet<"train">, { augment, batch, seed, input }: RunConfig): DataLoader {
  const { rotation, scale, shift } = augment;
  const onHost = rotation > 0 || scale > 0 || shift > 0;
  const bytes = !onHost && train.bytes !== undefined;
  return new DataLoader(bytes ? train : train.standardise(input), {
    batchSize: batch,
    shuffle: true,
    seed,
    dropLast: true,
    bytes,
    augment: onHost ? randomAffine({ rotation, scale, shift }) : undefined,
  });
}

/** Loader of batches of one size, so that one program scores them all; the size is smaller for large images. */
export function scoringLoader(set: AnySet<"test" | "validation">, { input }: Pick<RunConfig, "input">): DataLoader {
  const values = set.sampleShape.reduce((product, size) => product * size, 1);
  const batchSize = Math.max(1, Math.min(scoreBatch, set.length, Math.floor(scoreValues / values)));
  const bytes = set.bytes !== undefined;
  const data: Dataset = bytes ? set : set.standardise(input);
  return new DataLoader(data, { batchSize, padLast: true, bytes });
}

/** The input transform of the step. */
export function inputTransformOf({
  input,
  augment,
  seed,
}: Pick<RunConfig, "input" | "augment" | "seed">): InputTransform {
  const { crop, cropMode, flip, cutout } = augment;
  return new InputTransform({ standardisation: input, crop, cropMode, flip, cutout, seed });
}

/** Fits data-dependent buffers before training, such as the filters of `WhiteningConv2d`. */
export async function fitBuffers(model: Module, train: AnySet<"train">, { input }: RunConfig): Promise<void> {
  const standardised: TrainingSet = train.standardise(input);
  await fitWhitening(model, standardised);
}

/**
 * The optimizer of a run.
 *
 * @param schedule the learning rate of each step.
 * @throws ConfigError if the optimizer updates matrices only and the model has none.
 */
export function optimizerOf(model: Module, config: RunConfig, schedule: Schedule): Optimizer {
  const { lr, momentum, weightDecay, nesterov = true, fixedNorm } = config;
  const { make, chain, schema, matricesOnly } = optimizers.get(config.optimizer);
  const settings = { lr: schedule, momentum, weightDecay, nesterov, fixedNorm };
  const options = Object.fromEntries(Object.entries(settings).filter(([name]) => Object.hasOwn(schema, name)));
  const parameters = model.parameters();
  if (!matricesOnly) return make(parameters, options);
  const { rest = { lr: 2e-3, weightDecay: 0.01 } } = config;
  const filters = new Set<Variable>(innerMatrices(parameters));
  if (filters.size === 0) {
    throw new ConfigError(`[train] the model ${config.model} has nothing for ${config.optimizer} but its last layer`, {
      hint: "Choose the optimizer sgd or adamw",
    });
  }
  // One schedule drives both optimizers: its largest rate is `lr` for the filters and `rest.lr` for the rest.
  const adamW = AdamW.chain({ ...rest, lr: (step) => schedule(step) * (rest.lr / lr) });
  return new Optimizer(parameters, partition({ filters: [(p) => filters.has(p), chain(options)], rest: adamW }));
}

/** Matrices and filters except the last one, which computes the logits. */
function innerMatrices(parameters: readonly Parameter[]): Parameter[] {
  return parameters.filter(({ rank }) => rank >= 2).slice(0, -1);
}

/** The learning rate as a function of the step. */
export function scheduleOf(config: RunConfig, stepsPerEpoch: number): Schedule {
  const { lr, epochs, warmupEpochs, schedule = { kind: "cosine" } } = config;
  const totalSteps = epochs * stepsPerEpoch;
  switch (schedule.kind) {
    case "cosine": {
      const warmupSteps = Math.min(Math.round(warmupEpochs * stepsPerEpoch), Math.floor(totalSteps / 4));
      const decay = cosine(lr, totalSteps - warmupSteps);
      return warmupSteps === 0 ? decay : warmup(decay, warmupSteps);
    }
    case "steps": {
      const milestones = [...new Set(schedule.at.map((share) => Math.round(share * totalSteps)))];
      return multiStep(lr, milestones, { gamma: schedule.factor });
    }
    case "cycle": {
      const { peak, start, end } = schedule;
      const shape = { pctStart: peak, divFactor: 1 / start, finalDivFactor: start / end };
      return oneCycle(lr, totalSteps, { anneal: "linear", ...shape });
    }
  }
}

/** Averages of the weights, if the configuration has them. */
export function averagesOf(model: Module, { averageDecay }: RunConfig): Ema | undefined {
  return averageDecay === undefined ? undefined : new Ema(model.stateDict(), { decay: averageDecay });
}

/** The decay at which an average reaches back a given share of all steps. */
export function decayFor(share: number, steps: number): number {
  return 1 - 1 / Math.max(1, share * steps);
}

/** The training loss. Scores use plain cross-entropy instead, so that runs can be compared. */
export function lossOf({ labelSmoothing }: RunConfig): Loss {
  return (logits, targets, options) => functional.crossEntropy(logits, targets, { ...options, labelSmoothing });
}
