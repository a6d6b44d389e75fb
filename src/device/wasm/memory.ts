/**
 * The memory of the `wasm` device: one WebAssembly memory, divided into blocks. Addresses go up to 2³², so address
 * arithmetic must not use 32-bit operators. Must not know kernels, programs or threads.
 */
import { DeviceError } from "../../util/errors.js";
import { engine, type WasmMemory } from "./engine.js";

const PAGE_BYTES = 65536;
/** Pages of the 32-bit address space. */
const MAX_PAGES = 65536;
/** Sizes and addresses are multiples of this: whole cache lines, and few distinct sizes. */
const GRANULE = 256;

const rounded = (bytes: number, to: number): number => Math.max(1, Math.ceil(bytes / to)) * to;
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The free ranges of an address space, sorted by address; adjacent ranges are merged. */
export class FreeList {
  private readonly starts: number[] = [];
  private readonly sizes: number[] = [];

  /** Allocates the start of the smallest range that is large enough (best fit); null if there is none. */
  allocate(bytes: number): number | null {
    let best = -1;
    for (let i = 0; i < this.sizes.length; i++) {
      const size = this.sizes[i];
      if (size >= bytes && (best < 0 || size < this.sizes[best])) best = i;
    }
    if (best < 0) return null;
    const start = this.starts[best];
    if (this.sizes[best] === bytes) {
      this.starts.splice(best, 1);
      this.sizes.splice(best, 1);
    } else {
      this.starts[best] += bytes;
      this.sizes[best] -= bytes;
    }
    return start;
  }

  /** Frees a range and merges it with adjacent free ranges. */
  release(start: number, bytes: number): void {
    const i = this.position(start);
    const touchesBefore = i > 0 && this.starts[i - 1] + this.sizes[i - 1] === start;
    const touchesAfter = i < this.starts.length && start + bytes === this.starts[i];
    if (touchesBefore) {
      this.sizes[i - 1] += bytes + (touchesAfter ? this.sizes[i] : 0);
      if (touchesAfter) {
        this.starts.splice(i, 1);
        this.sizes.splice(i, 1);
      }
    } else if (touchesAfter) {
      this.starts[i] = start;
      this.sizes[i] += bytes;
    } else {
      this.starts.splice(i, 0, start);
      this.sizes.splice(i, 0, bytes);
    }
  }

  /** Bytes of the free range that ends at `end`. */
  freeBytesBefore(end: number): number {
    const last = this.starts.length - 1;
    return last >= 0 && this.starts[last] + this.sizes[last] === end ? this.sizes[last] : 0;
  }

  /** Start and size of every free range. */
  ranges(): [start: number, bytes: number][] {
    return this.starts.map((start, i) => [start, this.sizes[i]]);
  }

  /** The number of ranges that start below `start`. */
  private position(start: number): number {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Reserves as much address space as the engine allows: some allow less than 4 GiB, or less under a process limit. */
function reserve(pages: number, shared: boolean): { memory: WasmMemory; maxPages: number } {
  for (let maxPages = MAX_PAGES; ; maxPages /= 2) {
    try {
      return { memory: new (engine().Memory)({ initial: pages, maximum: maxPages, shared }), maxPages };
    } catch (cause) {
      if (maxPages / 2 < pages) {
        throw new DeviceError("[wasm] the engine refused to reserve memory", {
          hint: "Free some memory and try again",
          cause,
        });
      }
    }
  }
}

export interface MemoryOptions {
  /** True if threads share the memory. */
  readonly shared: boolean;
  /** No block is placed below this address. */
  readonly lowBytes: number;
}

/** A WebAssembly.Memory from which blocks are allocated. */
export class BlockMemory {
  readonly memory: WasmMemory;
  private readonly maxPages: number;
  private readonly free = new FreeList();
  private readonly blocks = new Map<number, number>();
  private pages: number;
  usedBytes = 0;

  constructor({ shared, lowBytes }: MemoryOptions) {
    const low = rounded(lowBytes, PAGE_BYTES);
    this.pages = low / PAGE_BYTES + 64;
    ({ memory: this.memory, maxPages: this.maxPages } = reserve(this.pages, shared));
    this.free.release(low, this.pages * PAGE_BYTES - low);
  }

  /** The size of a block for a request of `bytes`. */
  static sizeOf(bytes: number): number {
    return rounded(bytes, GRANULE);
  }

  /** Limit of the bytes of all blocks, after growth. */
  get limitBytes(): number {
    return this.maxPages * PAGE_BYTES;
  }

  /** Bytes of the memory at its present size. */
  get grownBytes(): number {
    return this.pages * PAGE_BYTES;
  }

  /**
   * The address of a new block of at least `bytes` bytes; its content is undefined.
   *
   * @throws DeviceError if no free range is large enough and the memory cannot grow
   */
  allocate(bytes: number): number {
    const size = BlockMemory.sizeOf(bytes);
    const address = this.free.allocate(size) ?? this.grow(size);
    this.blocks.set(address, size);
    this.usedBytes += size;
    return address;
  }

  release(address: number): void {
    const size = this.blocks.get(address);
    if (size === undefined) throw new DeviceError(`[wasm] no block begins at ${address}`);
    this.blocks.delete(address);
    this.usedBytes -= size;
    this.free.release(address, size);
  }

  /** A view of the memory; growth may detach it, so it must not be stored. */
  bytes(address: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  /** The same as {@link bytes}, as 32-bit words. */
  words(address: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  /** Doubles the memory, or grows it by the needed pages only if doubling is refused. */
  private grow(size: number): number {
    const end = this.grownBytes;
    const needed = Math.ceil((size - this.free.freeBytesBefore(end)) / PAGE_BYTES);
    const room = this.maxPages - this.pages;
    const wanted = needed > room ? [] : [Math.max(needed, Math.min(this.pages, room)), needed];
    for (const pages of wanted) {
      try {
        this.memory.grow(pages);
      } catch {
        continue;
      }
      this.pages += pages;
      this.free.release(end, pages * PAGE_BYTES);
      const address = this.free.allocate(size);
      if (address !== null) return address;
    }
    const inUse = `${mebibytes(this.usedBytes)} of at most ${mebibytes(this.limitBytes)} are in use`;
    throw new DeviceError(`[wasm] out of memory: ${mebibytes(size)} could not be allocated, ${inUse}`, {
      hint: "Use a smaller batch, or the native device, which has no such limit",
    });
  }
}
