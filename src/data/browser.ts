/**
 * Data sets, splits, batches: all of it works in a browser too. This file only lists what is public.
 */
export { type AffineOptions, type Augmentation, type Draw, randomAffine } from "./augment.js";
export {
  ArrayDataset,
  type ArrayDatasetOptions,
  type Dataset,
  type HostBatch,
  type PixelArray,
  type Sample,
  type SplitRole,
  type Standardisation,
} from "./dataset.js";
export {
  type CropOptions,
  cutout,
  type FlipOptions,
  randomCrop,
  randomFlip,
  type StandardiseOptions,
  standardise,
} from "./device-augment.js";
export { type IdxArray, type IdxNumbers, parseIdx } from "./idx.js";
export { type Batch, DataLoader, type EpochOptions, type LoaderOptions } from "./loader.js";
export { fitStandardisation, type TrainingSet } from "./measure.js";
export { type SplitOptions, stratifiedSplit } from "./split.js";
