/**
 * Several files to one block of pixels, on whatever thread it is called. It must not know threads or data sets.
 */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Decoded, type DecodeSettings, decodeImage } from "./image.js";

/** Files to be decoded alike. */
export interface FileJob {
  readonly paths: readonly string[];
  readonly settings: DecodeSettings;
}

/** What became of a file: nothing to say when it is in the pixels. */
type FileOutcome = Exclude<Decoded, { readonly pixels: Uint8Array }> | undefined;

/** The pixels of a job, and what happened to each file. */
export interface DecodedFiles {
  /** `[files, H, W, C]`; zeros where there is no image. */
  readonly pixels: Uint8Array;
  readonly outcomes: readonly FileOutcome[];
}

/** Files in flight at once where the decoder has threads of its own. */
const atOnce = 4;

/**
 * Decodes files. A file that cannot be read or decoded is an outcome, never an error.
 *
 * @throws DataError when a decoder is not installed.
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
    // Small files are read in less time than it takes to schedule a read; large ones are read while others decode.
    bytes = settings.resize ? await readFile(path) : readFileSync(path);
  } catch (error) {
    return { reason: `cannot be read: ${(error as NodeJS.ErrnoException).code}` };
  }
  return decodeImage(bytes, settings);
}
