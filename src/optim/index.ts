/** The public face of `fovea/optim`: optimizers, their gradient steps, averages of weights, and schedules. */
export { Adadelta, type AdadeltaOptions } from "./adadelta.js";
export { Adafactor, type AdafactorOptions } from "./adafactor.js";
export { Adagrad, type AdagradOptions } from "./adagrad.js";
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.js";
export { Adamax, type AdamaxOptions } from "./adamax.js";
export { ASGD, type ASGDOptions } from "./asgd.js";
export { Averages } from "./averages.js";
export { Ema, type EmaOptions } from "./ema.js";
export type { OptimizerClass, OptimizerEntry, ParameterGroup, ParamsOrGroups } from "./groups.js";
export type { HyperSpec, HyperTensor, HyperValue } from "./hyper.js";
export { LAMB, type LAMBOptions } from "./lamb.js";
export { LARS, type LARSOptions } from "./lars.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export { Lion, type LionOptions } from "./lion.js";
export { Muon, type MuonOptions } from "./muon.js";
export { NAdam, type NAdamOptions } from "./nadam.js";
export { Optimizer } from "./optimizer.js";
export { l1Penalty, l2Penalty } from "./penalties.js";
export { RAdam, type RAdamOptions } from "./radam.js";
export { optimizers, schedules, steps } from "./registry.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { Rprop, type RpropOptions } from "./rprop.js";
export {
  type Chain,
  type ChainStep,
  chain,
  type DisplaceScope,
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
export { SAM, type SAMOptions } from "./sam.js";
export {
  ScheduleFreeAdamW,
  type ScheduleFreeAdamWOptions,
  ScheduleFreeSGD,
  type ScheduleFreeSGDOptions,
} from "./schedule-free.js";
export { constant } from "./schedules/constant.js";
export { type CosineOptions, cosine } from "./schedules/cosine.js";
export { type CosineRestartsOptions, cosineRestarts } from "./schedules/cosine-restarts.js";
export { type CyclicOptions, cyclic } from "./schedules/cyclic.js";
export { exponential } from "./schedules/exponential.js";
export { inverseSqrt } from "./schedules/inverse-sqrt.js";
export { type LinearOptions, linear } from "./schedules/linear.js";
export { type MultiStepOptions, multiStep } from "./schedules/multi-step.js";
export { type OneCycleOptions, oneCycle } from "./schedules/one-cycle.js";
export { type PiecewiseOptions, piecewise, type SchedulePoint } from "./schedules/piecewise.js";
export { Plateau, type PlateauOptions } from "./schedules/plateau.js";
export { type PolynomialOptions, polynomial } from "./schedules/polynomial.js";
export type { Schedule } from "./schedules/schedule.js";
export { type SequencePart, sequence, warmup } from "./schedules/sequence.js";
export { type StepDecayOptions, stepDecay } from "./schedules/step-decay.js";
export { type TrapezoidOptions, trapezoid } from "./schedules/trapezoid.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { Snapshots, type SnapshotsOptions } from "./snapshots.js";
export type { SavedValue } from "./state.js";
export { type AccumulateOptions, accumulate } from "./steps/accumulate.js";
export { type AdadeltaScaling, scaleByAdadelta } from "./steps/adadelta.js";
export { type AdafactorScaling, scaleByAdafactor } from "./steps/adafactor.js";
export { type AdagradScaling, scaleByAdagrad } from "./steps/adagrad.js";
export {
  type AdamScaling,
  type MomentScaling,
  type SecondMomentScaling,
  scaleByAdam,
  scaleBySecondMoment,
} from "./steps/adam.js";
export { scaleByMaximum } from "./steps/adamax.js";
export { type AsgdScaling, averageIterates } from "./steps/asgd.js";
export {
  clipByNorm,
  clipByPercentile,
  clipByUnitNorm,
  clipByValue,
  clipGradNorm,
  clipGradValue,
  globalNorm,
  type PercentileOptions,
  type UnitNormOptions,
} from "./steps/clip.js";
export { coupledDecay, coupledL1, decoupledDecay, decoupledL1 } from "./steps/decay.js";
export { type LionScaling, scaleByLion } from "./steps/lion.js";
export { type LookaheadOptions, lookahead } from "./steps/lookahead.js";
export { limitNorms } from "./steps/max-norm.js";
export { averageGradients, type MomentumOptions, scaleByMomentum } from "./steps/momentum.js";
export { type NadamScaling, scaleByNadam } from "./steps/nadam.js";
export { fixNorm, type MuonScale, type OrthogonaliseOptions, orthogonalise } from "./steps/orthogonal.js";
export { scaleByRadam } from "./steps/radam.js";
export { scaleByRate, scaleBySchedule } from "./steps/rate.js";
export { type RmsScaling, scaleByRms } from "./steps/rms.js";
export { type RpropScaling, stepBySigns } from "./steps/rprop.js";
export { type ScheduleFreeOptions, scheduleFree } from "./steps/schedule-free.js";
export { type SharpnessOptions, sharpnessAware } from "./steps/sharpness.js";
export { type LarsScaling, scaleByLars, scaleByTrustRatio } from "./steps/trust.js";
export { Swa } from "./swa.js";
