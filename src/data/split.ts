/**
 * Seeded splitting of a data set in two, with equal shares of every class. It must not know where the data came from.
 */
import { checked, takes } from "../util/arguments.js";
import { ConfigError, DataError } from "../util/errors.js";
import { number, whole, word } from "../util/kinds.js";
import type { ArrayDataset, Dataset } from "./dataset.js";
import type { ImageFolderDataset } from "./folder-dataset.js";
import { datasetKind } from "./kinds.js";
import { RandomStream } from "./random.js";

/** The options of {@link stratifiedSplit}. */
export interface SplitOptions<HeldOut extends "validation" | "test"> {
  /** Share of the samples in `train`; default 0.8, between 0 and 1. */
  readonly ratio?: number;
  /** Seed of the shuffle; default 0. */
  readonly seed?: number;
  /** Role of the held-out part; default `test`. */
  readonly heldOut?: HeldOut;
}

/** The type of {@link stratifiedSplit}: the parts have the class of the whole. */
interface StratifiedSplit {
  <HeldOut extends "validation" | "test" = "test">(
    dataset: ArrayDataset,
    options?: SplitOptions<HeldOut>,
  ): { train: ArrayDataset<"train">; heldOut: ArrayDataset<HeldOut> };
  <HeldOut extends "validation" | "test" = "test">(
    dataset: ImageFolderDataset,
    options?: SplitOptions<HeldOut>,
  ): { train: ImageFolderDataset<"train">; heldOut: ImageFolderDataset<HeldOut> };
}

/**
 * Splits into a training part and a held-out part, so that each class is divided in the same ratio. Sizes are exact:
 * `train` gets `round(ratio · N)` samples; the remainder of rounding goes to the classes with the largest remainders.
 *
 * @throws DataError if the data set is itself a held-out part, ConfigError if the ratio leaves a part empty.
 * @example
 * const { train, heldOut } = stratifiedSplit(digits, { ratio: 0.8, seed: 0 });
 */
export const stratifiedSplit: StratifiedSplit = checked(
  "stratifiedSplit",
  takes<SplitOptions<"test">>(
    { dataset: datasetKind },
    { ratio: number, seed: whole, heldOut: word(["validation", "test"]) },
  ),
  split,
) as StratifiedSplit;

function split(
  dataset: ArrayDataset | ImageFolderDataset,
  options: SplitOptions<"validation" | "test"> = {},
): { train: Dataset; heldOut: Dataset } {
  const { ratio = 0.8, seed = 0, heldOut = "test" } = options;
  if (dataset.role !== "all" && dataset.role !== "train") {
    throw new DataError(`[split] a ${dataset.role} set must not be used for training`, {
      hint: "Split the whole set or its training part",
    });
  }
  const trainSize = Math.round(ratio * dataset.length);
  if (!(trainSize > 0 && trainSize < dataset.length)) {
    throw new ConfigError(`[split] a ratio of ${ratio} leaves a part of ${dataset.length} samples empty`, {
      hint: "Choose a ratio between 0 and 1, such as 0.8",
    });
  }
  const classes = samplesByClass(dataset);
  const sizes = shares(
    classes.map((indices) => indices.length),
    trainSize,
  );
  const random = new RandomStream(seed, "data.split");
  const parts: [number[], number[]] = [[], []];
  for (const [label, indices] of classes.entries()) {
    const order = random.permutation(indices.length, label);
    for (const [rank, position] of order.entries()) parts[rank < sizes[label] ? 0 : 1].push(indices[position]);
  }
  return { train: dataset.subset(parts[0], "train"), heldOut: dataset.subset(parts[1], heldOut) };
}

function samplesByClass(dataset: ArrayDataset | ImageFolderDataset): number[][] {
  const classes: number[][] = dataset.classes.map(() => []);
  for (const [index, label] of dataset.labels.entries()) classes[label].push(index);
  return classes;
}

/** Divides `total` in proportion to `counts`, in whole numbers (largest remainder; ties to the lower class). */
function shares(counts: readonly number[], total: number): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (count * total) / all);
  const sizes = exact.map(Math.floor);
  const left = total - sizes.reduce((sum, size) => sum + size, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b] - sizes[b] - (exact[a] - sizes[a]) || a - b);
  for (const label of byRemainder.slice(0, left)) sizes[label]++;
  return sizes;
}
