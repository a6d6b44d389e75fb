/**
 * IDX files on disk, plain or gzipped. It needs Node; it must not know what the files contain.
 */
import { readFile } from "node:fs/promises";
import { getSystemErrorMap, promisify } from "node:util";
import { gunzip } from "node:zlib";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { text } from "../util/kinds.js";
import { again, type IdxArray, parseIdx } from "./idx.js";

/**
 * Reads an IDX file, and unzips it first if its content is gzipped, whatever its name.
 *
 * @throws DataError if the file is missing, cannot be unzipped, or is not IDX.
 * @example
 * const images = await readIdx("train-images-idx3-ubyte.gz"); // shape [60000, 28, 28]
 */
export const readIdx = checked("readIdx", takes({ path: text }), async (path: string): Promise<IdxArray> => {
  const bytes = await readBytes(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return parseIdx(bytes, path);
  try {
    return parseIdx(await promisify(gunzip)(bytes), path);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`[idx] ${path} cannot be unpacked: ${(cause as Error).message}`, {
      hint: again,
      cause,
    });
  }
});

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, errno } = cause as NodeJS.ErrnoException;
    const reason = errno === undefined ? code : getSystemErrorMap().get(errno)?.[1];
    throw new DataError(`[idx] cannot read ${path}: ${reason}`, { cause });
  }
}
