/**
 * Training: the loop, its events, models by name; all of it works in a browser too. This file only lists what is
 * public.
 */
export type {
  CheckpointEvent,
  DecodeEvent,
  DoneEvent,
  EpochEvent,
  Position,
  Score,
  StartEvent,
  StepEvent,
  StopReason,
  TrainEvent,
  WarningEvent,
} from "./events.js";
export { type FitOptions, fit } from "./fit.js";
export { InputTransform, type InputTransformOptions } from "./input-transform.js";
export { cellState, type SavedState, type Stateful, type StateParts } from "./state.js";
export { evaluate, type Loss, type ScoreOptions, type StepOptimizer } from "./steps.js";
