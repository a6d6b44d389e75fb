/**
 * The training loop: steps, epochs, schedules, checkpoints, events. It must not know data sets by name, models by name,
 * or where its events are shown.
 */
import type { DataLoader } from "../data/index.js";
import { functional, type Module } from "../nn/index.js";
import type { Ema, Schedule } from "../optim/index.js";
import type { Tensor } from "../tensor/index.js";
import { ConfigError, NumericError } from "../util/errors.js";
import type { DoneEvent, TrainEvent } from "./events.js";
import { Pace } from "./pace.js";
import type { RunFolder } from "./run-folder.js";
import { type Loss, makeScorer, makeTrainStep, type Scorer, type StepOptimizer, type TrainStep } from "./steps.js";

/** What to train, on what, and for how long. */
export interface FitOptions {
  readonly model: Module;
  readonly optimizer: StepOptimizer;
  /** What is minimised; default: cross-entropy. */
  readonly loss?: Loss;
  /** What validation and test report; default: `loss`. */
  readonly scoreLoss?: Loss;
  /** What becomes of a batch inside the step, before the model sees it, such as a `Preparation`; default: nothing. */
  readonly input?: Module;
  /** Averages of the model's weights: they are scored and saved, and at the end the model has them; default: none. */
  readonly averages?: Ema;
  /** Whether scores are of the mean over each picture and its mirror image; default false. */
  readonly testFlip?: boolean;
  readonly train: DataLoader;
  /** Scored after each epoch. */
  readonly validation?: DataLoader;
  /** Scored once, after the last epoch, so that no choice can depend on it. */
  readonly test?: DataLoader;
  /** From 1. */
  readonly epochs: number;
  /** Learning rate of each step, counted from 0 over all epochs; default: the optimizer's own, constant. */
  readonly schedule?: Schedule;
  readonly onEvent?: (event: TrainEvent) => void;
  /** When it aborts, the run ends after the step at hand and saves. */
  readonly signal?: AbortSignal;
  /** Takes metrics and checkpoints; default: nothing is written. */
  readonly run?: RunFolder;
}

/** Losses are read back when so many are waiting, or when so much time has passed: reading each would stall the device. */
const readEvery = { steps: 16, ms: 200 } as const;

interface Unread {
  readonly step: number;
  readonly lr: number;
  readonly count: number;
  readonly result: Tensor;
}

/**
 * Trains a classifier. The whole step is one compiled program; the numbers depend on seeds only, not on timing.
 *
 * @returns the last event: how the run ended, and the test accuracy if there is a test set.
 * @throws NumericError when a loss or weight is not finite; the last good checkpoint stays on disk.
 * @throws ConfigError when an option is out of range; DataError from the data set or the run folder.
 * @example
 * const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
 * await fit({ model, optimizer, train: new DataLoader(train, { shuffle: true, dropLast: true }), epochs: 1 });
 */
export async function fit(options: FitOptions): Promise<DoneEvent> {
  const { epochs } = options;
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new ConfigError(`[fit] epochs must be a whole number from 1, got ${epochs}`);
  }
  const fitting = new Fitting(options);
  try {
    return await fitting.work();
  } finally {
    await fitting.close();
  }
}

/** One run of {@link fit}. */
class Fitting {
  readonly #options: FitOptions;
  readonly #loss: Loss;
  readonly #pace: Pace;
  readonly #begun = performance.now();
  #epoch = 1;
  #steps = 0;
  #saved: string | undefined;
  #firstLoss = Number.NaN;
  #warned = false;

  constructor(options: FitOptions) {
    this.#options = options;
    this.#loss = options.loss ?? functional.crossEntropy;
    this.#pace = new Pace(options.epochs * options.train.length);
  }

  async work(): Promise<DoneEvent> {
    const { model, optimizer, train, validation, test, epochs, signal, run } = this.#options;
    const { averages, input, testFlip, scoreLoss = this.#loss } = this.#options;
    const score = ofAverages(averages, makeScorer(model, { loss: scoreLoss, input, testFlip }));
    const step = makeTrainStep({ model, optimizer, loss: this.#loss, input, averages });
    optimizer.zeroGrad();
    this.#emit({
      event: "start",
      epochs,
      stepsPerEpoch: train.length,
      batchSize: train.batchSize,
      trainSamples: train.dataset.length,
      testSamples: test?.dataset.length ?? 0,
      parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
    });
    let finished = 0;
    await this.#save(finished);
    for (; this.#epoch <= epochs && !signal?.aborted; this.#epoch++) {
      const begun = performance.now();
      const trained = await this.#trainEpoch(step);
      if (signal?.aborted) break;
      finished = this.#epoch;
      const { waiting, imagesPerSecond, secondsLeft } = this.#pace;
      this.#emit({
        event: "epoch",
        epoch: finished,
        step: this.#steps,
        ...trained,
        validation: validation && (await score(validation)),
        seconds: (performance.now() - begun) / 1000,
        waiting,
        imagesPerSecond,
        secondsLeft,
      });
      this.#warnIfRising(trained.loss);
      await this.#save(finished);
    }
    const stopped = finished === epochs ? "completed" : "interrupted";
    if (stopped === "interrupted") await this.#save(finished);
    const trainSeconds = (performance.now() - this.#begun) / 1000;
    const tested = test && stopped === "completed" ? await score(test) : undefined;
    if (stopped === "completed") averages?.swap();
    model.eval();
    const done: DoneEvent = {
      event: "done",
      testAccuracy: tested?.accuracy,
      testLoss: tested?.loss,
      trainSeconds,
      run: run?.path,
      epochs: finished,
      steps: this.#steps,
      stopped,
    };
    this.#emit(done);
    return done;
  }

  /** Also after a failure the metrics up to there are kept; a failure to do so must not hide the first one. */
  async close(): Promise<void> {
    await this.#options.run?.flush().catch(() => undefined);
  }

  /** Returns mean loss and accuracy over the samples of the epoch, each as it was when trained on. */
  async #trainEpoch(step: TrainStep): Promise<{ loss: number; accuracy: number }> {
    const { optimizer, train, schedule, signal } = this.#options;
    const total = { loss: 0, right: 0, count: 0 };
    let unread: Unread[] = [];
    let lastRead = performance.now();
    const read = async () => {
      for (const { loss, right, count } of await this.#read(unread)) {
        total.loss += loss * count;
        total.right += right;
        total.count += count;
      }
      unread = [];
      lastRead = performance.now();
    };
    this.#pace.beginEpoch();
    let asked = performance.now();
    for await (const { x, y } of train.epoch(this.#epoch - 1)) {
      const waitMs = performance.now() - asked;
      if (signal?.aborted) break;
      if (schedule) optimizer.lr = schedule(this.#steps);
      const lr = optimizer.lr;
      const result = await step(x, y);
      this.#steps++;
      this.#pace.step(y.size, waitMs);
      unread.push({ step: this.#steps, lr, count: y.size, result });
      const due = unread.length >= readEvery.steps || performance.now() - lastRead >= readEvery.ms;
      if (due && this.#steps > 1) await read(); // the first step compiles: its pace says nothing yet
      asked = performance.now();
    }
    await read();
    return { loss: total.loss / total.count, accuracy: total.right / total.count };
  }

  async #read(unread: readonly Unread[]): Promise<{ loss: number; right: number; count: number }[]> {
    const values = await Promise.all(unread.map(({ result }) => result.data()));
    return unread.map(({ step, lr, count }, i) => {
      const [loss, right] = values[i];
      if (!Number.isFinite(loss)) throw this.#lossError(loss, step, lr);
      const { waiting, imagesPerSecond, secondsLeft } = this.#pace;
      const accuracy = right / count;
      this.#emit({
        event: "step",
        epoch: this.#epoch,
        step,
        loss,
        accuracy,
        lr,
        waiting,
        imagesPerSecond,
        secondsLeft,
      });
      return { loss, right, count };
    });
  }

  #lossError(loss: number, step: number, lr: number): NumericError {
    const kept = this.#saved === undefined ? "" : `; the last good model is in ${this.#saved}`;
    return new NumericError(`[fit] the loss became ${loss} in step ${step} (epoch ${this.#epoch})`, {
      hint: `Lower the learning rate, it was ${lr}${kept}`,
    });
  }

  async #save(epoch: number): Promise<void> {
    const { run, model, averages } = this.#options;
    if (!run) return;
    this.#saved = await run.save(averages ? { stateDict: () => averages.averages() } : model, {
      epoch,
      step: this.#steps,
    });
    this.#emit({ event: "checkpoint", epoch, step: this.#steps, path: this.#saved });
    await run.flush();
  }

  #warnIfRising(loss: number): void {
    if (this.#epoch === 1) this.#firstLoss = loss;
    if (this.#warned || !(loss > this.#firstLoss * 1.05)) return;
    this.#warned = true;
    const change = `from ${this.#firstLoss.toPrecision(3)} in epoch 1 to ${loss.toPrecision(3)} in epoch ${this.#epoch}`;
    this.#emit({ event: "warning", message: `the loss rose ${change}; a lower learning rate may help` });
  }

  #emit(event: TrainEvent): void {
    this.#options.run?.record(event);
    this.#options.onEvent?.(event);
  }
}

/** A scorer of the averages, if there are any. */
function ofAverages(averages: Ema | undefined, score: Scorer): Scorer {
  if (!averages) return score;
  return async (loader) => {
    averages.swap();
    try {
      return await score(loader);
    } finally {
      averages.swap();
    }
  };
}
