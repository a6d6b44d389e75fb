/** The registries of `fovea/optim`: one row for each optimizer, schedule and gradient step. */
import { entryOf, Registry } from "../util/registry.js";
import { adam, adamw } from "./adam.js";
import { muon } from "./muon.js";
import { constant } from "./schedules/constant.js";
import { cosine } from "./schedules/cosine.js";
import { multiStep } from "./schedules/multi-step.js";
import { oneCycle } from "./schedules/one-cycle.js";
import { stepDecay } from "./schedules/step-decay.js";
import { sgd } from "./sgd.js";
import { accumulate } from "./steps/accumulate.js";
import { scaleByAdam } from "./steps/adam.js";
import { clipByNorm, clipByValue } from "./steps/clip.js";
import { coupledDecay, decoupledDecay } from "./steps/decay.js";
import { averageGradients, scaleByMomentum } from "./steps/momentum.js";
import { fixNorm, orthogonalise } from "./steps/orthogonal.js";
import { scaleByRate, scaleBySchedule } from "./steps/rate.js";

/** The optimizers by the names that configurations use. */
export const optimizers = new Registry("optimizer", [sgd, adam, adamw, muon]);

/** The schedules of hyper-parameters. */
export const schedules = new Registry("schedule", [
  entryOf(constant),
  entryOf(stepDecay),
  entryOf(multiStep),
  entryOf(cosine),
  entryOf(oneCycle),
]);

/** The steps of chains. */
export const steps = new Registry("step", [
  entryOf(accumulate),
  entryOf(clipByNorm),
  entryOf(clipByValue),
  entryOf(coupledDecay),
  entryOf(scaleByMomentum),
  entryOf(averageGradients),
  entryOf(scaleByAdam),
  entryOf(orthogonalise),
  entryOf(fixNorm),
  entryOf(decoupledDecay),
  entryOf(scaleByRate),
  entryOf(scaleBySchedule),
]);
