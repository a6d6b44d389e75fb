/**
 * The IDX format of MNIST and similar data sets: one array of numbers, big-endian, of any rank. It must know neither
 * the meaning of the numbers nor the source of the bytes.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
 */
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { bytes, text } from "../util/kinds.js";

/** The typed arrays that an IDX file can be decoded to. */
export type IdxNumbers = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** One array: `data.length` is the product of `shape`, last axis fastest. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: IdxNumbers;
}

interface IdxType {
  readonly sizeBytes: number;
  read(view: DataView, offset: number, count: number): IdxNumbers;
}

const types: Readonly<Record<number, IdxType>> = {
  8: { sizeBytes: 1, read: (v, at, n) => new Uint8Array(v.buffer, v.byteOffset + at, n).slice() },
  9: { sizeBytes: 1, read: (v, at, n) => new Int8Array(v.buffer, v.byteOffset + at, n).slice() },
  11: { sizeBytes: 2, read: (v, at, n) => Int16Array.from({ length: n }, (_, i) => v.getInt16(at + i * 2)) },
  12: { sizeBytes: 4, read: (v, at, n) => Int32Array.from({ length: n }, (_, i) => v.getInt32(at + i * 4)) },
  13: { sizeBytes: 4, read: (v, at, n) => Float32Array.from({ length: n }, (_, i) => v.getFloat32(at + i * 4)) },
  14: { sizeBytes: 8, read: (v, at, n) => Float64Array.from({ length: n }, (_, i) => v.getFloat64(at + i * 8)) },
};

/** The hint for a damaged file. */
export const again = "Download or copy the file again";

/**
 * Decodes the bytes of an IDX file: two zero bytes, a type code, the rank, the sizes (u32), the numbers.
 *
 * @param name the name of the bytes in errors, usually the path.
 * @throws DataError if the bytes are not IDX, or more or fewer than the header states.
 */
export const parseIdx = checked(
  "parseIdx",
  takes({ bytes, name: text }),
  (bytes: Uint8Array, name: string): IdxArray => {
    const hex = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const type = bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 ? types[bytes[2]] : undefined;
    const rank = bytes[3];
    if (type === undefined || rank === 0) {
      const begins = bytes.length === 0 ? "it is empty" : `it begins with ${hex}`;
      throw new DataError(`[idx] ${name} is not an IDX file: ${begins}`, {
        hint: "An IDX file begins with 00 00, a type from 08 to 0e, and the number of axes",
      });
    }
    const headerBytes = 4 + 4 * rank;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const shape: number[] = [];
    if (bytes.length < headerBytes) {
      throw new DataError(`[idx] ${name} is truncated: ${bytes.length} bytes, the header alone takes ${headerBytes}`, {
        hint: again,
      });
    }
    for (let at = 4; at < headerBytes; at += 4) shape.push(view.getUint32(at));
    const count = shape.reduce((product, size) => product * size, 1);
    const expected = headerBytes + count * type.sizeBytes;
    if (bytes.length < expected) {
      throw new DataError(`[idx] ${name} is truncated: ${bytes.length} bytes of ${expected}`, {
        hint: again,
      });
    }
    if (bytes.length > expected) {
      throw new DataError(
        `[idx] ${name} is too long: ${bytes.length} bytes, but [${shape.join(", ")}] takes ${expected}`,
        {
          hint: again,
        },
      );
    }
    return { shape, data: type.read(view, headerBytes, count) };
  },
);
