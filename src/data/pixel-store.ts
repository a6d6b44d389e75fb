/**
 * Samples of bytes of equal size, by index: held in memory, or read from a file at their positions. It must not know
 * the meaning of the bytes.
 */
import { closeSync, open as openFile, read } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { DataError } from "../util/errors.js";

/** Bytes of several samples; the i-th begins at `starts[i]`. */
interface SampleBytes {
  readonly bytes: Uint8Array;
  readonly starts: Float64Array;
}

/** Samples by index. */
export interface PixelStore {
  readonly inMemory: boolean;
  read(indices: ArrayLike<number>): SampleBytes | Promise<SampleBytes>;
}

/** Limit on the size of one read; samples that are consecutive in the file and in the request are read together. */
const readBytes = 2 ** 22;
/** Size of the reads that load a whole file: Node limits one read to 2 GiB. */
const pieceBytes = 2 ** 26;

const readAt = promisify(read);
const openDescriptor = promisify(openFile);

/** Opens a file of samples of `sampleSize` bytes each, and loads it into memory if all of it fits the budget. */
export async function openStore(path: string, sampleSize: number, memoryBytes: number): Promise<PixelStore> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size <= memoryBytes) return new MemoryStore(await readWhole(file, size), sampleSize);
  } finally {
    await file.close();
  }
  return FileStore.open(path, sampleSize);
}

async function readWhole(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(pieceBytes, size - at), at);
    if (bytesRead === 0) throw new DataError("[data] the cache of pixels became shorter while it was read");
    at += bytesRead;
  }
  return bytes;
}

class MemoryStore implements PixelStore {
  readonly inMemory = true;
  readonly #bytes: Uint8Array;
  readonly #sampleSize: number;

  constructor(bytes: Uint8Array, sampleSize: number) {
    this.#bytes = bytes;
    this.#sampleSize = sampleSize;
  }

  read(indices: ArrayLike<number>): SampleBytes {
    return { bytes: this.#bytes, starts: Float64Array.from(indices, (index) => index * this.#sampleSize) };
  }
}

/** Closes the descriptors of stores that were garbage-collected. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

class FileStore implements PixelStore {
  readonly inMemory = false;
  readonly #descriptor: number;
  readonly #sampleSize: number;

  private constructor(descriptor: number, sampleSize: number) {
    this.#descriptor = descriptor;
    this.#sampleSize = sampleSize;
    forgotten.register(this, descriptor);
  }

  static async open(path: string, sampleSize: number): Promise<FileStore> {
    return new FileStore(await openDescriptor(path, "r"), sampleSize);
  }

  async read(indices: ArrayLike<number>): Promise<SampleBytes> {
    const size = this.#sampleSize;
    const bytes = new Uint8Array(indices.length * size);
    const reads: Promise<void>[] = [];
    for (let first = 0; first < indices.length; ) {
      let end = first + 1;
      while (end < indices.length && indices[end] === indices[end - 1] + 1 && (end - first) * size < readBytes) end++;
      reads.push(this.#fill(bytes.subarray(first * size, end * size), indices[first] * size));
      first = end;
    }
    await Promise.all(reads);
    return { bytes, starts: Float64Array.from({ length: indices.length }, (_, i) => i * size) };
  }

  async #fill(into: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await readAt(this.#descriptor, into, at, into.length - at, position + at);
      if (bytesRead === 0) throw new DataError("[data] the cache of pixels became shorter while it was read");
      at += bytesRead;
    }
  }
}
