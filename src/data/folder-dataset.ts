/**
 * A data set of decoded images: bytes `[H, W, C]` by index become standardised `[C, H, W]`. It must not know where the
 * bytes are stored or what they were decoded from.
 */
import { checkMethods, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { indices, number } from "../util/kinds.js";
import type { Dataset, HostBatch, Sample, SplitRole, Standardisation } from "./dataset.js";
import { classesKind, roleKind, standardisationKind } from "./kinds.js";
import type { PixelStore } from "./pixel-store.js";

/** The parts of an {@link ImageFolderDataset}. */
export interface FolderParts<Role extends SplitRole> {
  readonly store: PixelStore;
  /** Index of each sample in the store, [N]. */
  readonly samples: Int32Array;
  /** Classes as whole numbers from 0, [N]. */
  readonly labels: Int32Array;
  /** Shape of one sample, [C, H, W]. */
  readonly sampleShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly role: Role;
  readonly standardisation?: Standardisation;
}

/** Number of values of a byte. */
const levels = 256;

/**
 * The images of a folder, made by `loadImageFolder`. `x = (pixel / 255 − mean[c]) / std[c]`; `batch` returns an array
 * if the pixels are in memory, and a promise if they are read from the cache.
 *
 * @example
 * const { all } = await loadImageFolder("animals", { size: 8 });
 * all?.sampleShape; // [3, 8, 8]
 */
export class ImageFolderDataset<Role extends SplitRole = SplitRole> implements Dataset {
  readonly length: number;
  readonly sampleShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly role: Role;
  readonly labels: Int32Array;
  /** Factor on every byte. */
  readonly scale: number = 1 / 255;
  readonly standardisation: Standardisation | undefined;
  readonly #parts: FolderParts<Role>;
  /** The standardised value of each byte in each channel, [C, 256]. */
  readonly #table: Float32Array;

  constructor(parts: FolderParts<Role>) {
    const { labels, sampleShape, classes, role, standardisation } = parts;
    this.#parts = parts;
    this.length = labels.length;
    this.sampleShape = sampleShape;
    this.classes = classes;
    this.role = role;
    this.labels = labels;
    this.standardisation = standardisation;
    const { mean, std } = standardisation ?? { mean: [], std: [] };
    this.#table = Float32Array.from({ length: sampleShape[0] * levels }, (_, i) => {
      const channel = Math.floor(i / levels);
      return ((i % levels) * this.scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    });
  }

  async get(index: number): Promise<Sample> {
    const { x, y } = await this.batch([index]);
    return { x, y: y[0] };
  }

  batch(indices: ArrayLike<number>): HostBatch | Promise<HostBatch> {
    return this.#read(indices, (bytes, starts) => this.#convert(bytes, starts));
  }

  /** The samples at `indices` as {@link ImageFolderDataset.batch} has them, but without scale and standardisation. */
  bytes(indices: ArrayLike<number>): HostBatch<Uint8Array> | Promise<HostBatch<Uint8Array>> {
    return this.#read(indices, (bytes, starts) => this.#planes(bytes, starts));
  }

  #read<Pixels extends Float32Array | Uint8Array>(
    indices: ArrayLike<number>,
    convert: (bytes: Uint8Array, starts: Float64Array) => Pixels,
  ): HostBatch<Pixels> | Promise<HostBatch<Pixels>> {
    const { store, samples } = this.#parts;
    const wanted = new Int32Array(indices.length);
    const y = new Int32Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i];
      if (!(index in samples)) throw new DataError(`[data] there is no sample ${index}: there are ${this.length}`);
      wanted[i] = samples[index];
      y[i] = this.labels[index];
    }
    const read = store.read(wanted);
    if (read instanceof Promise) return read.then(({ bytes, starts }) => ({ x: convert(bytes, starts), y }));
    return { x: convert(read.bytes, read.starts), y };
  }

  /**
   * The samples at `indices`, in that order, as a data set of its own; no pixels are copied.
   *
   * @param role the use of the subset.
   */
  subset<PartRole extends SplitRole>(indices: ArrayLike<number>, role: PartRole): ImageFolderDataset<PartRole> {
    const { samples, labels } = this.#parts;
    const part = { samples: pick(samples, indices), labels: pick(labels, indices), role };
    return new ImageFolderDataset({ ...this.#parts, ...part });
  }

  /** The same samples in another role, such as a validation part as the test part. */
  as<PartRole extends SplitRole>(role: PartRole): ImageFolderDataset<PartRole> {
    return new ImageFolderDataset({ ...this.#parts, role });
  }

  /**
   * The same samples with labels that index other class names, such as those of a trained model.
   *
   * @throws DataError if a class is not among them.
   */
  relabel(classes: readonly string[]): ImageFolderDataset<Role> {
    const numbers = this.classes.map((name) => classes.indexOf(name));
    const unknown = numbers.indexOf(-1);
    if (unknown >= 0) {
      throw new DataError(`[data] the class ${this.classes[unknown]} is unknown; known are ${classes.join(", ")}`, {
        hint: "The folders must have the names of the classes",
      });
    }
    return new ImageFolderDataset({ ...this.#parts, classes, labels: this.labels.map((label) => numbers[label]) });
  }

  /** The same samples, standardised; compute the statistics by {@link fitStandardisation}. */
  standardise(standardisation: Standardisation): ImageFolderDataset<Role> {
    const channels = this.sampleShape[0];
    if (standardisation.mean.length !== channels || standardisation.std.length !== channels) {
      throw new DataError(`[data] statistics of ${standardisation.mean.length} channels for images of ${channels}`);
    }
    return new ImageFolderDataset({ ...this.#parts, standardisation });
  }

  /** Transposes `[N, H, W, C]` bytes to `[N, C, H, W]`. */
  #planes(bytes: Uint8Array, starts: Float64Array): Uint8Array {
    const [channels, height, width] = this.sampleShape;
    const plane = height * width;
    const x = new Uint8Array(starts.length * channels * plane);
    for (let n = 0, at = 0; n < starts.length; n++) {
      for (let c = 0; c < channels; c++) {
        for (let p = 0, from = starts[n] + c; p < plane; p++, from += channels) x[at++] = bytes[from];
      }
    }
    return x;
  }

  /** Transposes and standardises `[N, H, W, C]` bytes to `[N, C, H, W]` floats. */
  #convert(bytes: Uint8Array, starts: Float64Array): Float32Array {
    const [channels, height, width] = this.sampleShape;
    const plane = height * width;
    const table = this.#table;
    const x = new Float32Array(starts.length * channels * plane);
    for (let n = 0, at = 0; n < starts.length; n++) {
      for (let c = 0; c < channels; c++) {
        const offset = c * levels;
        for (let p = 0, from = starts[n] + c; p < plane; p++, from += channels) x[at++] = table[offset + bytes[from]];
      }
    }
    return x;
  }
}

function pick(values: Int32Array, indices: ArrayLike<number>): Int32Array {
  return Int32Array.from(indices, (index) => values[index]);
}

checkMethods(ImageFolderDataset, {
  get: takes({ index: number }),
  batch: takes({ indices }),
  bytes: takes({ indices }),
  subset: takes({ indices, role: roleKind }),
  as: takes({ role: roleKind }),
  relabel: takes({ classes: classesKind }),
  standardise: takes({ standardisation: standardisationKind }),
});
