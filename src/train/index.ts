/**
 * Training: the loop, its events, run folders, and whole runs. This file only lists what is public: what reads and
 * writes files; the rest is in `browser.ts`.
 */
export * from "./browser.js";
export type { Checkpoint, Progress } from "./checkpoint.js";
export {
  type CheckedOptions,
  checkOptions,
  type DeviceName,
  datasetNames,
  deviceNames,
  type RunConfig,
  type TrainOptions,
} from "./config.js";
export { type Prediction, Predictor } from "./predictor.js";
export { type OptimizerName, optimizerNames, type RecipeName, recipeNames } from "./recipes.js";
export { evaluateRun, type PreparedRun, prepareRun, type ResumeOptions, resumeRun, type Watching } from "./run.js";
export { loadRun, RunFolder, readRunConfig } from "./run-folder.js";
