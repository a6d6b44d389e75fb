/**
 * The part of a page's Worker that the peers use, on top of Node's threads: Node has none, and they would then compute on
 * one thread, which is not what a user of theirs sees in a browser. It knows no peer.
 */
import { resolveObjectURL } from "node:buffer";
import { Worker as Thread } from "node:worker_threads";

/** What a worker's text expects to find. */
const PRELUDE = `const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

class WebWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onerror: ((event: { readonly message: string }) => void) | null = null;
  readonly #thread: Promise<Thread>;

  constructor(address: string) {
    this.#thread = this.#start(address);
  }

  postMessage(message: unknown): void {
    this.#thread.then((thread) => thread.postMessage(message));
  }

  async #start(address: string): Promise<Thread> {
    const text = await resolveObjectURL(address)?.text();
    if (text === undefined) throw new Error(`no worker at ${address}`);
    const thread = new Thread(PRELUDE + text, { eval: true, execArgv: [] });
    thread.on("message", (data) => this.onmessage?.({ data }));
    thread.on("error", (error) => this.onerror?.({ message: String(error) }));
    return thread;
  }
}

/** Gives this process a Worker, and a navigator that reports `threads` processors. */
export function becomePage(threads: number): void {
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define("Worker", WebWorker);
  define("navigator", { hardwareConcurrency: threads });
}
