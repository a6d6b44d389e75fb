/**
 * Safetensors files on disk. Needs Node; it must not know the format.
 */

import type { Tensor } from "../tensor/index.js";
import { readFileBytes, writeFileAtomic } from "./files.js";
import { decodeSafetensors, encodeSafetensors, type HostTensor, readTensors, type Safetensors } from "./safetensors.js";

/**
 * Reads a safetensors file; see {@link decodeSafetensors}.
 *
 * @throws DataError when the file is missing or damaged.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return decodeSafetensors(await readFileBytes(path), path);
}

/**
 * Writes a safetensors file atomically.
 *
 * @param tensors by name: a state dict, whose values at the call are written, or values in host memory
 * @param metadata text by name, kept in the header
 * @throws DataError when the file cannot be written; the old file is then untouched.
 * @example
 * await writeSafetensors("model.safetensors", model.stateDict());
 * await writeSafetensors("w.safetensors", { w: { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) } });
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor | HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(await readTensors(tensors), metadata));
}
