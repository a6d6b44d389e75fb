/**
 * Decoded images on disk, under a key of everything that they depend on; a missing entry is decoded and stored
 * atomically. It must not know classes or splits.
 */
import { createHash, randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, makePrivateFolder, reasonOf } from "../util/cache-folder.js";
import { DataError, FoveaError } from "../util/errors.js";
import { decodeAll } from "./decode-pool.js";
import { type DecodeSettings, decoderVersion } from "./image.js";
import { chooseSettings, type ImageList, type PixelRequest, sizesError } from "./image-probe.js";
import { openStore, type PixelStore } from "./pixel-store.js";

/** The progress of decoding; `done` counts files. */
export interface DecodeProgress {
  readonly done: number;
  readonly total: number;
}

/** The cache folder, and the limit on the pixels held in memory. */
export interface PixelPlace {
  /** Limit in bytes up to which pixels are held in memory; more are read from the cache on demand. */
  readonly memoryBytes: number;
  /** Cache folder; default: `pixels` in the user's cache folder. */
  readonly cache?: string;
  readonly onProgress?: (progress: DecodeProgress) => void;
}

/** A file that could not be decoded: its index in the list, and the reason. */
type Skip = readonly [index: number, reason: string];

/** Decoded images. */
export interface Pixels {
  readonly settings: DecodeSettings;
  /** The pixels by the index of a file in the list. */
  readonly store: PixelStore;
  readonly skipped: readonly Skip[];
  /** Hash of names and sizes of the files: equal for the same images in any folder. */
  readonly fingerprint: string;
  /** Time that decoding took in seconds; absent if the cache had the images. */
  readonly decodeSeconds?: number;
}

const format = 1;
const names = { pixels: "pixels.u8", index: "index.json" } as const;
const staleMs = 24 * 3600 * 1000;

interface Index {
  readonly format: number;
  readonly settings: DecodeSettings;
  readonly files: number;
  readonly skipped: readonly Skip[];
}

/**
 * The pixels of a list of files, `[N, H, W, C]` bytes. The cache key contains everything that changes a file (name,
 * size, time) or the result (decoders, settings).
 *
 * @throws DataError if sizes differ and none was requested, more than half of the files cannot be decoded, or the cache
 *   cannot be written.
 */
export async function openPixels(list: ImageList, request: PixelRequest, place: PixelPlace): Promise<Pixels> {
  const { key, fingerprint } = await hashFiles(list, request);
  const cache = place.cache ?? join(cacheFolder(), "pixels");
  const folder = join(cache, key);
  const begun = performance.now();
  const found = await readIndex(folder, list.paths.length);
  if (!found) await inCache(folder, () => makePixels(list, request, { ...place, cache }, folder));
  const index = found ?? (await readIndex(folder, list.paths.length));
  if (!index) throw new DataError(`[data] the cache of pixels ${folder} was removed while it was made`);
  const decodeSeconds = found ? undefined : (performance.now() - begun) / 1000;
  const { settings, skipped } = index;
  const store = await inCache(folder, () =>
    openStore(join(folder, names.pixels), sampleSize(settings), place.memoryBytes),
  );
  return { settings, store, skipped, fingerprint, decodeSeconds };
}

/** Number of files looked up per turn of the event loop, so that a long list does not block it. */
const filesPerTurn = 2000;

async function hashFiles(list: ImageList, request: PixelRequest): Promise<{ key: string; fingerprint: string }> {
  const content = createHash("sha256").update(JSON.stringify([format, decoderVersion, request]));
  const identity = createHash("sha256");
  for (const [i, path] of list.paths.entries()) {
    // A missing file is reported by decoding.
    const { size, mtimeMs } = lookUp(join(list.root, path));
    content.update(`${path}\0${size}\0${mtimeMs}\n`);
    identity.update(`${path}\0${size}\n`);
    if (i % filesPerTurn === filesPerTurn - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return { key: content.digest("hex").slice(0, 32), fingerprint: identity.digest("hex").slice(0, 32) };
}

function lookUp(path: string): { readonly size: number; readonly mtimeMs: number } {
  try {
    return statSync(path);
  } catch {
    return { size: -1, mtimeMs: -1 };
  }
}

/** The index of a complete cache entry; undefined for anything else. */
async function readIndex(folder: string, files: number): Promise<Index | undefined> {
  try {
    const index = JSON.parse(await readFile(join(folder, names.index), "utf8")) as Index;
    const { size } = await stat(join(folder, names.pixels));
    const whole = index.format === format && index.files === files && size === files * sampleSize(index.settings);
    return whole ? index : undefined;
  } catch {
    return undefined;
  }
}

/** Decodes into a temporary folder, then renames it to the final one, so that no process sees a partial entry. */
async function makePixels(
  list: ImageList,
  request: PixelRequest,
  place: PixelPlace & { readonly cache: string },
  folder: string,
): Promise<void> {
  makePrivateFolder(place.cache);
  await removeStale(place.cache);
  const temporary = `${folder}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  await mkdir(temporary, { mode: 0o700 });
  try {
    let settings = await chooseSettings(list, request);
    const path = join(temporary, names.pixels);
    let skipped = await decodeInto(path, list, settings, place);
    if (skipped === "colours") {
      if (request.channels === 1)
        throw new DataError(`[data] images in ${list.root} have colours, but grey is requested`);
      settings = { ...settings, channels: 3 };
      skipped = (await decodeInto(path, list, settings, place)) as Skip[]; // RGB takes every image
    }
    checkSkipped(list, skipped);
    const index: Index = { format, settings, files: list.paths.length, skipped };
    await writeFile(join(temporary, names.index), JSON.stringify(index));
    await rename(temporary, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (await readIndex(folder, list.paths.length)) return; // another process wrote it first
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      await rm(folder, { recursive: true, force: true }); // the entry is damaged
      await rename(temporary, folder);
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Decodes all files; returns the skipped ones, or `colours` if grey was requested and one image has colours. */
async function decodeInto(
  path: string,
  list: ImageList,
  settings: DecodeSettings,
  { onProgress }: PixelPlace,
): Promise<Skip[] | "colours"> {
  const total = list.paths.length;
  const size = sampleSize(settings);
  const skipped: Skip[] = [];
  let other: readonly [number, number] | undefined;
  let colours = false;
  let done = 0;
  const file = await open(path, "w");
  try {
    const paths = list.paths.map((name) => join(list.root, name));
    await decodeAll(paths, settings, async (first, { pixels, outcomes }) => {
      for (const [i, outcome] of outcomes.entries()) {
        if (!outcome) continue;
        if ("reason" in outcome) skipped.push([first + i, outcome.reason]);
        else if ("size" in outcome) other ??= outcome.size;
        else colours = true;
      }
      if (other || colours) return false;
      for (let at = 0; at < pixels.length; ) {
        at += (await file.write(pixels, at, pixels.length - at, first * size + at)).bytesWritten;
      }
      done += outcomes.length;
      onProgress?.({ done, total });
      return true;
    });
    await file.sync();
  } finally {
    await file.close();
  }
  if (other) throw sizesError(list.root, [settings.size, other]);
  return colours ? "colours" : skipped.sort(([a], [b]) => a - b);
}

function checkSkipped({ root, paths }: ImageList, skipped: readonly Skip[]): void {
  if (skipped.length * 2 <= paths.length) return;
  const [index, reason] = skipped[0];
  const share = `${skipped.length} of ${paths.length} images in ${root} cannot be decoded`;
  throw new DataError(`[data] ${share}, such as ${paths[index]}: ${reason}`, {
    hint: "Check how the images were made or copied; up to half of them may be skipped",
  });
}

/** Deletes the temporary folders of processes that were killed while decoding. */
async function removeStale(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.endsWith(".tmp")) continue;
    const path = join(cache, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > staleMs) await rm(path, { recursive: true, force: true });
  }
}

async function inCache<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FoveaError || !(cause instanceof Error && "code" in cause)) throw cause;
    throw new DataError(`[data] the cache of pixels ${folder} cannot be used (${reasonOf(cause)})`, {
      hint: "Point FOVEA_CACHE to a folder that can be written and has room",
      cause,
    });
  }
}

function sampleSize({ size, channels }: DecodeSettings): number {
  return size[0] * size[1] * channels;
}
