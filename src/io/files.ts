/**
 * Reads whole files and writes them atomically, with one clear error for each failure of a disk. This file must not
 * know what the files contain.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { getSystemErrorMap } from "node:util";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { bytes, either, flag, text } from "../util/kinds.js";

const hints: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space or choose a folder on another disk",
  EDQUOT: "Free some space or choose a folder on another disk",
  EACCES: "Choose a folder that you may write to, or change its permissions",
  EPERM: "Choose a folder that you may write to, or change its permissions",
  EROFS: "Choose a folder on a disk that can be written",
};

function fileError(action: string, path: string, cause: unknown): DataError {
  const { code = "", errno } = cause as NodeJS.ErrnoException;
  const reason = errno === undefined ? String(cause) : (getSystemErrorMap().get(errno)?.[1] ?? code);
  return new DataError(`[io] cannot ${action} ${path}: ${reason}`, { hint: hints[code], cause });
}

/**
 * Reads a whole file.
 *
 * @throws DataError if the file is missing or cannot be read.
 */
export const readFileBytes = checked(
  "readFileBytes",
  takes({ path: text }),
  async (path: string): Promise<Uint8Array> => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw fileError("read", path, cause);
    }
  },
);

/**
 * Makes a folder and its parents.
 *
 * @returns whether the folder was made; false if it existed.
 * @throws DataError if the folder cannot be made, or a file has its name.
 */
export const makeFolder = checked("makeFolder", takes({ path: text }), async (path: string): Promise<boolean> => {
  try {
    return (await mkdir(path, { recursive: true })) !== undefined;
  } catch (cause) {
    throw fileError("make the folder", path, cause);
  }
});

/** The options of {@link writeFileAtomic}. */
export interface WriteOptions {
  /**
   * Whether to fail rather than replace a file, even one that another process writes at the same moment; default false.
   */
  readonly exclusive?: boolean;
}

/**
 * Writes a file so that a reader sees either the old content or the new, never a part: a temporary file in the same
 * folder, fsync, rename, fsync of the folder. On failure the old file is kept and the temporary one is removed.
 *
 * @throws DataError if the folder is missing or not writable, or the disk is full.
 * @example
 * await writeFileAtomic("run/config.json", JSON.stringify({ seed: 0 }));
 */
export const writeFileAtomic = checked(
  "writeFileAtomic",
  takes<WriteOptions>({ path: text, data: either(text, bytes) }, { exclusive: flag }),
  async (path: string, data: Uint8Array | string, { exclusive = false }: WriteOptions = {}): Promise<void> => {
    const folder = dirname(path);
    const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      if (exclusive) {
        await link(temporary, path); // link, unlike rename, fails if the path exists
        await unlink(temporary);
      } else {
        await rename(temporary, path);
      }
    } catch (cause) {
      await unlink(temporary).catch(() => undefined); // the file may not exist
      throw fileError("write", path, cause);
    }
    await syncFolder(folder);
  },
);

/** Makes a rename durable; file systems that cannot sync a folder (Windows) order renames themselves. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  if (!handle) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}
