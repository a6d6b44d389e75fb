/**
 * Runs programs on the calling thread: if there are no other threads, and for programs so small that handing them to
 * threads takes longer than running them. Yields to the event loop regularly.
 */
import { nextTurn } from "../../util/host.js";
import type { CompiledKernel } from "./kernels.js";
import { type PoolProgram, TaskFailure } from "./pool.js";

/** Longest time between two yields to the event loop: one frame of a display. */
const YIELD_MS = 16;

export interface LocalProgram extends PoolProgram {
  readonly kernels: readonly CompiledKernel[];
}

export class LocalRunner {
  /** Address of the calling thread's scratch memory. */
  scratch = 0;
  private lastYieldMs = performance.now();

  /**
   * Runs all steps of a program.
   *
   * @throws TaskFailure if a task failed; later steps are not run
   */
  async run({ kernels, words, times }: LocalProgram): Promise<void> {
    const byId = new Map(kernels.map((kernel) => [kernel.id, kernel]));
    for (let step = 0; step < words.length / 3; step++) {
      const [id, table, tasks] = words.subarray(step * 3, step * 3 + 3);
      const kernel = byId.get(id)?.callable;
      if (!kernel) throw new TaskFailure("its kernel is not loaded", step);
      if (times) times[step * 2] = performance.now();
      for (let first = 0; first < tasks; ) {
        const next = Math.min(tasks, first + Math.max(1, Math.floor(tasks / 16)));
        try {
          kernel(table, first, next, this.scratch | 0);
        } catch (error) {
          throw new TaskFailure(String(error), step);
        }
        first = next;
        // Measured across programs too, because finalizers release memory only between turns of the event loop.
        if (performance.now() - this.lastYieldMs > YIELD_MS) await this.yieldNow();
      }
      if (times) times[step * 2 + 1] = performance.now();
    }
  }

  private async yieldNow(): Promise<void> {
    await new Promise<void>((resolve) => nextTurn(resolve));
    this.lastYieldMs = performance.now();
  }
}
