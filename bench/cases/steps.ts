/** `mlp`, `cnn`, `depthwise`, `vit` and the residual networks: a whole training step, side by side with its peers. */

import { torchModes } from "../crews.js";
import { type ModelName, stepWork, trainingStep } from "../models.js";
import { type BenchOptions, openOurs } from "../ours.js";
import type { Report } from "../report.js";
import { sideBySide } from "./sides.js";

/** Two orders of summing 128 losses in float32 differ by far less. */
const LOSS_TOLERANCE = 1e-4;
/**
 * A momentum sums more terms of both signs. In a deep network, units so near zero that rounding switches them move single
 * gradients by per cents, and their mean magnitude by nearly 1e-3 (ResNet-50).
 */
const momentumTolerance = (model: ModelName) => (model === "mlp" || model === "cnn" ? 1e-3 : 5e-3);

/** Benchmarks the training step of `model`. */
export async function stepBench(model: ModelName, options: BenchOptions): Promise<Report> {
  const work = stepWork(model);
  const job = trainingStep(model, await openOurs(options));
  const checks = [
    { what: "loss of the first step", tolerance: LOSS_TOLERANCE },
    { what: "momentum after the first step", tolerance: momentumTolerance(model) },
  ];
  return sideBySide({ bench: model, work, job, checks, modes: torchModes(model) }, options);
}
