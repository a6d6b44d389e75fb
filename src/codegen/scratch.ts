/** The layout of a kernel's scratch buffers in the scratch memory of a thread; the same for all code generators. */
import { sizeOf } from "../ir/dtype.js";
import type { Kernel } from "../ir/loops.js";

/** Alignment of scratch buffers in bytes: a cache line, and the widest vector. */
const ALIGNMENT = 64;

/** The byte offset of each scratch buffer, and the bytes of all together. */
export function scratchLayout(kernel: Kernel): { offsets: ReadonlyMap<string, number>; sizeBytes: number } {
  const offsets = new Map<string, number>();
  let sizeBytes = 0;
  for (const { name, dtype, elements } of kernel.scratch) {
    offsets.set(name, sizeBytes);
    sizeBytes += Math.ceil((elements * sizeOf(dtype)) / ALIGNMENT) * ALIGNMENT;
  }
  return { offsets, sizeBytes };
}

/** Bytes of scratch memory that each thread needs for the kernel. */
export const scratchBytes = (kernel: Kernel): number => scratchLayout(kernel).sizeBytes;
