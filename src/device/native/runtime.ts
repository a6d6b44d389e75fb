/**
 * The native runtime library, loaded through koffi: typed calls and nothing else.
 */
import { DeviceError, UnavailableError } from "../../util/errors.js";
import type { KernelCache } from "./kernel-cache.js";
import { RUNTIME_SOURCE } from "./runtime-source.js";

export interface Runtime {
  /** Starts the thread pool; returns the number of threads, the caller included. */
  start(threads: number): number;
  alloc(bytes: number): number;
  free(address: number): void;
  write(to: number, from: ArrayBufferView, bytes: number): void;
  read(to: ArrayBufferView, from: number, bytes: number): void;
  /** The address of a kernel's function in a library. */
  open(library: string, symbol: string): number;
  /** Enlarges the scratch memory of every thread to at least `bytes`. */
  scratch(bytes: number): void;
  /** Runs steps off the event loop. */
  run(steps: BigInt64Array, table: BigUint64Array, count: number, times: Float64Array | null): Promise<void>;
}

/** Thrown if the system cannot load a compiled library. */
export class UnloadableError extends DeviceError {
  constructor(
    /** The message of the system's loader. */
    readonly reason: string,
    path: string,
  ) {
    super(`a compiled library cannot be loaded: ${reason}`, { hint: `Delete ${path} and try again` });
  }
}

/** Loads koffi on demand: it contains native code, which is missing or forbidden on some machines. */
async function loadKoffi(): Promise<typeof import("koffi").default> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    const reason = String(cause instanceof Error ? cause.message : cause).split("\n")[0];
    throw new UnavailableError(`the package koffi, which calls compiled kernels, cannot be loaded (${reason})`, {
      cause,
    });
  }
}

/** The loader's message without koffi's prefix and the path. */
function loaderMessage(cause: unknown, path: string): string {
  const text = String(cause instanceof Error ? cause.message : cause).split("\n")[0];
  return text.replace(/^Failed to load shared library: /, "").replace(`${path}: `, "");
}

export async function loadRuntime(cache: KernelCache): Promise<Runtime> {
  const koffi = await loadKoffi();
  const path = await cache.library(RUNTIME_SOURCE, ["-pthread", "-ldl"]);
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw new UnloadableError(loaderMessage(cause, path), path);
  }
  const start = library.func("int fovea_start(int)");
  const alloc = library.func("uint64_t fovea_alloc(uint64_t)");
  const free = library.func("void fovea_free(uint64_t)");
  const write = library.func("void fovea_write(uint64_t, const void *, uint64_t)");
  const read = library.func("void fovea_read(void *, uint64_t, uint64_t)");
  const open = library.func("uint64_t fovea_open(const char *, const char *, void *, int)");
  const scratch = library.func("int fovea_scratch(int64_t)");
  const run = library.func("int fovea_run(const void *, const void *, int64_t, void *)");
  const failMemory = (bytes: number): never => {
    throw new DeviceError(`out of memory: ${(bytes / 2 ** 20).toFixed(1)} MiB could not be allocated`, {
      hint: "Use a smaller batch",
    });
  };
  return {
    start: (threads) => start(threads),
    alloc: (bytes) => Number(alloc(bytes)) || failMemory(bytes),
    free: (address) => free(address),
    write: (to, from, bytes) => write(to, from, bytes),
    read: (to, from, bytes) => read(to, from, bytes),
    open: (library, symbol) => {
      const message = new Uint8Array(512);
      const address = Number(open(library, symbol, message, message.length));
      if (address) return address;
      const text = new TextDecoder().decode(message.subarray(0, Math.max(0, message.indexOf(0))));
      throw new UnloadableError(text.replace(`${library}: `, ""), library);
    },
    scratch: (bytes) => {
      if (scratch(bytes) !== 0) failMemory(bytes);
    },
    run: (steps, table, count, times) =>
      new Promise((resolve, reject) => {
        run.async(steps, table, count, times, (error: Error | null) => (error ? reject(error) : resolve()));
      }),
  };
}
