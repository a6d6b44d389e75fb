/**
 * Chooses the size and channels that a list of images is decoded to, from the request and from the headers of some
 * files. It must not know caches or data sets.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../util/errors.js";
import type { DecodeSettings } from "./image.js";
import { readHeader } from "./image-header.js";

/** Files by their paths relative to a root. */
export interface ImageList {
  readonly root: string;
  readonly paths: readonly string[];
}

/** The requested form of the pixels; part of the cache's key. */
export interface PixelRequest {
  /** [H, W] to resize to; absent: all images must have one size, which is kept. */
  readonly size?: readonly [number, number];
  /** Number of channels; absent: 1 if all images are grey, else 3. */
  readonly channels?: 1 | 3;
}

/** Number of files whose headers are read before decoding. */
const probeFiles = 64;
const usualSizes = [224, 192, 160, 128, 96, 64, 48, 32] as const;

/**
 * Chooses size and channels from the headers of files spread over the list. Other files may still differ, which
 * decoding detects.
 *
 * @throws DataError if no header can be read, or sizes differ and none was requested.
 */
export async function chooseSettings(list: ImageList, { size, channels }: PixelRequest): Promise<DecodeSettings> {
  const { root, paths } = list;
  const step = Math.max(1, paths.length / probeFiles);
  const chosen = Array.from({ length: Math.min(paths.length, probeFiles) }, (_, i) => paths[Math.floor(i * step)]);
  const headers = await Promise.all(chosen.map((path) => headerOf(join(root, path))));
  const readable = headers.filter((header) => typeof header !== "string");
  if (readable.length === 0) {
    throw new DataError(`[data] none of ${chosen.length} images in ${root} can be read: ${chosen[0]}: ${headers[0]}`, {
      hint: "JPEG, PNG and WebP files are read",
    });
  }
  const sizes = readable.map(({ height, width }) => [height, width] as const);
  if (!size && new Set(sizes.map(String)).size > 1) throw sizesError(root, sizes);
  return {
    channels: channels ?? (readable.every(({ grey }) => grey) ? 1 : 3),
    size: size ?? sizes[0],
    resize: size !== undefined,
  };
}

async function headerOf(path: string): Promise<ReturnType<typeof readHeader>> {
  try {
    return readHeader(await readFile(path));
  } catch (error) {
    return `cannot be read: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** The error for images of several sizes: it lists them, the most frequent first, and suggests one. */
export function sizesError(root: string, sizes: readonly (readonly [number, number])[]): DataError {
  const counts = new Map<string, number>();
  for (const [height, width] of sizes) counts.set(`${height}x${width}`, (counts.get(`${height}x${width}`) ?? 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1]);
  const shown = ranked.slice(0, 4).map(([name]) => name);
  const list =
    ranked.length > shown.length ? `${shown.join(", ")} and ${ranked.length - shown.length} more` : shown.join(", ");
  const shorts = sizes.map(([height, width]) => Math.min(height, width)).sort((a, b) => a - b);
  const middle = shorts[Math.floor(shorts.length / 2)];
  const proposed = usualSizes.find((size) => size <= middle) ?? middle;
  return new DataError(`[data] the images in ${root} differ in size (height x width): ${list}`, {
    hint: `Choose a size for all: --size ${proposed}`,
  });
}
