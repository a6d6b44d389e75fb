/**
 * Node as a host of the `wasm` device. Must not be imported in a page, and must not know the code that threads run.
 */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { hasRelaxedSimd } from "./engine.js";
import type { Host } from "./host.js";

/** The host in Node; starts no thread yet. */
export function openNodeHost(): Host {
  // Node 20 has relaxed SIMD behind a flag, which later threads inherit; newer versions have it enabled.
  if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
  const prelude = `const { parentPort } = require("node:worker_threads");
const send = (message) => parentPort.postMessage(message);
const receive = (listener) => parentPort.on("message", listener);
`;
  let gc: (() => void) | null = null;
  return {
    cores: availableParallelism(),
    singleThreadReason: null,
    page: false,
    spawn: (source, listener) => {
      // The thread must not run the process's start-up options (loaders, hooks).
      const worker = new Worker(prelude + source, { eval: true, execArgv: [], env: {} });
      worker.on("message", (message) => listener.message(message));
      worker.on("error", (error) => listener.failed(String(error)));
      worker.unref();
      return {
        post: (message) => worker.postMessage(message),
        keepAlive: (on) => (on ? worker.ref() : worker.unref()),
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
