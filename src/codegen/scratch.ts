/** Where the scratch buffers of a kernel lie in the memory that each thread has for them; the same for all printers. */
import { sizeOf } from "../ir/dtype.js";
import type { Kernel } from "../ir/loops.js";

/** Bytes that a cache line, and every vector, is aligned to. */
const ALIGNMENT = 64;

/** The offset of each scratch buffer, and the bytes of all. */
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
