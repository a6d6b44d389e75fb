/**
 * The few services of the host that Node and browsers name differently: environment variables and the next turn of the
 * event loop. It must not know its callers.
 */

/** The environment variables, as they are when one is read; none in a browser. */
export const environment: Readonly<Record<string, string | undefined>> = globalThis.process?.env ?? {};

/** A message channel as pages have it; Node's types, which the library is checked with, describe Node's own. */
interface WebChannel {
  readonly port1: { onmessage: (() => void) | null; close(): void };
  readonly port2: { postMessage(message: null): void };
}

/**
 * Runs `work` in the next turn of the event loop, after all callbacks that are ready now.
 *
 * @returns a function that cancels the call if it has not begun
 */
export function nextTurn(work: () => void): () => void {
  if (typeof setImmediate === "function") {
    const turn = setImmediate(work);
    return () => clearImmediate(turn);
  }
  // Not a timer: browsers hold those back by 4 ms when they are nested, and by a second in a hidden tab.
  const { port1, port2 } = new MessageChannel() as unknown as WebChannel;
  port1.onmessage = () => {
    port1.close();
    work();
  };
  port2.postMessage(null);
  return () => port1.close();
}
