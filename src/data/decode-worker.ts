/**
 * The worker thread of `decode-pool.ts`: receives file names, returns their pixels. It must not know data sets.
 */
import { parentPort } from "node:worker_threads";
import { decodeFiles, type FileJob } from "./decode-files.js";

parentPort?.on("message", async (job: FileJob) => {
  try {
    const done = await decodeFiles(job);
    parentPort?.postMessage({ done }, [done.pixels.buffer as ArrayBuffer]);
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    parentPort?.postMessage({ failed: { message, hint } }); // messages between threads drop the class of an error
  }
});
