/**
 * Runs kernels in JavaScript on float64 numbers. This is the reference semantics of the loop language: the `interp`
 * device computes with it, and other devices check their code against it.
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
