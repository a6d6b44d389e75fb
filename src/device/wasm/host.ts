/**
 * What Node and browsers do differently: threads, their number, shared memory, garbage collection. `node-host.ts` and
 * `page-host.ts` are the two; the entry of the package that runs hands one to the device, which does not know which.
 */

/** A thread of the engine. */
export interface Thread {
  post(message: unknown): void;
  /** While a thread is held, the process waits for it; a page always stays. */
  hold(held: boolean): void;
}

/** What a thread tells. */
interface Listener {
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
