/**
 * The two compiled programs of a run: one training step and one evaluation step. Each returns its numbers as one small
 * tensor, so that reading them back is one copy. They must not know epochs, files or events.
 */
import { DataLoader } from "../data/browser.js";
import { functional, Module } from "../nn/index.js";
import type { Averages } from "../optim/index.js";
import { compile, concat, noGrad, stack, Tensor, tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { callback, flag, instance } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import type { Score } from "./events.js";
import type { Stateful } from "./state.js";

/**
 * A loss of logits [B, K] and targets [B]: their mean, or one value per sample when called with `reduction: "none"`
 * (for exact means over a data set). `crossEntropy` is one.
 */
export type Loss = (logits: Tensor, targets: Tensor, options?: { readonly reduction?: "mean" | "none" }) => Tensor;

/** The part of an optimizer that a training step uses; every optimizer of `fovea/optim` has it. */
export interface StepOptimizer extends Stateful {
  /** The learning rate of the last step, for progress events. */
  readonly lr: number;
  /** Whether `step` computes the gradients by a closure, as SAM does. Default false. */
  readonly needsClosure?: boolean;
  step(closure?: () => Tensor): unknown;
  /** Gives the parameters their values for evaluation, and back those that are trained. Default: they are the same. */
  eval?(): void;
  train?(): void;
  zeroGrad(): void;
}

/** Runs one step on a batch, updates the model, and returns [mean loss, number of correct predictions], f32 [2]. */
export type TrainStep = (x: Tensor, y: Tensor) => Promise<Tensor>;

/** The parts of a training step. */
export interface StepParts {
  readonly model: Module;
  readonly optimizer: StepOptimizer;
  readonly loss: Loss;
  /** Input transform, applied to every batch before the model, such as an `InputTransform`; default: nothing. */
  readonly input?: Module;
  /** Averages of the weights, updated after each step; default: none. */
  readonly averages?: Averages;
  /** Number of classes of the data: the model must output a score for each. */
  readonly classes: number;
}

/** Throws if a user's loss did not return a tensor. */
function checkLoss(op: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new ConfigError(`[${op}] the loss returned ${spell(value)}, not a tensor`, { hint: "Is a return missing?" });
}

/** Throws if the model has fewer scores than classes: the loss of samples of the other classes would be NaN. */
function checkScores(op: string, scores: number, classes: number): void {
  if (!(scores < classes)) return;
  throw new ConfigError(`[${op}] the model gives ${scores} scores, but the data have ${classes} classes`, {
    hint: `Give its last layer ${classes} outputs`,
  });
}

/** Compiles input transform, forward, backward and update as one program. */
export function makeTrainStep({ model, optimizer, loss, input, averages, classes }: StepParts): TrainStep {
  return compile((x: Tensor, y: Tensor) => {
    model.train();
    const transformed = input ? input.train()(x) : x;
    const results: Tensor[] = [];
    const evaluate = () => {
      const logits = model(transformed);
      checkScores("fit", logits.shape[1], classes);
      const mean = checkLoss("fit", loss(logits, y));
      mean.backward();
      results.push(stack([mean.detach(), countRight(logits.detach(), y).sum()]));
      return mean;
    };
    if (optimizer.needsClosure) optimizer.step(evaluate);
    else {
      evaluate();
      optimizer.step();
    }
    optimizer.zeroGrad();
    averages?.update();
    return results[0]; // of the first evaluation, at the parameters themselves
  });
}

/** The options of {@link evaluate}. */
export interface ScoreOptions {
  /** The loss; default: cross-entropy. */
  readonly loss?: Loss;
  /** Input transform, applied to every batch before the model, such as an `InputTransform`; default: nothing. */
  readonly input?: Module;
  /** Whether logits are means over each image and its mirror image; default false. */
  readonly testFlip?: boolean;
}

/** The logits of a model in evaluation mode. `[B, C, H, W] -> [B, K]` */
export function evaluationLogits(model: Module, x: Tensor, { input, testFlip = false }: ScoreOptions): Tensor {
  model.eval();
  const transformed = input ? input.eval()(x) : x;
  if (!testFlip) return model(transformed);
  const both = model(concat([transformed, transformed.flip(3)])); // [2B, K]
  return both.reshape([2, x.shape[0], both.shape[1]]).mean({ dim: 0 });
}

/** Scores a model on all batches of a loader, or on fewer if the signal aborts. */
export type Scorer = (loader: DataLoader, signal?: AbortSignal) => Promise<Score>;

/** The evaluation step as one program, for any number of loaders. */
export function makeScorer(model: Module, options: ScoreOptions = {}): Scorer {
  const { loss = functional.crossEntropy } = options;
  // Number of scores per sample; known once the step has been traced.
  let scores = Number.POSITIVE_INFINITY;
  const step = compile((x: Tensor, y: Tensor, real: Tensor) => {
    return noGrad(() => {
      const logits = evaluationLogits(model, x, options);
      scores = logits.shape[1];
      const losses = checkLoss("evaluate", loss(logits, y, { reduction: "none" }));
      return stack([losses.mul(real).sum(), countRight(logits, y).mul(real).sum()]);
    });
  });
  return async (loader, signal) => {
    const wasTraining = model.training;
    const sums: Promise<ArrayLike<number>>[] = [];
    for await (const { x, y, count } of loader.epoch(0)) {
      if (signal?.aborted) break;
      const real = tensor(Float32Array.from({ length: y.size }, (_, i) => (i < count ? 1 : 0)));
      const result = await step(x, y, real);
      checkScores("evaluate", scores, loader.dataset.classes.length);
      sums.push(result.data());
    }
    model.train(wasTraining);
    let lossSum = 0;
    let rightSum = 0;
    for (const [loss, right] of (await Promise.all(sums)) as Iterable<[number, number]>) {
      lossSum += loss;
      rightSum += right;
    }
    const count = loader.dataset.length;
    return { loss: lossSum / count, accuracy: rightSum / count, count };
  };
}

/**
 * Loss and accuracy of a classifier over a data set, in evaluation mode. A loader with `padLast` needs one program
 * only.
 *
 * @param options - `loss`: default cross-entropy; `input`: a module in front of the model, such as an {@link
 * InputTransform}; `testFlip`: logits are means over each image and its mirror image, default false
 * @example
 * const loader = new DataLoader(test, { batchSize: 250, padLast: true });
 * const { accuracy } = await evaluate(model, loader, { testFlip: true });
 */
export const evaluate = checked(
  "evaluate",
  takes<ScoreOptions>(
    { model: instance(Module, "a module"), loader: instance(DataLoader, "a DataLoader") },
    { loss: callback, input: instance(Module, "a module"), testFlip: flag },
  ),
  async (model: Module, loader: DataLoader, options: ScoreOptions = {}): Promise<Score> => {
    return makeScorer(model, options)(loader);
  },
);

/** 1 where the largest logit is the target's, else 0. Shape: `[B, K], [B] -> [B]`, f32. */
function countRight(logits: Tensor, targets: Tensor): Tensor {
  return logits.argmax({ dim: 1 }).eq(targets).to("f32");
}
