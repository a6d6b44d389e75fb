/** Writes IDX bytes for tests: big-endian numbers behind the header of the format. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { philox2x32 } from "../../src/util/philox.js";

export function idxBytes(type: number, shape: readonly number[], numbers: ArrayLike<number>): Uint8Array {
  const sizes: Record<number, number> = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 };
  const start = 4 + 4 * shape.length;
  const bytes = new Uint8Array(start + numbers.length * sizes[type]);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, type, shape.length]);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  const write: Record<number, (at: number, value: number) => void> = {
    8: (at, value) => view.setUint8(at, value),
    9: (at, value) => view.setInt8(at, value),
    11: (at, value) => view.setInt16(at, value),
    12: (at, value) => view.setInt32(at, value),
    13: (at, value) => view.setFloat32(at, value),
    14: (at, value) => view.setFloat64(at, value),
  };
  for (let i = 0; i < numbers.length; i++) write[type](start + i * sizes[type], numbers[i]);
  return bytes;
}

/**
 * A folder of four IDX files that is easy to learn: class k has a bright column k on noise. The files for training are
 * gzipped.
 */
export async function writeIdxFolder(
  folder: string,
  {
    train = 48,
    test = 16,
    size = 8,
    classes = 4,
  }: { train?: number; test?: number; size?: number; classes?: number } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [prefix, count] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % classes);
    const images = Uint8Array.from({ length: count * size * size }, (_, i) => {
      const column = i % size;
      const noise = philox2x32(i, prefix.length, 7)[0] % 60;
      return noise + (column === labels[Math.floor(i / size ** 2)] * 2 ? 180 : 0);
    });
    const pack = prefix === "train" ? gzipSync : (bytes: Uint8Array) => bytes;
    const end = prefix === "train" ? ".gz" : "";
    await writeFile(join(folder, `${prefix}-images-idx3-ubyte${end}`), pack(idxBytes(8, [count, size, size], images)));
    await writeFile(join(folder, `${prefix}-labels-idx1-ubyte${end}`), pack(idxBytes(8, [count], labels)));
  }
}
