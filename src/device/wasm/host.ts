/**
 * What Node and browsers do differently: threads, their number, shared memory, garbage collection, vector instructions
 * that an engine has but hides. The only file of the device that knows where it runs; Node's modules are loaded when it
 * is Node, by names that bundlers cannot follow.
 */

import { hasRelaxedSimd } from "./engine.js";

/** A thread of the engine. */
export interface Thread {
  post(message: unknown): void;
  /** While a thread is held, the process waits for it; a page always stays. */
  hold(held: boolean): void;
}

/** What a thread tells. */
export interface Listener {
  message(message: unknown): void;
  /** It cannot start, or broke. */
  failed(reason: string): void;
}

export interface Host {
  /** Cores. */
  readonly cores: number;
  /** Why threads cannot share memory; null if they can. */
  readonly alone: string | null;
  /** Whether `alone` is news to somebody who can change it. */
  readonly page: boolean;
  /** Starts a thread that runs `source`, which has `send(message)` and `receive((message) => …)`. */
  spawn(source: string, listener: Listener): Thread;
  /** Asks for a garbage collection: the engine does not see what lies in WebAssembly memory. */
  collect(): void;
}

const underNode = typeof globalThis.process?.versions?.node === "string";

/** Names the module at run time, so that bundlers leave it out of pages. */
const nodeModule = (name: string): Promise<unknown> =>
  import(/* @vite-ignore */ /* webpackIgnore: true */ `node:${name}`);

async function openNode(): Promise<Host> {
  const { Worker } = (await nodeModule("worker_threads")) as typeof import("node:worker_threads");
  const { availableParallelism } = (await nodeModule("os")) as typeof import("node:os");
  const { setFlagsFromString } = (await nodeModule("v8")) as typeof import("node:v8");
  const { runInNewContext } = (await nodeModule("vm")) as typeof import("node:vm");
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

/** The part of a page's globals that is used; Node's types, which the library is checked with, lack them. */
interface Page {
  readonly crossOriginIsolated?: boolean;
  readonly navigator: { readonly hardwareConcurrency?: number };
  readonly Worker?: new (
    address: string,
  ) => {
    postMessage(message: unknown): void;
    onmessage: ((event: { readonly data: unknown }) => void) | null;
    onerror: ((event: { readonly message?: string }) => void) | null;
  };
}

/** Memory that is given up at once and never touched: it costs nothing, and engines count it before they collect. */
const PRESSURE_BYTES = 64 << 20;

function openPage(): Host {
  const page = globalThis as unknown as Page;
  const { Worker } = page;
  const prelude = `const send = (message) => self.postMessage(message);
const receive = (listener) => { self.onmessage = (event) => listener(event.data); };
`;
  let alone: string | null = null;
  if (!Worker) alone = "there are no workers here";
  else if (!page.crossOriginIsolated) alone = "the page is not cross-origin isolated";
  return {
    cores: page.navigator.hardwareConcurrency ?? 1,
    alone,
    page: true,
    spawn: (source, listener) => {
      if (!Worker) throw new Error("there are no workers here");
      const address = URL.createObjectURL(new Blob([prelude, source], { type: "text/javascript" }));
      const worker = new Worker(address);
      worker.onmessage = ({ data }) => listener.message(data);
      worker.onerror = ({ message }) => listener.failed(message ?? "a worker could not be started");
      return { post: (message) => worker.postMessage(message), hold: () => undefined };
    },
    collect: () => {
      new ArrayBuffer(PRESSURE_BYTES);
    },
  };
}

/** Opens what there is. */
export async function openHost(): Promise<Host> {
  return underNode ? openNode() : openPage();
}
