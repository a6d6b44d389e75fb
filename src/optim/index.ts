/** The public face of `fovea/optim`: optimizers, and learning-rate schedules. */
export { Adam, type AdamOptions, type AdamSettings, AdamW } from "./adam.js";
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
  type Schedule,
  type StepDecayOptions,
  stepDecay,
} from "./schedule.js";
export { SGD, type SGDOptions, type SGDSettings } from "./sgd.js";
export type { SavedValue } from "./state.js";
