/** `mlp`, `cnn`, `depthwise` and the residual networks: a whole training step, side by side with its peers. */

import { torchModes } from "../crews.js";
import { type ModelName, stepWork, trainingStep } from "../models.js";
import { type BenchOptions, openOurs } from "../ours.js";
import type { Report } from "../report.js";
import { sideBySide } from "./sides.js";

/**
 * Two orders of summing 128 losses in float32 differ by far less; a momentum sums more terms of both signs. In a deep
 * network, units so near zero that rounding switches them move single gradients by more, and their mean a little.
 */
const CHECKS = [
  { what: "loss of the first step", tolerance: 1e-4 },
  { what: "momentum after the first step", tolerance: 1e-3 },
];

/** Benchmarks the training step of `model`. */
export async function stepBench(model: ModelName, options: BenchOptions): Promise<Report> {
  const work = stepWork(model);
  const job = trainingStep(model, await openOurs(options));
  return sideBySide({ bench: model, work, job, checks: CHECKS, modes: torchModes(model) }, options);
}
