/**
 * Decodes several files into one block of pixels, on the calling thread. It must not know threads or data sets.
 */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Decoded, type DecodeSettings, decodeImage } from "./image.js";

/** Files to decode with the same settings. */
export interface FileJob {
  readonly paths: readonly string[];
  readonly settings: DecodeSettings;
}

/** The outcome for a file: undefined if its pixels are there, else the reason why not. */
type FileOutcome = Exclude<Decoded, { readonly pixels: Uint8Array }> | undefined;

/** The pixels of a job, and the outcome for each file. */
export interface DecodedFiles {
  /** Pixels `[files, H, W, C]`; zeros for a file that was not decoded. */
  readonly pixels: Uint8Array;
  readonly outcomes: readonly FileOutcome[];
}

/** Number of files decoded concurrently if the decoder has threads of its own. */
const atOnce = 4;

/**
 * Decodes files. A file that cannot be read or decoded gives an outcome, not an error.
 *
 * @throws DataError if a decoder is not installed.
 */
export async function decodeFiles({ paths, settings }: FileJob): Promise<DecodedFiles> {
  const { size, channels, resize } = settings;
  const sampleSize = size[0] * size[1] * channels;
  const pixels = new Uint8Array(paths.length * sampleSize);
  const outcomes: FileOutcome[] = new Array(paths.length).fill(undefined);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < paths.length; i = next++) {
      const decoded = await decodeFile(paths[i], settings);
      if ("pixels" in decoded) pixels.set(decoded.pixels, i * sampleSize);
      else outcomes[i] = decoded;
    }
  };
  await Promise.all(Array.from({ length: resize ? atOnce : 1 }, work));
  return { pixels, outcomes };
}

async function decodeFile(path: string, settings: DecodeSettings): Promise<Decoded> {
  let bytes: Uint8Array;
  try {
    // Reading a small file takes less time than scheduling the read; large ones are read while others are decoded.
    bytes = settings.resize ? await readFile(path) : readFileSync(path);
  } catch (error) {
    return { reason: `cannot be read: ${(error as NodeJS.ErrnoException).code}` };
  }
  return decodeImage(bytes, settings);
}
