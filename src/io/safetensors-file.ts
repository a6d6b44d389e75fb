/**
 * Safetensors files on disk. Needs Node; it must not know the format.
 */
import { readFileBytes, writeFileAtomic } from "./files.js";
import { decodeSafetensors, encodeSafetensors, type HostTensor, type Safetensors } from "./safetensors.js";

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
 * @throws DataError when the file cannot be written; the old file is then untouched.
 * @example
 * await writeSafetensors("w.safetensors", { w: { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) } });
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}
