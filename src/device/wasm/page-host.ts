/**
 * A page as a host of the `wasm` device. Must not know the code that threads run.
 */
import type { Host } from "./host.js";

/** The browser globals used here; the library is checked with Node's types, which lack them. */
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

/**
 * Bytes of a temporary allocation that triggers a collection: it is never touched, so it costs nothing, but engines
 * count it.
 */
const PRESSURE_BYTES = 64 << 20;

/** The host in a page; starts no thread yet. */
export function openPageHost(): Host {
  const page = globalThis as unknown as Page;
  const { Worker } = page;
  const prelude = `const send = (message) => self.postMessage(message);
const receive = (listener) => { self.onmessage = (event) => listener(event.data); };
`;
  let singleThreadReason: string | null = null;
  if (!Worker) singleThreadReason = "there are no workers here";
  else if (!page.crossOriginIsolated) singleThreadReason = "the page is not cross-origin isolated";
  return {
    cores: page.navigator.hardwareConcurrency ?? 1,
    singleThreadReason,
    page: true,
    spawn: (source, listener) => {
      if (!Worker) throw new Error("there are no workers here");
      const address = URL.createObjectURL(new Blob([prelude, source], { type: "text/javascript" }));
      const worker = new Worker(address);
      worker.onmessage = ({ data }) => listener.message(data);
      worker.onerror = ({ message }) => listener.failed(message ?? "a worker could not be started");
      return { post: (message) => worker.postMessage(message), keepAlive: () => undefined };
    },
    collect: () => {
      new ArrayBuffer(PRESSURE_BYTES);
    },
  };
}
