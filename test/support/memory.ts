/** Counts what is alive once the garbage collector has freed everything that nothing reaches. */
import { collectGarbage } from "../../src/device/native/garbage.js";
import { memoryStats } from "../../src/index.js";

const TURNS = 1000;
/** Turns without a release after which the number is taken as final, where no bound is known. */
const STILL = 5;

/** Collects garbage, and gives finalizers, which the engine runs at some later time, a turn of the event loop. */
async function collect(): Promise<number> {
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 2));
  return memoryStats().buffers;
}

/** The number of buffers when several collections in a row have released none. */
export async function settledBuffers(): Promise<number> {
  let buffers = await collect();
  for (let turn = 0, still = 0; still < STILL && turn < TURNS; turn++) {
    const now = await collect();
    still = now === buffers ? still + 1 : 0;
    buffers = now;
  }
  return buffers;
}

/**
 * The number of buffers when it has come down to `bound`. Finalizers may be late on a loaded machine, so it waits for
 * them as long as that takes; if the number does not come down, something still reaches the buffers.
 */
export async function buffersDownTo(bound: number): Promise<number> {
  let buffers = await collect();
  for (let turn = 0; buffers > bound && turn < TURNS; turn++) buffers = await collect();
  return buffers;
}
