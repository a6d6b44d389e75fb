/**
 * The digits that the page learns and is tested on, from the two IDX files that lie beside it. It must not know models.
 */
import {
  ArrayDataset,
  fitStandardisation,
  parseIdx,
  type SplitRole,
  type Standardisation,
  stratifiedSplit,
} from "fovea/data";

/** Of every image: one channel, 28 × 28. */
export const SHAPE = [1, 28, 28] as const;

/** Both parts standardised by the statistics of the first. */
export interface Digits {
  readonly train: ArrayDataset<"train">;
  readonly test: ArrayDataset<"test">;
  /** Any other image as the network takes it, [28 · 28]. */
  standardise(pixels: Uint8Array): Float32Array;
}

/** Fetches and divides them, 80 % for training. */
export async function loadDigits(): Promise<Digits> {
  const [images, labels] = await Promise.all([fetchIdx("digits-images.idx"), fetchIdx("digits-labels.idx")]);
  const all = dataset(images.data as Uint8Array, labels.data, "all");
  const { train, heldOut } = stratifiedSplit(all, { ratio: 0.8, seed: 0 });
  const statistics = await fitStandardisation(train);
  return {
    train: train.standardise(statistics),
    test: heldOut.standardise(statistics),
    standardise: (pixels) => dataset(pixels, [0], "all", statistics).batch([0]).x,
  };
}

function dataset<Role extends SplitRole>(
  images: Uint8Array,
  labels: ArrayLike<number>,
  role: Role,
  standardisation?: Standardisation,
): ArrayDataset<Role> {
  return new ArrayDataset({ images, labels, sampleShape: SHAPE, role, standardisation });
}

async function fetchIdx(name: string) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} is missing: the server answered ${response.status}`);
  return parseIdx(new Uint8Array(await response.arrayBuffer()), name);
}
