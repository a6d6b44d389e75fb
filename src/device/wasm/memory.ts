/**
 * All memory of the `wasm` device: one WasmMemory, and who has which part of it. Addresses are plain numbers up
 * to 2³², so no arithmetic here may be done in 32 bits. Knows nothing of kernels, programs or threads.
 */
import { DeviceError } from "../../util/errors.js";
import { engine, type WasmMemory } from "./engine.js";

const PAGE_BYTES = 65536;
/** What 32-bit addresses reach. */
const MOST_PAGES = 65536;
/** Sizes are multiples of it and so are addresses: whole cache lines, and few distinct sizes. */
const GRANULE = 256;

const rounded = (bytes: number, to: number): number => Math.max(1, Math.ceil(bytes / to)) * to;
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Free ranges of an address space, in order of address, none touching the next. */
export class FreeList {
  private readonly starts: number[] = [];
  private readonly sizes: number[] = [];

  /** The smallest range that is large enough gives its beginning; null if there is none. */
  take(bytes: number): number | null {
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

  /** Gives a range back; neighbours grow together. */
  give(start: number, bytes: number): void {
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

  /** Free bytes that end at `end`. */
  before(end: number): number {
    const last = this.starts.length - 1;
    return last >= 0 && this.starts[last] + this.sizes[last] === end ? this.sizes[last] : 0;
  }

  /** Start and size of every free range. */
  ranges(): [start: number, bytes: number][] {
    return this.starts.map((start, i) => [start, this.sizes[i]]);
  }

  /** How many ranges start below `start`. */
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

/** As much address space as the engine gives: some give less than 4 GiB, or little at once under a limit. */
function reserve(pages: number, shared: boolean): { memory: WasmMemory; mostPages: number } {
  for (let mostPages = MOST_PAGES; ; mostPages /= 2) {
    try {
      return { memory: new (engine().Memory)({ initial: pages, maximum: mostPages, shared }), mostPages };
    } catch (cause) {
      if (mostPages / 2 < pages) {
        throw new DeviceError("[wasm] no memory could be reserved", { hint: "Free some memory and try again", cause });
      }
    }
  }
}

export interface MemoryOptions {
  /** Whether threads share it. */
  readonly shared: boolean;
  /** No block lies below. */
  readonly lowBytes: number;
}

/** A WebAssembly.Memory in blocks. */
export class BlockMemory {
  readonly memory: WasmMemory;
  private readonly mostPages: number;
  private readonly free = new FreeList();
  private readonly blocks = new Map<number, number>();
  private pages: number;
  usedBytes = 0;

  constructor({ shared, lowBytes }: MemoryOptions) {
    const low = rounded(lowBytes, PAGE_BYTES);
    this.pages = low / PAGE_BYTES + 64;
    ({ memory: this.memory, mostPages: this.mostPages } = reserve(this.pages, shared));
    this.free.give(low, this.pages * PAGE_BYTES - low);
  }

  /** How large a block becomes. */
  static sizeOf(bytes: number): number {
    return rounded(bytes, GRANULE);
  }

  /** Bytes that blocks may take in all, now and after growth. */
  get limitBytes(): number {
    return this.mostPages * PAGE_BYTES;
  }

  /** Bytes that the engine was asked for so far. */
  get grownBytes(): number {
    return this.pages * PAGE_BYTES;
  }

  /**
   * The address of a block of at least so many bytes; its content is undefined.
   *
   * @throws DeviceError if neither a hole nor growth has room for it
   */
  allocate(bytes: number): number {
    const size = BlockMemory.sizeOf(bytes);
    const address = this.free.take(size) ?? this.grow(size);
    this.blocks.set(address, size);
    this.usedBytes += size;
    return address;
  }

  release(address: number): void {
    const size = this.blocks.get(address);
    if (size === undefined) throw new DeviceError(`[wasm] no block begins at ${address}`);
    this.blocks.delete(address);
    this.usedBytes -= size;
    this.free.give(address, size);
  }

  /** A part of the memory; growth may detach it, so nobody keeps it. */
  bytes(address: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  /** The same as 32-bit words. */
  words(address: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  /** Doubles the memory, or takes what is just enough where that is refused. */
  private grow(size: number): number {
    const end = this.grownBytes;
    const needed = Math.ceil((size - this.free.before(end)) / PAGE_BYTES);
    const room = this.mostPages - this.pages;
    const wanted = needed > room ? [] : [Math.max(needed, Math.min(this.pages, room)), needed];
    for (const pages of wanted) {
      try {
        this.memory.grow(pages);
      } catch {
        continue;
      }
      this.pages += pages;
      this.free.give(end, pages * PAGE_BYTES);
      const address = this.free.take(size);
      if (address !== null) return address;
    }
    const inUse = `${mebibytes(this.usedBytes)} of at most ${mebibytes(this.limitBytes)} are in use`;
    throw new DeviceError(`[wasm] out of memory: ${mebibytes(size)} could not be allocated, ${inUse}`, {
      hint: "Use a smaller batch, or the native device, which has no such limit",
    });
  }
}
