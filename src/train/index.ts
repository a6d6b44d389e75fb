/**
 * Training: the loop, its events, run folders, and whole runs. This file only lists what is public.
 */
export {
  type CheckedOptions,
  checkOptions,
  type DeviceName,
  datasetNames,
  deviceNames,
  optimizerNames,
  type RunConfig,
  type TrainOptions,
} from "./config.js";
export type {
  CheckpointEvent,
  DoneEvent,
  EpochEvent,
  Score,
  StartEvent,
  StepEvent,
  StopReason,
  TrainEvent,
  WarningEvent,
} from "./events.js";
export { type FitOptions, fit } from "./fit.js";
export { type Prediction, Predictor } from "./predictor.js";
export { evaluateRun, type PreparedRun, prepareRun, type Watching } from "./run.js";
export { loadRun, type Position, RunFolder, readRunConfig } from "./run-folder.js";
export { evaluate, type Loss, type StepOptimizer } from "./steps.js";
