/**
 * The report that FOVEA_DEBUG prints of a run: one line per step. Must not know devices.
 */
import type { KernelLabel, Program } from "../ir/program.js";

/** Prints time, rate and label of every step to stderr. */
export function reportSteps({ steps, kernels }: Program<KernelLabel>, timesMs: ArrayLike<number>): void {
  let totalMs = 0;
  const lines = steps.map(({ kernel }, i) => {
    const { label, flops } = kernels[kernel];
    totalMs += timesMs[i];
    const rate = flops / Math.max(1e-6, timesMs[i]) / 1e6;
    return `[fovea] ${timesMs[i].toFixed(3).padStart(9)} ms ${rate.toFixed(1).padStart(7)} GFLOP/s  ${label}`;
  });
  console.error([...lines, `[fovea] ${totalMs.toFixed(3).padStart(9)} ms in ${steps.length} kernels`].join("\n"));
}
