/**
 * From a data set to batches of tensors: order, augmentation, prefetch. It must not know models or training.
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
  /** How many samples are real; smaller than B only in a last batch that was filled up by `padLast`. */
  readonly count: number;
}

/** How to form batches. */
export interface LoaderOptions {
  /** Samples per batch; default 32, from 1. */
  readonly batchSize?: number;
  /** A new random order in each epoch; default false. */
  readonly shuffle?: boolean;
  /** Decides order and augmentation; default 0. */
  readonly seed?: number;
  /** Leave out a last batch that is not full; default false. */
  readonly dropLast?: boolean;
  /** Fill a last batch that is not full by repeating its last sample, so that every batch has one shape; default false. */
  readonly padLast?: boolean;
  /** Batches made ahead of the consumer; default 2, from 0. */
  readonly prefetch?: number;
  /** Random changes to the images; default none. */
  readonly augment?: Augmentation;
  /**
   * Pixels as the bytes that the data set holds, neither scaled nor standardised: for steps that do it themselves, as
   * `standardise` does. A quarter of the copying, and none of the arithmetic; default false.
   */
  readonly bytes?: boolean;
}

/** Where an epoch begins. */
export interface EpochOptions {
  /** The batch to begin with, for an epoch that was left early; default 0, up to `length`. Those before are not made. */
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
 * Batches of a data set. Iterating it gives epoch 0, then epoch 1, …; {@link DataLoader.epoch} gives a certain one.
 * The content of each epoch depends on the seed and its number only, never on timing or on what was read before.
 *
 * @throws ConfigError when an option is out of range.
 * @example
 * for await (const { x, y } of new DataLoader(train, { batchSize: 64, shuffle: true, seed: 1 })) await step(x, y);
 */
export class DataLoader implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Batches per epoch. */
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
   * The batches of one epoch. Leaving the loop early ends all work; an error in the data set surfaces in the loop.
   *
   * @param number from 0.
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

  /** The labels of a batch, each of them a class: where they lie on a device, one that is none would give NaN. */
  #labels(labels: ArrayLike<number>, indices: ArrayLike<number>): Tensor {
    const { length } = this.dataset.classes;
    for (let i = 0; i < labels.length; i++) {
      if (!isClass(labels[i], length)) throw labelError("DataLoader", labels[i], indices[i], length);
    }
    return tensor(Int32Array.from(labels));
  }
}

checkMethods(DataLoader, { epoch: takes<EpochOptions>({ number: count(0) }, { first: count(0) }) });

/** Random numbers of one sample that an augmentation may draw. */
const drawsPerSample = 16;

/** Work that is due in the next turn of the event loop, so that a step already handed to the device runs beside it. */
interface Pending {
  readonly result: Promise<Batch>;
  /** Work that has not begun never will; work that has is waited for. */
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
    () => undefined, // it is the loop that reports errors, and only when it gets there
  );
  return {
    result,
    async stop() {
      if (cancel) cancel();
      else await settled;
    },
  };
}
