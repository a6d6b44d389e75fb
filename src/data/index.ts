/**
 * Data sets, splits, batches. This file only lists what is public: here what reads files, in `browser.ts` the rest.
 */
export * from "./browser.js";
export { readIdx } from "./idx-file.js";
export { loadFashionMnist, loadIdxFolder, loadMnist, type TrainAndTest } from "./sets.js";
