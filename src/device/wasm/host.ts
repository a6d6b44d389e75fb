/**
 * The differences between Node and browsers: threads, their number, shared memory, garbage collection. `node-host.ts`
 * and `page-host.ts` implement the interface; the entry point of the package passes one to the device.
 */

/** A worker thread. */
export interface Thread {
  post(message: unknown): void;
  /** Node only: whether the thread keeps the process from exiting. */
  keepAlive(on: boolean): void;
}

/** Callbacks for the events of a thread. */
interface Listener {
  message(message: unknown): void;
  /** The thread could not be started, or terminated with an error. */
  failed(reason: string): void;
}

export interface Host {
  /** Number of processor cores. */
  readonly cores: number;
  /** The reason why threads cannot share memory; null if they can. */
  readonly singleThreadReason: string | null;
  /** True in a page, whose author can enable shared memory by HTTP headers and is told so. */
  readonly page: boolean;
  /** Starts a thread that runs `source`, in which `send(message)` and `receive((message) => …)` are defined. */
  spawn(source: string, listener: Listener): Thread;
  /** Requests a garbage collection: the engine does not count the contents of WebAssembly memory. */
  collect(): void;
}
