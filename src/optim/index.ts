/** The public face of `fovea/optim`: optimizers, averages of weights, and learning-rate schedules. */
export { Adam, type AdamOptions, type AdamSettings, AdamW } from "./adam.js";
export { Ema, type EmaOptions } from "./ema.js";
export { JointOptimizer, type JointPart } from "./joint.js";
export { Muon, type MuonOptions, type MuonScale, type MuonSettings } from "./muon.js";
export {
  Optimizer,
  type ParameterGroup,
  type ParamsOrGroups,
  type Rule,
  type Update,
  type Updated,
} from "./optimizer.js";
export {
  type CosineOptions,
  constant,
  cosine,
  type MultiStepOptions,
  multiStep,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
} from "./schedule.js";
export { SGD, type SGDOptions, type SGDSettings } from "./sgd.js";
export type { SavedValue } from "./state.js";
