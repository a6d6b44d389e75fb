/**
 * A folder of class folders as data sets: lists, decodes and divides it in one call. It must not know training.
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

/** The options of {@link loadImageFolder}. */
export interface ImageFolderOptions {
  /**
   * Height and width in pixels, each from 1, or one number for both. Images are resized to cover it and cropped around
   * their centre, as by torchvision's `Resize(size)` and `CenterCrop(size)`. Default: the size that all images have.
   */
  readonly size?: number | readonly [height: number, width: number];
  /** Number of channels, 1: grey, an error for colour images; 3: RGB. Default: 1 if all images are grey, else 3. */
  readonly channels?: 1 | 3;
  /** Limit in bytes up to which pixels are held in memory; more are read on demand. Default a quarter of the memory. */
  readonly memoryBytes?: number;
  /** Folder of the decoded pixels; default `pixels` in the user's cache folder (see `FOVEA_CACHE`). */
  readonly cache?: string;
  /** Called with the progress of decoding; never called if the cache has the pixels. */
  readonly onProgress?: (progress: DecodeProgress) => void;
}

/** A file that is in no data set, and the reason. */
export interface SkippedFile {
  /** Path relative to the folder, with `/`. */
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
  /** Number of files left out by ending, because they are no JPEG, PNG or WebP by their ending, such as `.txt`. */
  readonly ignored: ReadonlyMap<string, number>;
  readonly settings: DecodeSettings;
  /** Hash of names and sizes of the files: equal for folders with the same images. */
  readonly fingerprint: string;
  /** Whether the pixels are in memory; otherwise they are read on demand. */
  readonly inMemory: boolean;
  /** Time that decoding took in seconds; absent if the cache had the images. */
  readonly decodeSeconds?: number;
}

const channelsKind: Kind = { name: "1 or 3", accepts: (value) => value === 1 || value === 3 };
const memoryShare = 0.25;

/**
 * Reads a folder of JPEG, PNG and WebP images, `root/<class>/…` or `root/{train,val,test}/<class>/…`. Files are decoded
 * once, in parallel; their pixels are cached for later runs. Files that cannot be decoded are left out and listed.
 *
 * @throws ConfigError if an option is out of range.
 * @throws DataError if the folder has no classes, a class has no images, sizes differ and none is requested, or more
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

/** The samples of one part. */
interface Samples {
  readonly samples: Int32Array;
  readonly labels: Int32Array;
}

/** The samples of each part, without the files that were skipped. */
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
