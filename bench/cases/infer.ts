/** `resnet18-infer`: one image through ResNet-18 with batch normalisation folded, side by side with its peers. */
import { prediction } from "../models.js";
import { type BenchOptions, openOurs } from "../ours.js";
import type { Report } from "../report.js";
import { sideBySide } from "./sides.js";

const WORK = { kind: "infer", model: "resnet18", batch: 1, size: 224, classes: 1000 } as const;
/** Eager as it is and with batch normalisation fused; compiled, also with weights frozen, which fuses it too. */
const MODES = ["contiguous", "fused", "compile", "compile + freezing"].flatMap((mode) => [
  mode,
  mode === "contiguous" ? "channels-last" : `${mode} + channels-last`,
]);
/** Products with a pattern of both signs cancel: what is left is smaller than its terms. */
const CHECKS = [
  { what: "mean magnitude of the logits", tolerance: 1e-4 },
  { what: "product of the logits with a pattern", tolerance: 1e-3 },
];

/** Benchmarks prediction. */
export async function inferBench(options: BenchOptions): Promise<Report> {
  const job = prediction(WORK, await openOurs(options));
  return sideBySide({ bench: "resnet18-infer", work: WORK, job, checks: CHECKS, modes: MODES }, options);
}
