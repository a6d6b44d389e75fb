/**
 * Statistics of a training split by a compiled pass, for data sets whose pixels are not all in memory. It must not know
 * file formats.
 */
import { compile, type Tensor, tensor } from "../tensor/index.js";
import { DataError } from "../util/errors.js";
import type { Dataset, Standardisation } from "./dataset.js";
import { DataLoader } from "./loader.js";

/** A deviation below this share of the mean may be rounding. */
const ROUNDING = 2 ** -20;

/**
 * Mean and standard deviation (of the population) per channel of what a training split yields, read once, batch by
 * batch. {@link fitStandardisation} does the same on the host for arrays in memory.
 *
 * Formula: of each batch the mean and the sum of squares about it, merged in float64 (Chan et al. 1979).
 *
 * @param train - not standardised yet, of role `train`: nothing of the test data may reach the model
 * @param options - `batchSize`: default 256, from 1
 * @throws DataError when the data set is empty or not a training split.
 * @example
 * const { mean, std } = await measureStandardisation(train);
 */
export async function measureStandardisation(
  train: Dataset,
  { batchSize = 256 }: { readonly batchSize?: number } = {},
): Promise<Standardisation> {
  if (train.role !== "train" || train.length === 0) {
    const problem = train.role === "train" ? "an empty training split" : `a data set of role "${train.role}"`;
    throw new DataError(`[data] statistics cannot come from ${problem}`, {
      hint: "Split first, then pass the train part",
    });
  }
  const [channels, height, width] = train.sampleShape;
  const pass = compile((x: Tensor, real: Tensor) => {
    const weight = real.reshape([real.size, 1, 1, 1]);
    const sum = (values: Tensor) => values.mul(weight).sum({ dim: [0, 2, 3], keepdim: true });
    const mean = sum(x).div(real.sum().mul(height * width));
    const off = x.sub(mean);
    return [mean, sum(off), sum(off.square())].map((values) => values.reshape([channels]));
  });
  const mean = new Array<number>(channels).fill(0);
  const squares = new Array<number>(channels).fill(0);
  let seen = 0;
  const loader = new DataLoader(train, { batchSize: Math.min(batchSize, train.length), padLast: true });
  for await (const { x, count } of loader.epoch(0)) {
    const real = tensor(Float32Array.from({ length: x.shape[0] }, (_, i) => (i < count ? 1 : 0)));
    const [means, rests, sums] = await Promise.all((await pass(x, real)).map((values) => values.data()));
    const added = count * height * width;
    for (let c = 0; c < channels; c++) {
      // What the sum in f32 left of the mean is taken off again.
      const step = means[c] + rests[c] / added - mean[c];
      mean[c] += (step * added) / (seen + added);
      squares[c] += Math.max(0, sums[c] - rests[c] ** 2 / added) + (step * step * seen * added) / (seen + added);
    }
    seen += added;
  }
  // A constant channel only loses its mean; what rounding in f32 leaves of its deviation is none.
  const std = squares.map((sum, c) => {
    const deviation = Math.sqrt(sum / seen);
    return deviation > ROUNDING * Math.abs(mean[c]) ? deviation : 1;
  });
  return { mean, std };
}
