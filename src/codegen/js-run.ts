/**
 * Runs kernels in JavaScript, on float64 numbers: the meaning of the loop language. The `interp` device computes with it,
 * and a device may check its own code against it.
 */
import type { Kernel } from "../ir/loops.js";
import { printJs } from "./js.js";
import { support } from "./js-support.js";

/** A function that runs a whole kernel, given an array for each of its buffers. */
export function loadJs(kernel: Kernel): (buffers: readonly Float64Array[]) => void {
  const scratch = kernel.scratch.map(({ elements }) => new Float64Array(elements));
  const run = new Function("buffers", "scratch", "support", printJs(kernel));
  return (buffers) => run(buffers, scratch, support);
}
