/**
 * Data sets: the interface that a loader needs, and data sets in memory. It must not know file formats or tensors.
 */
import type { TypedArray } from "../tensor/index.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { indices, type Kind, needed, number } from "../util/kinds.js";
import { classesKind, roleKind, sampleShapeKind, standardisationKind } from "./kinds.js";

/** The use of a data set: statistics are computed from `train` only, and only `all` and `train` are split. */
export type SplitRole = "all" | "train" | "validation" | "test";

/** One image and its class. `x`: [C, H, W], ready for the model. */
export interface Sample {
  readonly x: TypedArray;
  readonly y: number;
}

/** Several samples in one array each. `x`: [B, C, H, W]; `y`: [B]. */
export interface HostBatch<Pixels extends Float32Array | Uint8Array = Float32Array> {
  readonly x: Pixels;
  readonly y: Int32Array;
}

/**
 * Labelled images by index. `batch` of a data set that reads files returns a promise, which the loader awaits.
 */
export interface Dataset {
  /** Number of samples. */
  readonly length: number;
  /** Shape of one sample, [C, H, W]. */
  readonly sampleShape: readonly [number, number, number];
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  readonly role: SplitRole;
  get(index: number): Sample | Promise<Sample>;
  batch(indices: ArrayLike<number>): HostBatch | Promise<HostBatch>;
  /** The same samples as stored bytes, before scale and standardisation; absent if they are not stored as bytes. */
  readonly bytes?: (indices: ArrayLike<number>) => HostBatch<Uint8Array> | Promise<HostBatch<Uint8Array>>;
  /** Factor on every byte; default 1/255. */
  readonly scale?: number;
}

/** Whether a label is a class index below `classes`. */
export const isClass = (label: number, classes: number): boolean =>
  Number.isInteger(label) && label >= 0 && label < classes;

/** The error for a label that is not a class index. */
export const labelError = (op: string, label: number, sample: number, classes: number): DataError =>
  new DataError(`[${op}] label ${label} of sample ${sample} is none of the ${classes} classes`, {
    hint: `Labels are whole numbers from 0 to ${classes - 1}`,
  });

/** Mean and standard deviation per channel, of pixels scaled to [0, 1]. */
export interface Standardisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The typed arrays that pixels may be passed in. */
export type PixelArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** The options of an {@link ArrayDataset}. */
export interface ArrayDatasetOptions<Role extends SplitRole = SplitRole> {
  /** Pixels, [N, C, H, W]. */
  readonly images: PixelArray;
  /** Classes as whole numbers from 0, [N]. */
  readonly labels: ArrayLike<number>;
  /** Shape of one sample, [C, H, W]. */
  readonly sampleShape: readonly [number, number, number];
  /** Class names; default: the numbers from 0 to the largest label. */
  readonly classes?: readonly string[];
  readonly role: Role;
  /** Factor on every pixel; default 1/255 for bytes, else 1. */
  readonly scale?: number;
  /** Mean and standard deviation to standardise by, applied after `scale`; default: none. */
  readonly standardisation?: Standardisation;
}

const numbersKind: Kind = {
  name: "an array of numbers",
  accepts: (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && Symbol.iterator in value),
};
const checkArrays = checkedConstructor(
  "ArrayDataset",
  takes<ArrayDatasetOptions>(
    {},
    {
      images: needed({
        name: "a typed array",
        accepts: (value) => ArrayBuffer.isView(value) && Symbol.iterator in value,
      }),
      labels: needed(numbersKind),
      sampleShape: needed(sampleShapeKind),
      classes: classesKind,
      role: needed(roleKind),
      scale: number,
      standardisation: standardisationKind,
    },
  ),
);

/**
 * A data set over arrays in memory. `x = (pixel · scale − mean[c]) / std[c]`.
 *
 * @throws DataError if the numbers of pixels and labels do not match, or a label is not a class index.
 * @example
 * const tiny = new ArrayDataset({
 *   images: Uint8Array.of(0, 255, 255, 0), labels: [0, 1], sampleShape: [1, 1, 2], role: "train",
 * });
 * tiny.get(1); // { x: Float32Array [1, 0], y: 1 }
 */
export class ArrayDataset<Role extends SplitRole = SplitRole> implements Dataset {
  readonly length: number;
  readonly sampleShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly role: Role;
  readonly labels: Int32Array;
  readonly images: PixelArray;
  readonly scale: number;
  readonly standardisation: Standardisation | undefined;
  readonly bytes: ((indices: ArrayLike<number>) => HostBatch<Uint8Array>) | undefined;
  /** The standardised value of each byte in each channel, [C, 256]; undefined if pixels are not stored as bytes. */
  readonly #table: Float32Array | undefined;

  constructor(options: ArrayDatasetOptions<Role>) {
    checkArrays([options]);
    const { images, labels, sampleShape, role, standardisation } = options;
    this.images = images;
    this.sampleShape = sampleShape;
    this.role = role;
    this.scale = options.scale ?? (images instanceof Uint8Array ? 1 / 255 : 1);
    this.standardisation = standardisation;
    this.length = labels.length;
    this.labels = Int32Array.from(labels);
    const sampleSize = sizeOf(sampleShape);
    if (images.length !== labels.length * sampleSize) {
      const expected = `${labels.length} labels of [${sampleShape.join(", ")}] need ${labels.length * sampleSize}`;
      throw new DataError(`[data] there are ${images.length} pixel values, but ${expected}`, {
        hint: "Check that images and labels belong together",
      });
    }
    this.classes = options.classes ?? classNumbers(this.labels);
    const { length } = this.classes;
    const wrong = Array.from(labels).findIndex((label) => !isClass(label, length));
    if (wrong >= 0) throw labelError("ArrayDataset", labels[wrong], wrong, length);
    if (!(images instanceof Uint8Array)) return;
    this.#table = byteTable(sampleShape[0], (v, c) => this.#value(v, c));
    this.bytes = (indices) => {
      const y = this.#labelsOf(indices);
      const x = new Uint8Array(indices.length * sampleSize);
      for (let i = 0; i < indices.length; i++) {
        x.set(images.subarray(indices[i] * sampleSize, (indices[i] + 1) * sampleSize), i * sampleSize);
      }
      return { x, y };
    };
  }

  get(index: number): Sample {
    const { x, y } = this.batch([index]);
    return { x, y: y[0] };
  }

  batch(indices: ArrayLike<number>): HostBatch {
    const [channels, height, width] = this.sampleShape;
    const plane = height * width;
    const x = new Float32Array(indices.length * channels * plane);
    const y = this.#labelsOf(indices);
    for (let i = 0; i < indices.length; i++) {
      for (let c = 0; c < channels; c++) {
        const from = (indices[i] * channels + c) * plane;
        this.#convert(this.images, from, c, x.subarray((i * channels + c) * plane, (i * channels + c + 1) * plane));
      }
    }
    return { x, y };
  }

  /**
   * The samples at `indices`, in that order, as a data set of its own.
   *
   * @param role the use of the subset.
   */
  subset<PartRole extends SplitRole>(indices: ArrayLike<number>, role: PartRole): ArrayDataset<PartRole> {
    const sampleSize = sizeOf(this.sampleShape);
    const images = this.images.slice(0, indices.length * sampleSize);
    const labels = new Int32Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      images.set(this.images.subarray(indices[i] * sampleSize, (indices[i] + 1) * sampleSize), i * sampleSize);
      labels[i] = this.labels[indices[i]];
    }
    return new ArrayDataset({ ...this.#options(), images, labels, role });
  }

  /** The same samples, standardised; compute the statistics by {@link fitStandardisation}. */
  standardise(standardisation: Standardisation): ArrayDataset<Role> {
    const channels = this.sampleShape[0];
    if (standardisation.mean.length !== channels || standardisation.std.length !== channels) {
      throw new DataError(`[data] statistics of ${standardisation.mean.length} channels for images of ${channels}`);
    }
    return new ArrayDataset({ ...this.#options(), standardisation });
  }

  /** The labels at `indices`; throws if an index is out of range. */
  #labelsOf(indices: ArrayLike<number>): Int32Array {
    return Int32Array.from(indices, (index) => {
      if (index in this.labels) return this.labels[index];
      throw new DataError(`[data] there is no sample ${index}: there are ${this.length}`);
    });
  }

  #options(): ArrayDatasetOptions<Role> {
    const { images, labels, sampleShape, classes, role, scale, standardisation } = this;
    return { images, labels, sampleShape, classes, role, scale, standardisation };
  }

  #value(pixel: number, channel: number): number {
    const { mean, std } = this.standardisation ?? { mean: [], std: [] };
    return (pixel * this.scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  }

  /** Converts one channel of one image from stored to standardised pixels. */
  #convert(pixels: PixelArray, from: number, channel: number, out: Float32Array): void {
    if (this.#table) {
      const offset = channel * 256;
      for (let i = 0; i < out.length; i++) out[i] = this.#table[offset + pixels[from + i]];
    } else {
      for (let i = 0; i < out.length; i++) out[i] = this.#value(pixels[from + i], channel);
    }
  }
}

checkMethods(ArrayDataset, {
  get: takes({ index: number }),
  batch: takes({ indices }),
  subset: takes({ indices, role: roleKind }),
  standardise: takes({ standardisation: standardisationKind }),
});

function byteTable(channels: number, value: (byte: number, channel: number) => number): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, i) => value(i % 256, Math.floor(i / 256)));
}

function classNumbers(labels: Int32Array): string[] {
  const largest = labels.reduce((a, b) => Math.max(a, b), -1);
  return Array.from({ length: largest + 1 }, (_, i) => String(i));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
