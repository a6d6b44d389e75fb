/** What may be chosen by name: one line for each optimizer, schedule and step of a chain. */
import { Registry } from "../util/registry.js";
import { adam, adamw } from "./adam.js";
import { muon } from "./muon.js";
import { constantEntry } from "./schedules/constant.js";
import { cosineEntry } from "./schedules/cosine.js";
import { multiStepEntry } from "./schedules/multi-step.js";
import { oneCycleEntry } from "./schedules/one-cycle.js";
import { stepDecayEntry } from "./schedules/step-decay.js";
import { sgd } from "./sgd.js";

/** The optimizers by the names that configurations use. */
export const optimizers = new Registry("optimizer", [sgd, adam, adamw, muon]);

/** The schedules of hyper-parameters. */
export const schedules = new Registry("schedule", [
  constantEntry,
  stepDecayEntry,
  multiStepEntry,
  cosineEntry,
  oneCycleEntry,
]);
