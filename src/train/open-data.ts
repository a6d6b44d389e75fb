/**
 * From the name that a user gives to a training and a test set. It must not know models or what the sets are used for.
 */
import { stat } from "node:fs/promises";
import {
  type ArrayDataset,
  loadFashionMnist,
  loadIdxFolder,
  loadMnist,
  stratifiedSplit,
  type TrainAndTest,
} from "../data/index.js";
import { ConfigError } from "../util/errors.js";
import { datasetNames } from "./config.js";
import { nearest } from "./nearest.js";

/** How a set that comes in one piece is divided. */
export interface Split {
  readonly ratio: number;
  readonly seed: number;
}

/** A training and a test set, and how they came about. */
export interface OpenedData extends TrainAndTest {
  /** Absent when the two came separately. */
  readonly split?: Split;
}

/**
 * Opens `mnist`, `fashion-mnist`, or a folder of IDX files.
 *
 * @param name a data set or a folder.
 * @param split used for a set that comes in one piece.
 * @throws ConfigError when there is no such data set or folder; DataError when it is incomplete or damaged.
 * @example
 * const { train, test } = await openData("mnist", { ratio: 0.8, seed: 0 });
 */
export async function openData(name: string, split: Split): Promise<OpenedData> {
  if (name === "mnist") return divide(await loadMnist(), split);
  if (name === "fashion-mnist") return loadFashionMnist();
  const found = await stat(name).catch(() => undefined);
  if (found) return loadIdxFolder(name);
  const meant = nearest(name, datasetNames);
  throw new ConfigError(`[data] there is no data set or folder ${name}`, {
    hint: meant ? `Did you mean ${meant}?` : `Known are ${datasetNames.join(", ")}, and any folder of IDX files`,
  });
}

function divide(all: ArrayDataset, split: Split): OpenedData {
  const { train, heldOut } = stratifiedSplit(all, split);
  return { train, test: heldOut, split };
}
