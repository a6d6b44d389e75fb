/**
 * Decodes many files in parallel, in as many threads as repay their start. It must not know data sets or caches.
 */
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { DataError } from "../util/errors.js";
import { type DecodedFiles, decodeFiles, type FileJob } from "./decode-files.js";
import type { DecodeSettings } from "./image.js";

/** Number of files per job, chosen so that a job takes much longer than sending it to a thread. */
const jobFiles = { small: 128, resized: 32 } as const;
/** Number of files that justify a thread: starting one takes as long as decoding some hundred files. */
const filesPerThread = 256;

/** Receives the pixels of the files from index `first`; returns false to stop decoding. */
export type TakeFiles = (first: number, files: DecodedFiles) => boolean | Promise<boolean>;

/**
 * Decodes files in parallel; `take` receives them in blocks, in any order, one call at a time.
 *
 * @throws DataError if a decoder is not installed; any error that `take` throws.
 */
export async function decodeAll(paths: readonly string[], settings: DecodeSettings, take: TakeFiles): Promise<void> {
  const perJob = settings.resize ? jobFiles.resized : jobFiles.small;
  const wanted = Math.min(availableParallelism(), Math.ceil(paths.length / filesPerThread));
  const threads = wanted > 1 ? Array.from({ length: wanted }, () => new DecodeThread()) : [];
  const workers = threads.length > 0 ? threads.map((thread) => (job: FileJob) => thread.run(job)) : [decodeFiles];
  let next = 0;
  let stopped = false;
  let taking: Promise<void> = Promise.resolve();
  const work = async (decode: (job: FileJob) => Promise<DecodedFiles>): Promise<void> => {
    while (next < paths.length && !stopped) {
      const first = next;
      next += perJob;
      const files = await decode({ paths: paths.slice(first, first + perJob), settings });
      taking = taking.then(async () => {
        if (!stopped && !(await take(first, files))) stopped = true;
      });
      await taking; // limits the memory of blocks that are not written yet
    }
  };
  try {
    await Promise.all(workers.map(work));
  } finally {
    stopped = true;
    await Promise.all(threads.map((thread) => thread.close()));
  }
}

/** A worker thread that runs one job at a time. */
class DecodeThread {
  readonly #worker: Worker;

  constructor() {
    this.#worker = startWorker();
  }

  run(job: FileJob): Promise<DecodedFiles> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        this.#worker.off("message", onMessage);
        this.#worker.off("error", onError);
        this.#worker.off("exit", onExit);
      };
      const onMessage = (answer: { done?: DecodedFiles; failed?: { message: string; hint?: string } }) => {
        finish();
        if (answer.done) resolve(answer.done);
        else reject(new DataError(answer.failed?.message ?? "", { hint: answer.failed?.hint }));
      };
      const onError = (cause: Error) => {
        finish();
        reject(new DataError(`[data] a decoding thread failed: ${cause.message}`, { cause }));
      };
      const onExit = (code: number) => {
        finish();
        reject(new DataError(`[data] a decoding thread ended with code ${code}`));
      };
      this.#worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      this.#worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Starts the worker from the file beside this one. */
function startWorker(): Worker {
  const extension = extname(import.meta.url);
  const url = new URL(`./decode-worker${extension}`, import.meta.url);
  if (extension === ".js") return new Worker(url);
  // The sources are run directly, by a test or a benchmark: Node 20 does not read TypeScript, and threads inherit no
  // loader.
  const loader = import.meta.resolve("tsx/esm/api");
  const code = `import("${loader}").then(({ register }) => { register(); return import("${url.href}"); });`;
  return new Worker(code, { eval: true });
}
