/**
 * Turns a data set into batches of tensors: order, augmentation, prefetch. It must not know models or training.
 */
import { type Tensor, tensor } from "../tensor/index.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { nextTurn } from "../util/host.js";
import { callback, count, flag, whole } from "../util/kinds.js";
import type { Augmentation } from "./augment.js";
import { type Dataset, isClass, labelError } from "./dataset.js";
import { datasetKind } from "./kinds.js";
import { RandomStream } from "./random.js";

/** One batch. `x`: [B, C, H, W], f32, or u8 from a loader of bytes; `y`: [B] i32. */
export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Number of samples without padding; smaller than B only in a last batch that `padLast` filled up. */
  readonly count: number;
}

/** The options of a {@link DataLoader}. */
export interface LoaderOptions {
  /** Samples per batch; default 32, from 1. */
  readonly batchSize?: number;
  /** Whether each epoch has a new random order; default false. */
  readonly shuffle?: boolean;
  /** Seed of order and augmentation; default 0. */
  readonly seed?: number;
  /** Whether to leave out a last batch that is not full; default false. */
  readonly dropLast?: boolean;
  /** Whether to fill a last batch by repeating its last sample, so that every batch has one shape; default false. */
  readonly padLast?: boolean;
  /** Number of batches computed before the consumer requests them; default 2, from 0. */
  readonly prefetch?: number;
  /** Augmentation on the host; default none. */
  readonly augment?: Augmentation;
  /**
   * Whether `x` has the bytes of the data set, neither scaled nor standardised: for steps that standardise themselves,
   * as by `standardise`. It copies a quarter of the memory, and skips the host's arithmetic. Default false.
   */
  readonly bytes?: boolean;
}

/** The options of {@link DataLoader.epoch}. */
export interface EpochOptions {
  /**
   * Index of the first batch, for an epoch that was interrupted; default 0, up to `length`. Earlier batches are
   * skipped.
   */
  readonly first?: number;
}

const checkLoader = checkedConstructor(
  "DataLoader",
  takes<LoaderOptions>(
    { dataset: datasetKind },
    {
      batchSize: count(),
      shuffle: flag,
      seed: whole,
      dropLast: flag,
      padLast: flag,
      prefetch: count(0),
      augment: callback,
      bytes: flag,
    },
  ),
);

/**
 * Batches of a data set. Iterating it yields epoch 0, then epoch 1, …; {@link DataLoader.epoch} yields a given one.
 * The content of an epoch depends on the seed and its number only, never on timing or on earlier reads.
 *
 * @throws ConfigError if an option is out of range.
 * @example
 * for await (const { x, y } of new DataLoader(train, { batchSize: 64, shuffle: true, seed: 1 })) await step(x, y);
 */
export class DataLoader implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Number of batches per epoch. */
  readonly length: number;
  readonly #options: LoaderOptions;
  readonly #prefetch: number;
  readonly #order: RandomStream;
  readonly #augment: RandomStream;
  #nextEpoch = 0;

  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    checkLoader([dataset, options]);
    const { batchSize = 32, prefetch = 2, seed = 0, dropLast = false } = options;
    if (dropLast && dataset.length < batchSize) {
      throw new ConfigError(`[DataLoader] ${dataset.length} samples do not fill one batch of ${batchSize}`, {
        hint: `Choose a batch size up to ${dataset.length}`,
      });
    }
    if (options.bytes && (!dataset.bytes || options.augment)) {
      const problem = dataset.bytes ? "augment changes numbers, not bytes" : "the data set does not hold bytes";
      throw new ConfigError(`[DataLoader] ${problem}`, { hint: "Leave bytes out, or augment inside the step" });
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#options = options;
    this.#prefetch = prefetch;
    this.#order = new RandomStream(seed, "data.order");
    this.#augment = new RandomStream(seed, "data.augment");
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    return this.epoch(this.#nextEpoch++);
  }

  /**
   * The batches of one epoch. Leaving the loop early stops prefetching; an error in the data set is thrown in the loop.
   *
   * @param number the epoch, from 0.
   */
  async *epoch(number: number, { first = 0 }: EpochOptions = {}): AsyncGenerator<Batch, void, void> {
    const { shuffle = false } = this.#options;
    const order = shuffle ? this.#order.permutation(this.dataset.length, number) : undefined;
    const queue: Pending[] = [];
    let started = first;
    try {
      for (let i = first; i < this.length; i++) {
        while (started < this.length && started <= i + this.#prefetch) {
          const sample = started * this.batchSize;
          queue.push(later(() => this.#make(sample, order, number)));
          started++;
        }
        const batch = await (queue.shift() as Pending).result;
        yield batch;
      }
    } finally {
      await Promise.all(queue.map((pending) => pending.stop()));
    }
  }

  async #make(first: number, order: Int32Array | undefined, epoch: number): Promise<Batch> {
    const { dataset, batchSize } = this;
    const { padLast = false, augment, bytes = false } = this.#options;
    const count = Math.min(batchSize, dataset.length - first);
    const size = padLast ? batchSize : count;
    const indices = Int32Array.from({ length: size }, (_, i) => {
      const position = first + Math.min(i, count - 1);
      return order ? order[position] : position;
    });
    const shape = [size, ...dataset.sampleShape];
    if (bytes && dataset.bytes) {
      const { x, y } = await dataset.bytes(indices);
      return { x: tensor(x, { shape }), y: this.#labels(y, indices), count };
    }
    const { x, y } = await dataset.batch(indices);
    augment?.(x, dataset.sampleShape, (sample, draw) =>
      this.#augment.uniform(epoch, (first + sample) * drawsPerSample + draw),
    );
    return { x: tensor(x, { shape }), y: this.#labels(y, indices), count };
  }

  /**
   * The labels of a batch as a tensor; throws if one is not a class index, which would give a loss of NaN on the
   * device.
   */
  #labels(labels: ArrayLike<number>, indices: ArrayLike<number>): Tensor {
    const { length } = this.dataset.classes;
    for (let i = 0; i < labels.length; i++) {
      if (!isClass(labels[i], length)) throw labelError("DataLoader", labels[i], indices[i], length);
    }
    return tensor(Int32Array.from(labels));
  }
}

checkMethods(DataLoader, { epoch: takes<EpochOptions>({ number: count(0) }, { first: count(0) }) });

/** Number of random numbers that an augmentation may draw per sample. */
const drawsPerSample = 16;

/**
 * A scheduled task of the next turn of the event loop, so that a step already submitted to the device runs meanwhile.
 */
interface Pending {
  readonly result: Promise<Batch>;
  /** Cancels the task if it has not started; otherwise awaits it. */
  stop(): Promise<void>;
}

function later(work: () => Promise<Batch>): Pending {
  let cancel: (() => void) | undefined;
  const result = new Promise<Batch>((resolve, reject) => {
    cancel = nextTurn(() => {
      cancel = undefined;
      work().then(resolve, reject);
    });
  });
  const settled = result.then(
    () => undefined,
    () => undefined, // the loop throws the error when it reaches this batch
  );
  return {
    result,
    async stop() {
      if (cancel) cancel();
      else await settled;
    },
  };
}
