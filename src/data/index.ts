/**
 * Data sets, splits, batches. This file only lists what is public: here what reads files, in `browser.ts` the rest.
 */
export * from "./browser.js";
export { type ImageFolder, type ImageFolderOptions, loadImageFolder, type SkippedFile } from "./folder.js";
export { ImageFolderDataset } from "./folder-dataset.js";
export { hasClassFolders } from "./folder-list.js";
export { readIdx } from "./idx-file.js";
export { type Decoded, type DecodeSettings, decodeImage } from "./image.js";
export { type ImageHeader, readHeader } from "./image-header.js";
export type { DecodeProgress } from "./pixel-cache.js";
export {
  type FashionMnistOptions,
  type IdxFolderOptions,
  loadFashionMnist,
  loadIdxFolder,
  loadMnist,
  type TrainAndTest,
} from "./sets.js";
