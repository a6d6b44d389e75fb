/**
 * A folder of class folders as data sets: listing, decoding and parts in one call. It must not know training.
 */
import { totalmem } from "node:os";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { callback, type Kind, range, size2d, text } from "../util/kinds.js";
import type { SplitRole } from "./dataset.js";
import { ImageFolderDataset } from "./folder-dataset.js";
import { type FolderList, type FolderPart, listFolder } from "./folder-list.js";
import type { DecodeSettings } from "./image.js";
import { type DecodeProgress, openPixels, type Pixels } from "./pixel-cache.js";

/** How {@link loadImageFolder} reads. */
export interface ImageFolderOptions {
  /**
   * Height and width in pixels, each from 1, or one number for both. Images are resized to cover it and cut about
   * their centre, as torchvision's `Resize(size)` and `CenterCrop(size)` do. Default: the size that all images have.
   */
  readonly size?: number | readonly [height: number, width: number];
  /** 1: grey, which colour images cannot be; 3: RGB. Default: grey if all images are. */
  readonly channels?: 1 | 3;
  /** Pixels up to this many bytes are held in memory, more are streamed from disk; default a quarter of the memory. */
  readonly memoryBytes?: number;
  /** Where decoded pixels are kept; default `pixels` in the user's cache folder (see `FOVEA_CACHE`). */
  readonly cache?: string;
  /** Called as files are decoded, never when the cache has them. */
  readonly onProgress?: (progress: DecodeProgress) => void;
}

/** A file that is in no data set, and why. */
export interface SkippedFile {
  /** From the folder, with `/`. */
  readonly file: string;
  readonly reason: string;
}

/** The data sets of a folder: `all`, or `train` with `validation`, `test` or both. */
export interface ImageFolder {
  readonly all?: ImageFolderDataset<"all">;
  readonly train?: ImageFolderDataset<"train">;
  readonly validation?: ImageFolderDataset<"validation">;
  readonly test?: ImageFolderDataset<"test">;
  readonly skipped: readonly SkippedFile[];
  /** How many files were left out because they are no JPEG, PNG or WebP by their ending, such as `.txt`. */
  readonly ignored: ReadonlyMap<string, number>;
  readonly settings: DecodeSettings;
  /** Equal for folders with the same names and file sizes. */
  readonly fingerprint: string;
  /** Whether the pixels are in memory; otherwise they are read as they are needed. */
  readonly inMemory: boolean;
  /** Seconds that decoding took; absent when the cache had the images. */
  readonly decodeSeconds?: number;
}

const channelsKind: Kind = { name: "1 or 3", accepts: (value) => value === 1 || value === 3 };
const memoryShare = 0.25;

/**
 * Reads a folder of JPEG, PNG and WebP images, `root/<class>/…` or `root/{train,val,test}/<class>/…`. Files are decoded
 * in parallel, once: their pixels are kept in a cache that later runs use. Files that cannot be decoded are left out and
 * listed.
 *
 * @throws ConfigError when an option is out of range.
 * @throws DataError when the folder has no classes, a class has no images, sizes are mixed and none is given, or more
 *   than half of the files cannot be decoded.
 * @example
 * const { all, skipped } = await loadImageFolder("animals", { size: 8 });
 * all?.classes; // ["cat","dog"]
 */
export const loadImageFolder = checked(
  "loadImageFolder",
  takes<ImageFolderOptions>(
    { root: text },
    { size: size2d(), channels: channelsKind, memoryBytes: range(0, Infinity), cache: text, onProgress: callback },
  ),
  async (root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> => {
    const { memoryBytes = totalmem() * memoryShare, channels, cache, onProgress } = options;
    const size = sizeOf(options.size);
    const list = await listFolder(root);
    const paths = list.parts.flatMap((part) => part.paths);
    const pixels = await openPixels({ root, paths }, { size, channels }, { memoryBytes, cache, onProgress });
    const { settings, fingerprint, store, decodeSeconds, skipped } = pixels;
    const parts = partsOf(list, pixels);
    return {
      all: parts.all && datasetOf(list, pixels, parts.all, "all"),
      train: parts.train && datasetOf(list, pixels, parts.train, "train"),
      validation: parts.val && datasetOf(list, pixels, parts.val, "validation"),
      test: parts.test && datasetOf(list, pixels, parts.test, "test"),
      skipped: skipped.map(([index, reason]) => ({ file: paths[index], reason })),
      ignored: list.ignored,
      settings,
      fingerprint,
      inMemory: store.inMemory,
      decodeSeconds,
    };
  },
);

function sizeOf(size: ImageFolderOptions["size"]): readonly [number, number] | undefined {
  if (size === undefined) return undefined;
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return [height, width];
}

/** Samples of one part. */
interface Samples {
  readonly samples: Int32Array;
  readonly labels: Int32Array;
}

/** What is left of each part without the files that were skipped. */
function partsOf(list: FolderList, { skipped }: Pixels): Partial<Record<FolderPart, Samples>> {
  const bad = new Set(skipped.map(([index]) => index));
  const parts: Partial<Record<FolderPart, Samples>> = {};
  let first = 0;
  for (const { part, paths, labels } of list.parts) {
    const kept = Int32Array.from(paths.keys()).filter((i) => !bad.has(first + i));
    const offset = first;
    parts[part] = { samples: kept.map((i) => offset + i), labels: kept.map((i) => labels[i]) };
    checkClasses(list, labels, parts[part].labels);
    first += paths.length;
  }
  return parts;
}

function checkClasses({ root, classes }: FolderList, before: Int32Array, after: Int32Array): void {
  const left = new Set(after);
  const lost = before.find((label) => !left.has(label));
  if (lost === undefined) return;
  throw new DataError(`[data] no image of the class ${classes[lost]} in ${root} can be decoded`, {
    hint: "Check how they were made or copied, or remove the folder",
  });
}

function datasetOf<Role extends SplitRole>(
  { classes }: FolderList,
  { settings, store }: Pixels,
  { samples, labels }: Samples,
  role: Role,
): ImageFolderDataset<Role> {
  const { channels, size } = settings;
  return new ImageFolderDataset({ store, samples, labels, sampleShape: [channels, ...size], classes, role });
}
