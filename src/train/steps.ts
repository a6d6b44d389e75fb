/**
 * The two compiled programs of a run: one training step and one evaluation step. Each returns its numbers as one small
 * tensor, so that reading them back is one copy. They must not know epochs, files or events.
 */
import type { DataLoader } from "../data/index.js";
import { functional, type Module } from "../nn/index.js";
import { compile, noGrad, stack, type Tensor, tensor } from "../tensor/index.js";
import type { Score } from "./events.js";
import type { Stateful } from "./state.js";

/**
 * A loss of logits [B, K] and targets [B]: their mean, or one value per sample when asked for `reduction: "none"`
 * (for exact means over a data set). `crossEntropy` is one.
 */
export type Loss = (logits: Tensor, targets: Tensor, options?: { readonly reduction?: "mean" | "none" }) => Tensor;

/** What a training step needs of an optimizer; every one of `fovea/optim` has it. */
export interface StepOptimizer extends Stateful {
  lr: number;
  step(): void;
  zeroGrad(): void;
}

/** Takes a batch, updates the model, and returns [mean loss, number of right answers], f32 [2]. */
export type TrainStep = (x: Tensor, y: Tensor) => Promise<Tensor>;

/** Forward, backward and update as one program. */
export function makeTrainStep(model: Module, optimizer: StepOptimizer, loss: Loss): TrainStep {
  return compile((x: Tensor, y: Tensor) => {
    model.train();
    const logits = model.call(x);
    const mean = loss(logits, y);
    mean.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return stack([mean.detach(), countRight(logits.detach(), y).sum()]);
  });
}

/** Scores a model on everything that a loader yields, or on less when the signal aborts. */
export type Scorer = (loader: DataLoader, signal?: AbortSignal) => Promise<Score>;

/** The evaluation step as one program, to be used on any number of loaders. */
export function makeScorer(model: Module, loss: Loss): Scorer {
  const step = compile((x: Tensor, y: Tensor, real: Tensor) => {
    return noGrad(() => {
      model.eval();
      const logits = model.call(x);
      const losses = loss(logits, y, { reduction: "none" });
      return stack([losses.mul(real).sum(), countRight(logits, y).mul(real).sum()]);
    });
  });
  return async (loader, signal) => {
    const wasTraining = model.training;
    const sums: Promise<ArrayLike<number>>[] = [];
    for await (const { x, y, count } of loader.epoch(0)) {
      if (signal?.aborted) break;
      const real = tensor(Float32Array.from({ length: y.size }, (_, i) => (i < count ? 1 : 0)));
      sums.push((await step(x, y, real)).data());
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
 * Loss and accuracy of a classifier over a data set, in evaluation mode. A loader with `padLast` needs one program only.
 *
 * @param loss default: cross-entropy
 * @example
 * const { accuracy } = await evaluate(model, new DataLoader(test, { batchSize: 250, padLast: true }));
 */
export function evaluate(model: Module, loader: DataLoader, loss: Loss = functional.crossEntropy): Promise<Score> {
  return makeScorer(model, loss)(loader);
}

/** 1 where the largest logit is the target's, else 0. Shape: `[B, K], [B] -> [B]`, f32. */
function countRight(logits: Tensor, targets: Tensor): Tensor {
  return logits.argmax({ dim: 1 }).eq(targets).to("f32");
}
