/**
 * Opens a training and a test set by a data set's name or a folder. It must not know models or what the sets are used
 * for.
 */
import { readdir } from "node:fs/promises";
import {
  type ArrayDataset,
  type DecodeProgress,
  hasClassFolders,
  type ImageFolder,
  type ImageFolderDataset,
  loadFashionMnist,
  loadIdxFolder,
  loadImageFolder,
  loadMnist,
  type SplitRole,
  stratifiedSplit,
} from "../data/index.js";
import { ConfigError, DataError } from "../util/errors.js";
import { nearest } from "../util/spelling.js";
import { datasetNames, type RunConfig } from "./config.js";

/** Ratio and seed of the split of a data set without a test part. */
export interface Split {
  readonly ratio: number;
  readonly seed: number;
}

/** A set in either form: arrays, or images of a folder. */
export type AnySet<Role extends SplitRole> = ArrayDataset<Role> | ImageFolderDataset<Role>;

/** A training and a test set, and where they came from. */
export interface OpenedData {
  readonly train: AnySet<"train">;
  /** Data set scored after each epoch; only a folder that has all three parts has one. */
  readonly validation?: AnySet<"validation">;
  readonly test: AnySet<"test">;
  /** The split applied; absent if training and test set came separately. */
  readonly split?: Split;
  /** The listing of a folder of images; absent for other data. */
  readonly folder?: ImageFolder;
  /** Warnings about the data that the user should see. */
  readonly warnings: readonly string[];
}

/** Options for reading a folder of images; ignored for other data. */
export interface Reading {
  readonly size?: readonly [height: number, width: number];
  readonly memoryBytes?: number;
  readonly onProgress?: (progress: DecodeProgress) => void;
}

/**
 * Opens `mnist`, `fashion-mnist`, a folder of class folders, or one of IDX files.
 *
 * @param name a data set or a folder.
 * @param split applied to a data set without a test part.
 * @throws ConfigError if there is no such data set or folder; DataError if it is incomplete or damaged.
 * @example
 * const { train, test } = await openData("mnist", { ratio: 0.8, seed: 0 });
 */
export async function openData(name: string, split: Split, reading: Reading = {}): Promise<OpenedData> {
  const kind = await kindOf(name);
  if (kind === "images") return divideFolder(name, await loadImageFolder(name, reading), split);
  if (reading.size) {
    throw new ConfigError(`[data] ${name} has images of one size, which cannot be changed`, {
      hint: "Leave out --size; it is for folders of JPEG, PNG and WebP files",
    });
  }
  if (kind === "fashion-mnist") return { ...(await loadFashionMnist()), warnings: [] };
  if (kind === "idx") return { ...(await loadIdxFolder(name)), warnings: [] };
  const { train, heldOut } = stratifiedSplit(await loadMnist(), split);
  return { train, test: heldOut, split, warnings: [] };
}

/**
 * Opens the data that a finished run is scored on: the test part, if there is one; of a folder without parts that the
 * run was trained on, the part that the run held out; of any other folder, all of it.
 *
 * @throws ConfigError, DataError as {@link openData} does, and if the run does not know a class.
 */
export async function openTestData(name: string, config: RunConfig): Promise<AnySet<"test">> {
  const split = config.data.split ?? { ratio: 0.8, seed: config.seed };
  if ((await kindOf(name)) !== "images") return (await openData(name, split)).test;
  const [channels, height, width] = config.input.shape;
  const resized = config.data.folder?.resize ?? true;
  const folder = await loadImageFolder(name, {
    size: resized ? [height, width] : undefined,
    channels: channels === 1 ? 1 : 3,
  });
  const { all, train, validation, test, fingerprint } = folder;
  const trainedOn = config.data.split !== undefined && config.data.folder?.fingerprint === fingerprint;
  const whole = all ?? train;
  const set = test ?? validation ?? (trainedOn && whole ? stratifiedSplit(whole, split).heldOut : whole);
  if (!set) throw new DataError(`[data] ${name} holds nothing to test on`);
  return set.relabel(config.input.classes).as("test");
}

async function kindOf(name: string): Promise<"mnist" | "fashion-mnist" | "idx" | "images"> {
  const known = datasetNames.find((dataset) => dataset === name);
  if (known) return known;
  const names = await readdir(name).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    return []; // a file or an unreadable folder: opening it throws the error
  });
  if (!names) {
    const meant = nearest(name, datasetNames);
    throw new ConfigError(`[data] there is no data set or folder ${name}`, {
      hint: meant
        ? `Did you mean ${meant}?`
        : `Known are ${datasetNames.join(", ")}, and any folder of class folders or of IDX files`,
    });
  }
  if (names.some((file) => /-ubyte(\.gz)?$/.test(file))) return "idx";
  return names.length > 0 && (await hasClassFolders(name)) ? "images" : "idx";
}

function divideFolder(name: string, folder: ImageFolder, split: Split): OpenedData {
  const { all, train, validation, test } = folder;
  const warnings = skipWarnings(folder);
  if (train && test) return { train, validation, test, folder, warnings };
  if (train && validation) return { train, test: validation.as("test"), folder, warnings };
  const whole = all ?? train;
  if (!whole) throw new DataError(`[data] ${name} has no images to train on`);
  const parts = stratifiedSplit(whole, split);
  return {
    train: parts.train,
    test: parts.heldOut,
    split,
    folder,
    warnings: [...warnings, ...splitWarnings(parts.train, parts.heldOut)],
  };
}

function skipWarnings({ skipped, all, train, validation, test }: ImageFolder): string[] {
  if (skipped.length === 0) return [];
  const kept = [all, train, validation, test].reduce((sum, set) => sum + (set?.length ?? 0), 0);
  const [{ file, reason }] = skipped;
  const count = `${skipped.length} of ${kept + skipped.length}`;
  return [`${count} images cannot be decoded and are left out, such as ${file}: ${reason}; see skipped.jsonl`];
}

/** A warning that names the classes too small to be in both parts; none if there are no such classes. */
function splitWarnings(train: AnySet<"train">, test: AnySet<"test">): string[] {
  const missing = (set: AnySet<SplitRole>) => {
    const there = new Set(set.labels);
    return set.classes.filter((_, label) => !there.has(label));
  };
  const say = (classes: readonly string[], kept: string, left: string) => {
    const more = classes.length > 3 ? ` and ${classes.length - 3} more` : "";
    const names = `${classes.slice(0, 3).join(", ")}${more}`;
    return `too few images to divide of ${names}: all are in the ${kept} part, none is in the ${left} part`;
  };
  const [untested, untrained] = [missing(test), missing(train)];
  return [
    ...(untested.length > 0 ? [say(untested, "training", "test")] : []),
    ...(untrained.length > 0 ? [say(untrained, "test", "training")] : []),
  ];
}
