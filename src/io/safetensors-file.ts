/**
 * Safetensors files on disk. It needs Node; it must not know the format.
 */
import type { Tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { record, text } from "../util/kinds.js";
import { readFileBytes, writeFileAtomic } from "./files.js";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  metadataKind,
  readTensors,
  type Safetensors,
  type SafetensorsOptions,
} from "./safetensors.js";

/**
 * Reads a safetensors file; see {@link decodeSafetensors}.
 *
 * @throws DataError if the file is missing or damaged.
 */
export const readSafetensors = checked(
  "readSafetensors",
  takes({ path: text }),
  async (path: string): Promise<Safetensors> => {
    return decodeSafetensors(await readFileBytes(path), path);
  },
);

/**
 * Writes a safetensors file atomically.
 *
 * @param tensors by name: a state dict, whose values at the time of the call are written, or host tensors
 * @throws DataError if the file cannot be written; the old file is then kept.
 * @example
 * await writeSafetensors("model.safetensors", model.stateDict());
 * await writeSafetensors("w.safetensors", { w: { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) } });
 */
export const writeSafetensors = checked(
  "writeSafetensors",
  takes<SafetensorsOptions>({ path: text, tensors: record }, { metadata: metadataKind }),
  async (
    path: string,
    tensors: Readonly<Record<string, Tensor | HostTensor>>,
    options: SafetensorsOptions = {},
  ): Promise<void> => {
    await writeFileAtomic(path, encodeSafetensors(await readTensors(tensors), options));
  },
);
