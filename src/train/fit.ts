/**
 * The training loop: steps, epochs, checkpoints, events. It must not know data sets or models by name, nor where its
 * events are shown.
 */
import { DataLoader } from "../data/browser.js";
import { functional, Module } from "../nn/index.js";
import { Averages } from "../optim/index.js";
import type { Tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { anything, callback, count, flag, instance, needed, number, record, shaped } from "../util/kinds.js";
import type { Checkpoint, Progress } from "./checkpoint.js";
import type { DoneEvent, Score, TrainEvent } from "./events.js";
import { Pace } from "./pace.js";
import type { RunFolder } from "./run-folder.js";
import { arithmetic, readState, type StateParts, streamsOf, writeState } from "./state.js";
import { type Loss, makeScorer, makeTrainStep, type Scorer, type StepOptimizer, type TrainStep } from "./steps.js";

/** The options of {@link fit}: what to train, on which data, and for how long. */
export interface FitOptions {
  readonly model: Module;
  /**
   * Optimizer with its schedules; they count steps over all epochs, and continue from the checkpoint of a resumed run.
   */
  readonly optimizer: StepOptimizer;
  /** The training loss; default: cross-entropy. */
  readonly loss?: Loss;
  /** The loss that validation and test report; default: `loss`. */
  readonly scoreLoss?: Loss;
  /** Input transform, applied to every batch inside the step, such as an `InputTransform`; default: nothing. */
  readonly input?: Module;
  /** Averages of the weights: they are scored and saved, and copied to the model at the end; default: none. */
  readonly averages?: Averages;
  /** Whether scores use the mean of the logits of each image and its mirror image; default false. */
  readonly testFlip?: boolean;
  readonly train: DataLoader;
  /** Loader scored after each epoch. */
  readonly validation?: DataLoader;
  /** Loader scored once, after the last epoch, so that no choice can depend on it. */
  readonly test?: DataLoader;
  /** Number of epochs, from 1. */
  readonly epochs: number;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Stops the run: when it aborts, the run finishes the current step and saves, also in the middle of an epoch. */
  readonly signal?: AbortSignal;
  /**
   * Run folder for metrics and checkpoints; default: nothing is written. If `RunFolder.resume` opened it, training
   * resumes from its checkpoint, bit for bit if everything else is unchanged.
   */
  readonly run?: RunFolder;
  /**
   * Other state that changes between steps and belongs in checkpoints, by name, such as random streams of one's own
   * ({@link cellState}). Model, optimizer, averages and the random streams of model and input are always included.
   */
  readonly state?: StateParts;
}

/** Losses are read back after this many steps or this much time: reading each one would stall the device. */
const readEvery = { steps: 16, ms: 200 } as const;

interface Unread {
  readonly step: number;
  readonly lr: number;
  readonly count: number;
  readonly result: Tensor;
}

const moduleKind = instance(Module, "a module");
const loaderKind = instance(DataLoader, "a DataLoader");
const optimizerKind = shaped("an optimizer", { step: callback, zeroGrad: callback, lr: number });

/**
 * Trains a classifier. The whole step is one compiled program; the numbers depend on seeds only, not on timing.
 *
 * @returns the last event: how the run ended, and the test accuracy if there is a test set.
 * @throws NumericError if a loss or weight is not finite; the last good checkpoint stays on disk.
 * @throws ConfigError if an option is out of range; DataError from the data set or the run folder.
 * @example
 * const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
 * await fit({ model, optimizer, train: new DataLoader(train, { shuffle: true, dropLast: true }), epochs: 1 });
 */
export const fit = checked(
  "fit",
  takes<FitOptions>(
    {},
    {
      model: needed(moduleKind),
      optimizer: needed(optimizerKind),
      loss: callback,
      scoreLoss: callback,
      input: moduleKind,
      averages: instance(Averages, "averages of weights"),
      testFlip: flag,
      train: needed(loaderKind),
      validation: loaderKind,
      test: loaderKind,
      epochs: needed(count()),
      onEvent: callback,
      signal: anything,
      run: shaped("a RunFolder", { record: callback, save: callback }),
      state: record,
    },
  ),
  async (options: FitOptions): Promise<DoneEvent> => {
    const fitting = new Fitting(options);
    try {
      return await fitting.work();
    } finally {
      await fitting.close();
    }
  },
);

function partsOf({ model, optimizer, input, averages, state = {} }: FitOptions): StateParts {
  const own: StateParts = {
    model,
    optimizer,
    random: streamsOf(model),
    ...(input && { input: streamsOf(input) }),
    ...(averages && { averages }),
  };
  const wrong = Object.keys(state).find((name) => Object.hasOwn(own, name) || name.includes("/"));
  if (wrong === undefined) return { ...own, ...state };
  throw new ConfigError(`[fit] ${wrong} cannot be the name of a part of the state`, {
    hint: `Choose one without a slash, and none of ${Object.keys(own).join(", ")}`,
  });
}

/** One run of {@link fit}. */
class Fitting {
  readonly #options: FitOptions;
  readonly #loss: Loss;
  readonly #parts: StateParts;
  #pace: Pace;
  /**
   * Virtual start times of the run and of the current epoch: those of an uninterrupted run with the same training time.
   */
  #begun = performance.now();
  #epochBegun = 0;
  /** Number of the current epoch, from 1. */
  #epoch = 1;
  #steps = 0;
  /** Sums over the samples of the current epoch. */
  #sums: Progress["sums"] = { loss: 0, right: 0, count: 0 };
  /** Number of finished steps at the last checkpoint. */
  #savedSteps = 0;
  #saved: string | undefined;
  #firstLoss: number | undefined;
  #warned = false;

  constructor(options: FitOptions) {
    this.#options = options;
    this.#loss = options.loss ?? functional.crossEntropy;
    this.#parts = partsOf(options);
    this.#pace = new Pace(options.epochs * options.train.length);
  }

  async work(): Promise<DoneEvent> {
    const { model, optimizer, train, validation, test, epochs, signal, run } = this.#options;
    const { averages, input, testFlip, scoreLoss = this.#loss } = this.#options;
    const score = ofEvaluated(optimizer, ofAverages(averages, makeScorer(model, { loss: scoreLoss, input, testFlip })));
    const step = makeTrainStep({
      model,
      optimizer,
      loss: this.#loss,
      input,
      averages,
      classes: train.dataset.classes.length,
    });
    optimizer.zeroGrad();
    const begunOn = await this.#restore(run?.takeCheckpoint());
    this.#emit({
      event: "start",
      epochs,
      stepsPerEpoch: train.length,
      batchSize: train.batchSize,
      trainSamples: train.dataset.length,
      testSamples: test?.dataset.length ?? 0,
      parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
      ...(begunOn && { from: { epoch: this.#finished, step: this.#steps } }),
    });
    if (begunOn) await this.#warnIfElsewhere(begunOn);
    else await this.#save();
    while (this.#epoch <= epochs && !signal?.aborted) {
      await this.#trainEpoch(step);
      if (signal?.aborted) break;
      const validated = validation && (await score(validation, signal));
      if (signal?.aborted) break;
      this.#endEpoch(validated);
      await this.#save();
    }
    if (this.#steps > this.#savedSteps) await this.#save();
    const trainSeconds = (performance.now() - this.#begun) / 1000;
    const whole = this.#finished >= epochs;
    const tested = test && whole && !signal?.aborted ? await score(test, signal) : undefined;
    const stopped = whole && !(test && signal?.aborted) ? "completed" : "interrupted";
    if (stopped === "completed") {
      optimizer.eval?.();
      averages?.swap();
    }
    model.eval();
    const done: DoneEvent = {
      event: "done",
      testAccuracy: stopped === "completed" ? tested?.accuracy : undefined,
      testLoss: stopped === "completed" ? tested?.loss : undefined,
      trainSeconds,
      run: run?.path,
      epochs: this.#finished,
      steps: this.#steps,
      stopped,
    };
    run?.record(done);
    if (stopped === "completed") await run?.finish();
    this.#options.onEvent?.(done);
    return done;
  }

  /** Writes the metrics recorded so far, also after a failure; an error in doing so must not hide the first one. */
  async close(): Promise<void> {
    await this.#options.run?.flush().catch(() => undefined);
  }

  /** Number of finished epochs. */
  get #finished(): number {
    return this.#epoch - 1;
  }

  /**
   * Restores the state of a checkpoint, if there is one; returns the settings that shaped rounding when it was taken.
   */
  async #restore(checkpoint: Checkpoint | undefined): Promise<string | undefined> {
    if (!checkpoint) return undefined;
    const { state, progress } = checkpoint;
    const { train, epochs } = this.#options;
    const { epoch, step, stepsPerEpoch, sums, firstLoss, warned, seconds } = progress;
    if (stepsPerEpoch !== train.length) {
      const problem = `the data give ${train.length} batches an epoch, those of the run gave ${stepsPerEpoch}`;
      throw new DataError(`[fit] ${problem}`, {
        hint: "Resume with the data and the batch size that it was started with",
      });
    }
    await writeState(this.#parts, state);
    this.#epoch = epoch + 1;
    this.#steps = step;
    this.#savedSteps = step;
    this.#sums = { ...sums };
    this.#firstLoss = firstLoss;
    this.#warned = warned;
    this.#begun = performance.now() - seconds.run * 1000;
    this.#epochBegun = performance.now() - seconds.epoch * 1000;
    this.#pace = new Pace(epochs * train.length - step);
    return progress.arithmetic;
  }

  /** Trains the remaining batches of the current epoch, up to an interruption. */
  async #trainEpoch(step: TrainStep): Promise<void> {
    const { optimizer, train, signal } = this.#options;
    const first = this.#batches;
    if (first === 0) this.#epochBegun = performance.now();
    let unread: Unread[] = [];
    let lastRead = performance.now();
    const read = async () => {
      for (const { loss, right, count } of await this.#read(unread)) {
        this.#sums.loss += loss * count;
        this.#sums.right += right;
        this.#sums.count += count;
      }
      unread = [];
      lastRead = performance.now();
    };
    this.#pace.beginEpoch();
    let asked = performance.now();
    for await (const { x, y } of train.epoch(this.#finished, { first })) {
      const waitMs = performance.now() - asked;
      if (signal?.aborted) break;
      const result = await step(x, y);
      const { lr } = optimizer;
      this.#steps++;
      this.#pace.step(y.size, waitMs);
      unread.push({ step: this.#steps, lr, count: y.size, result });
      const due = unread.length >= readEvery.steps || performance.now() - lastRead >= readEvery.ms;
      if (due && this.#pace.isKnown) await read(); // the first step includes compilation, so its time is left out
      asked = performance.now();
    }
    await read();
  }

  #endEpoch(validation: Score | undefined): void {
    const { loss, right, count } = this.#sums;
    const { waiting, imagesPerSecond, secondsLeft } = this.#pace;
    const mean = loss / count;
    this.#emit({
      event: "epoch",
      epoch: this.#epoch,
      step: this.#steps,
      loss: mean,
      accuracy: right / count,
      validation,
      seconds: (performance.now() - this.#epochBegun) / 1000,
      waiting,
      imagesPerSecond,
      secondsLeft,
    });
    this.#warnIfRising(mean);
    this.#epoch++;
    this.#sums = { loss: 0, right: 0, count: 0 };
  }

  /** Number of finished batches of the current epoch. */
  get #batches(): number {
    return this.#steps - this.#finished * this.#options.train.length;
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

  /** Saves model and state between two steps, also inside an epoch. */
  async #save(): Promise<void> {
    const { run, model, averages, optimizer } = this.#options;
    if (!run) return;
    const position = { epoch: this.#finished, step: this.#steps };
    const saved = averages ? { stateDict: () => averages.averages() } : model;
    this.#saved = await evaluated(optimizer, () => run.save(saved, position));
    const event = { event: "checkpoint", ...position, path: this.#saved } as const;
    // An uninterrupted run records no checkpoint inside an epoch, and the metrics of a resumed run must become the
    // same.
    const within = this.#batches > 0;
    if (!within) run.record(event);
    await run.saveCheckpoint(await readState(this.#parts), await this.#progress());
    this.#savedSteps = this.#steps;
    if (within) run.record(event);
    this.#options.onEvent?.(event);
  }

  async #progress(): Promise<Progress> {
    const now = performance.now();
    return {
      epoch: this.#finished,
      step: this.#steps,
      stepsPerEpoch: this.#options.train.length,
      sums: this.#sums,
      firstLoss: this.#firstLoss,
      warned: this.#warned,
      seconds: { run: (now - this.#begun) / 1000, epoch: this.#batches > 0 ? (now - this.#epochBegun) / 1000 : 0 },
      arithmetic: await arithmetic(),
    };
  }

  #warnIfRising(loss: number): void {
    const first = this.#firstLoss;
    if (first === undefined) this.#firstLoss = loss;
    if (this.#warned || first === undefined || !(loss > first * 1.05)) return;
    this.#warned = true;
    const change = `from ${first.toPrecision(3)} in epoch 1 to ${loss.toPrecision(3)} in epoch ${this.#epoch}`;
    this.#emit({ event: "warning", message: `the loss rose ${change}; a lower learning rate may help` });
  }

  async #warnIfElsewhere(before: string): Promise<void> {
    if (before === (await arithmetic())) return;
    const message =
      "this is not the device or machine that the run was started on: its numbers will differ in the last bits";
    this.#emit({ event: "warning", message });
  }

  #emit(event: TrainEvent): void {
    this.#options.run?.record(event);
    this.#options.onEvent?.(event);
  }
}

/** Runs a function while the parameters have the values that the optimizer means for evaluation. */
async function evaluated<T>(optimizer: StepOptimizer, fn: () => Promise<T>): Promise<T> {
  optimizer.eval?.();
  try {
    return await fn();
  } finally {
    optimizer.train?.();
  }
}

/** A scorer that uses the values that the optimizer means for evaluation. */
const ofEvaluated =
  (optimizer: StepOptimizer, score: Scorer): Scorer =>
  (loader, signal) =>
    evaluated(optimizer, () => score(loader, signal));

/** A scorer that uses the averages, if there are any. */
function ofAverages(averages: Averages | undefined, score: Scorer): Scorer {
  if (!averages) return score;
  return async (loader, signal) => {
    averages.swap();
    try {
      return await score(loader, signal);
    } finally {
      averages.swap();
    }
  };
}
