/**
 * Services of the host that Node and browsers name differently: environment variables, and the next turn of the event
 * loop. It must not know its callers.
 */

/** The environment variables, read at each access; empty in a browser. */
export const environment: Readonly<Record<string, string | undefined>> = globalThis.process?.env ?? {};

/** The message channel of a browser; the types of this library describe Node's. */
interface WebChannel {
  readonly port1: { onmessage: (() => void) | null; close(): void };
  readonly port2: { postMessage(message: null): void };
}

/**
 * Runs `work` in the next turn of the event loop, after all callbacks that are ready now.
 *
 * @returns a function that cancels the call if it has not started
 */
export function nextTurn(work: () => void): () => void {
  if (typeof setImmediate === "function") {
    const turn = setImmediate(work);
    return () => clearImmediate(turn);
  }
  // Not a timer: browsers delay nested timers by 4 ms, and those of a hidden tab by a second.
  const { port1, port2 } = new MessageChannel() as unknown as WebChannel;
  port1.onmessage = () => {
    port1.close();
    work();
  };
  port2.postMessage(null);
  return () => port1.close();
}
