/** Statistics of a training split of any kind and size. It must not know file formats. */
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import type { Dataset, Standardisation } from "./dataset.js";
import { datasetKind } from "./kinds.js";

/** Deviations below this share of the mean may be due to rounding. */
const ROUNDING = 2 ** -20;
/** Number of samples read at once. */
const BATCH = 256;

/** A data set that statistics may be computed from: one of role `train`. */
export type TrainingSet = Dataset & { readonly role: "train" };

/**
 * Mean and standard deviation (of the population) per channel of a training split that is not standardised yet, read
 * once, batch by batch. Other roles are refused by the type checker and at run time, so that nothing of the test data
 * reaches the model.
 *
 * Formula: mean and sum of squared deviations of each batch, merged in float64 (Chan et al. 1979). A constant channel
 * gets deviation 1, so that only its mean is subtracted.
 *
 * @throws DataError if the data set is empty or not a training split.
 * @example
 * const statistics = await fitStandardisation(train);
 * const [trainSet, testSet] = [train.standardise(statistics), test.standardise(statistics)];
 */
export const fitStandardisation = checked(
  "fitStandardisation",
  takes({ train: datasetKind }),
  async (train: TrainingSet): Promise<Standardisation> => {
    const role: Dataset["role"] = train.role;
    if (role !== "train" || train.length === 0) {
      const problem = role === "train" ? "an empty training split" : `a data set of role "${role}"`;
      throw new DataError(`[data] statistics cannot come from ${problem}`, {
        hint: "Split first, then pass the train part",
      });
    }
    const [channels, height, width] = train.sampleShape;
    const plane = height * width;
    const mean = new Array<number>(channels).fill(0);
    const squares = new Array<number>(channels).fill(0);
    let seen = 0;
    for (let first = 0; first < train.length; first += BATCH) {
      const indices = Int32Array.from({ length: Math.min(BATCH, train.length - first) }, (_, i) => first + i);
      // Sums of bytes are exact, so stored bytes are preferred.
      const { x } = await (train.bytes ? train.bytes(indices) : train.batch(indices));
      const added = indices.length * plane;
      for (let c = 0; c < channels; c++) {
        const [batchMean, batchSquares] = momentsOf(x, c, channels, plane);
        const step = batchMean - mean[c];
        mean[c] += (step * added) / (seen + added);
        squares[c] += batchSquares + (step * step * seen * added) / (seen + added);
      }
      seen += added;
    }
    const scale = train.bytes ? (train.scale ?? 1 / 255) : 1;
    const std = squares.map((sum, c) => {
      const deviation = Math.sqrt(sum / seen);
      return deviation > ROUNDING * Math.abs(mean[c]) ? deviation * scale : 1;
    });
    return { mean: mean.map((value) => value * scale), std };
  },
);

/** Mean and sum of squared deviations of one channel of `x` [B, C, H, W]. */
function momentsOf(x: Float32Array | Uint8Array, channel: number, channels: number, plane: number): [number, number] {
  let sum = 0;
  for (let start = channel * plane; start < x.length; start += channels * plane) {
    let part = 0; // summed per image, so that rounding errors stay small
    for (let i = start; i < start + plane; i++) part += x[i];
    sum += part;
  }
  const mean = sum / (x.length / channels);
  let squares = 0;
  for (let start = channel * plane; start < x.length; start += channels * plane) {
    let part = 0;
    for (let i = start; i < start + plane; i++) part += (x[i] - mean) ** 2;
    squares += part;
  }
  return [mean, squares];
}
