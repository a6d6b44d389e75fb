/**
 * Node as a host of the `wasm` device. No page may reach this file; it knows threads, and nothing of what they run.
 */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { hasRelaxedSimd } from "./engine.js";
import type { Host } from "./host.js";

/** Looks at the machine; starts nothing. */
export function openNodeHost(): Host {
  // Node 20 has relaxed SIMD behind a flag, which threads started later inherit; newer engines need none.
  if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
  const prelude = `const { parentPort } = require("node:worker_threads");
const send = (message) => parentPort.postMessage(message);
const receive = (listener) => parentPort.on("message", listener);
`;
  let gc: (() => void) | null = null;
  return {
    cores: availableParallelism(),
    alone: null,
    page: false,
    spawn: (source, listener) => {
      // Nothing of the process's own start-up (loaders, hooks) belongs into a thread that runs kernels.
      const worker = new Worker(prelude + source, { eval: true, execArgv: [], env: {} });
      worker.on("message", (message) => listener.message(message));
      worker.on("error", (error) => listener.failed(String(error)));
      worker.unref();
      return {
        post: (message) => worker.postMessage(message),
        hold: (held) => (held ? worker.ref() : worker.unref()),
      };
    },
    collect: () => {
      if (!gc) {
        setFlagsFromString("--expose-gc");
        const found: unknown = runInNewContext("gc");
        gc = typeof found === "function" ? () => found() : () => undefined;
      }
      gc();
    },
  };
}
