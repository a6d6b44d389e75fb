/**
 * A page as a host of the `wasm` device. It knows threads, and nothing of what they run.
 */
import type { Host } from "./host.js";

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

/** Looks at the page; starts nothing. */
export function openPageHost(): Host {
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
