/** The public face of `fovea/optim`: optimizers, their gradient steps, averages of weights, and schedules. */
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { Ema, type EmaOptions } from "./ema.js";
export type { OptimizerClass, OptimizerEntry, ParameterGroup, ParamsOrGroups } from "./groups.js";
export type { HyperSpec, HyperTensor, HyperValue } from "./hyper.js";
export { Muon, type MuonOptions } from "./muon.js";
export { Optimizer } from "./optimizer.js";
export { optimizers, schedules, steps } from "./registry.js";
export {
  type Chain,
  type ChainStep,
  chain,
  likeParameter,
  type Part,
  type Partition,
  partition,
  perParameter,
  type Rule,
  type StateSpec,
  type StepInput,
  type StepOutput,
  type StepScope,
  type StepShare,
} from "./rule.js";
export { constant } from "./schedules/constant.js";
export { type CosineOptions, cosine } from "./schedules/cosine.js";
export { type MultiStepOptions, multiStep } from "./schedules/multi-step.js";
export { type OneCycleOptions, oneCycle } from "./schedules/one-cycle.js";
export type { Schedule } from "./schedules/schedule.js";
export { type StepDecayOptions, stepDecay } from "./schedules/step-decay.js";
export { SGD, type SGDOptions } from "./sgd.js";
export type { SavedValue } from "./state.js";
export { type AccumulateOptions, accumulate } from "./steps/accumulate.js";
export { type AdamScaling, scaleByAdam } from "./steps/adam.js";
export { clipByNorm, clipByValue, clipGradNorm, clipGradValue, globalNorm } from "./steps/clip.js";
export { coupledDecay, decoupledDecay } from "./steps/decay.js";
export { averageGradients, type MomentumOptions, scaleByMomentum } from "./steps/momentum.js";
export { fixNorm, type MuonScale, type OrthogonaliseOptions, orthogonalise } from "./steps/orthogonal.js";
export { scaleByRate, scaleBySchedule } from "./steps/rate.js";
