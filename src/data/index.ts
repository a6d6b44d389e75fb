/**
 * Data sets, splits, batches. This file only lists what is public.
 */
export { type AffineOptions, type Augmentation, type Draw, randomAffine } from "./augment.js";
export {
  ArrayDataset,
  type ArrayDatasetOptions,
  type Dataset,
  fitStandardisation,
  type HostBatch,
  type PixelArray,
  type Sample,
  type SplitRole,
  type Standardisation,
} from "./dataset.js";
export { type ImageFolder, type ImageFolderOptions, loadImageFolder, type SkippedFile } from "./folder.js";
export { fitFolderStandardisation, ImageFolderDataset } from "./folder-dataset.js";
export { hasClassFolders } from "./folder-list.js";
export { type IdxArray, type IdxNumbers, parseIdx, readIdx } from "./idx.js";
export { type Batch, DataLoader, type LoaderOptions } from "./loader.js";
export { type Decoded, type DecodeSettings, decodePicture } from "./picture.js";
export { type PictureHeader, readHeader } from "./picture-header.js";
export type { DecodeProgress } from "./pixel-cache.js";
export { loadFashionMnist, loadIdxFolder, loadMnist, type TrainAndTest } from "./sets.js";
export { type SplitOptions, stratifiedSplit } from "./split.js";
