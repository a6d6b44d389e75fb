/**
 * Data sets, splits, batches. This file only lists what is public: what reads files; the rest is in `browser.ts`.
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
