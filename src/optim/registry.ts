/** The registries of `fovea/optim`: one row for each optimizer, schedule and gradient step. */
import { entryOf, Registry } from "../util/registry.js";
import { adadelta } from "./adadelta.js";
import { adafactor } from "./adafactor.js";
import { adagrad } from "./adagrad.js";
import { adam, adamw } from "./adam.js";
import { adamax } from "./adamax.js";
import { asgd } from "./asgd.js";
import { lamb } from "./lamb.js";
import { lars } from "./lars.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import { nadam } from "./nadam.js";
import { radam } from "./radam.js";
import { rmsprop } from "./rmsprop.js";
import { rprop } from "./rprop.js";
import { sam } from "./sam.js";
import { scheduleFreeAdamw, scheduleFreeSgd } from "./schedule-free.js";
import { constant } from "./schedules/constant.js";
import { cosine } from "./schedules/cosine.js";
import { cosineRestarts } from "./schedules/cosine-restarts.js";
import { cyclic } from "./schedules/cyclic.js";
import { exponential } from "./schedules/exponential.js";
import { inverseSqrt } from "./schedules/inverse-sqrt.js";
import { linear } from "./schedules/linear.js";
import { multiStep } from "./schedules/multi-step.js";
import { oneCycle } from "./schedules/one-cycle.js";
import { piecewise } from "./schedules/piecewise.js";
import { polynomial } from "./schedules/polynomial.js";
import { sequence, warmup } from "./schedules/sequence.js";
import { stepDecay } from "./schedules/step-decay.js";
import { trapezoid } from "./schedules/trapezoid.js";
import { sgd } from "./sgd.js";
import { accumulate } from "./steps/accumulate.js";
import { scaleByAdadelta } from "./steps/adadelta.js";
import { scaleByAdafactor } from "./steps/adafactor.js";
import { scaleByAdagrad } from "./steps/adagrad.js";
import { scaleByAdam, scaleBySecondMoment } from "./steps/adam.js";
import { scaleByMaximum } from "./steps/adamax.js";
import { averageIterates } from "./steps/asgd.js";
import { clipByNorm, clipByPercentile, clipByUnitNorm, clipByValue } from "./steps/clip.js";
import { coupledDecay, coupledL1, decoupledDecay, decoupledL1 } from "./steps/decay.js";
import { scaleByLion } from "./steps/lion.js";
import { lookahead } from "./steps/lookahead.js";
import { limitNorms } from "./steps/max-norm.js";
import { averageGradients, scaleByMomentum } from "./steps/momentum.js";
import { scaleByNadam } from "./steps/nadam.js";
import { fixNorm, orthogonalise } from "./steps/orthogonal.js";
import { scaleByRadam } from "./steps/radam.js";
import { scaleByRate, scaleBySchedule } from "./steps/rate.js";
import { scaleByRms } from "./steps/rms.js";
import { stepBySigns } from "./steps/rprop.js";
import { scheduleFree } from "./steps/schedule-free.js";
import { sharpnessAware } from "./steps/sharpness.js";
import { scaleByLars, scaleByTrustRatio } from "./steps/trust.js";

/** The optimizers by the names that configurations use. */
export const optimizers = new Registry("optimizer", [
  sgd,
  adagrad,
  adadelta,
  rmsprop,
  adam,
  adamax,
  nadam,
  radam,
  adamw,
  adafactor,
  rprop,
  asgd,
  lars,
  lamb,
  lion,
  sam,
  scheduleFreeSgd,
  scheduleFreeAdamw,
  muon,
]);

/** The schedules of hyper-parameters. */
export const schedules = new Registry("schedule", [
  entryOf(constant),
  entryOf(stepDecay),
  entryOf(multiStep),
  entryOf(exponential),
  entryOf(linear),
  entryOf(polynomial),
  entryOf(cosine),
  entryOf(cosineRestarts),
  entryOf(inverseSqrt),
  entryOf(oneCycle),
  entryOf(cyclic),
  entryOf(trapezoid),
  entryOf(piecewise),
  entryOf(warmup),
  entryOf(sequence),
]);

/** The steps of chains. */
export const steps = new Registry("step", [
  entryOf(accumulate),
  entryOf(clipByNorm),
  entryOf(clipByValue),
  entryOf(clipByUnitNorm),
  entryOf(clipByPercentile),
  entryOf(sharpnessAware),
  entryOf(coupledL1),
  entryOf(coupledDecay),
  entryOf(scaleByMomentum),
  entryOf(averageGradients),
  entryOf(scaleByAdagrad),
  entryOf(scaleByAdadelta),
  entryOf(scaleByRms),
  entryOf(scaleByAdam),
  entryOf(scaleBySecondMoment),
  entryOf(scaleByMaximum),
  entryOf(scaleByNadam),
  entryOf(scaleByRadam),
  entryOf(scaleByAdafactor),
  entryOf(scaleByLion),
  entryOf(scaleByLars),
  entryOf(stepBySigns),
  entryOf(averageIterates),
  entryOf(orthogonalise),
  entryOf(fixNorm),
  entryOf(decoupledL1),
  entryOf(decoupledDecay),
  entryOf(scaleByTrustRatio),
  entryOf(scaleByRate),
  entryOf(scaleBySchedule),
  entryOf(scheduleFree),
  entryOf(limitNorms),
  entryOf(lookahead),
]);
