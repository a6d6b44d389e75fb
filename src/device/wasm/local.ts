/**
 * Programs on the calling thread: where there are no other threads, and for programs so small that handing them over
 * would take longer than running them. Gives the event loop its turn now and then.
 */
import { nextTurn } from "../../util/host.js";
import type { CompiledKernel } from "./kernels.js";
import { type PoolProgram, TaskFailure } from "./pool.js";

/** The longest that the event loop waits: one frame of a display. */
const TURN_MS = 16;

export interface LocalProgram extends PoolProgram {
  readonly kernels: readonly CompiledKernel[];
}

export class Local {
  /** Address of the calling thread's scratch memory. */
  scratch = 0;
  private lastTurnMs = performance.now();

  /**
   * Runs all steps of a program.
   *
   * @throws TaskFailure if a task failed; later steps are not run
   */
  async run({ kernels, words, times }: LocalProgram): Promise<void> {
    const byId = new Map(kernels.map((kernel) => [kernel.id, kernel]));
    for (let step = 0; step < words.length / 3; step++) {
      const [id, table, tasks] = words.subarray(step * 3, step * 3 + 3);
      const kernel = byId.get(id)?.here;
      if (!kernel) throw new TaskFailure("its kernel is not there", step);
      if (times) times[step * 2] = performance.now();
      for (let first = 0; first < tasks; ) {
        const next = Math.min(tasks, first + Math.max(1, Math.floor(tasks / 16)));
        try {
          kernel(table, first, next, this.scratch | 0);
        } catch (error) {
          throw new TaskFailure(String(error), step);
        }
        first = next;
        // Across programs too: memory is handed back between turns only.
        if (performance.now() - this.lastTurnMs > TURN_MS) await this.turn();
      }
      if (times) times[step * 2 + 1] = performance.now();
    }
  }

  private async turn(): Promise<void> {
    await new Promise<void>((resolve) => nextTurn(resolve));
    this.lastTurnMs = performance.now();
  }
}
