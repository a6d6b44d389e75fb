/**
 * The safetensors format: named tensors as one JSON header and one block of raw little-endian numbers. Reading
 * validates the whole header before any number, because files may come from untrusted sources. It must not know
 * modules, devices or where the bytes come from.
 *
 * Source: https://github.com/huggingface/safetensors, "Format".
 */
import { type DType, realize, Tensor, type TypedArray } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { bytes, isPlain, type Kind, record, text } from "../util/kinds.js";
import { spell } from "../util/spelling.js";

/** A tensor in host memory: `data.length` is the product of `shape`; a `bool` is a byte of 0 or 1. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** The content of a safetensors file. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The options of {@link encodeSafetensors}. */
export interface SafetensorsOptions {
  /** Strings by name, stored in the header; default none. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export const metadataKind: Kind = {
  name: "an object of strings",
  accepts: (value) => isPlain(value) && Object.values(value).every((each) => typeof each === "string"),
};

type Fail = (problem: string) => never;

interface Format {
  readonly sizeBytes: number;
  readonly dtype: DType;
  read(bytes: Uint8Array): TypedArray;
}

const maxHeaderBytes = 100_000_000; // the limit of the reference implementation
const writtenAs: Readonly<Record<DType, string>> = { f32: "F32", f64: "F64", i32: "I32", u8: "U8", bool: "BOOL" };

/** `bytes` is a private copy that starts at offset 0 of its buffer, so every typed array is aligned. */
const formats: Readonly<Record<string, Format>> = {
  F64: { sizeBytes: 8, dtype: "f64", read: (bytes) => new Float64Array(bytes.buffer) },
  F32: { sizeBytes: 4, dtype: "f32", read: (bytes) => new Float32Array(bytes.buffer) },
  F16: { sizeBytes: 2, dtype: "f32", read: (bytes) => Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber) },
  BF16: { sizeBytes: 2, dtype: "f32", read: (bytes) => new Float32Array(upperHalves(bytes).buffer) },
  I32: { sizeBytes: 4, dtype: "i32", read: (bytes) => new Int32Array(bytes.buffer) },
  U32: { sizeBytes: 4, dtype: "i32", read: (bytes) => narrow(new Uint32Array(bytes.buffer)) },
  I64: { sizeBytes: 8, dtype: "i32", read: (bytes) => narrow(new BigInt64Array(bytes.buffer)) },
  U64: { sizeBytes: 8, dtype: "i32", read: (bytes) => narrow(new BigUint64Array(bytes.buffer)) },
  I16: { sizeBytes: 2, dtype: "i32", read: (bytes) => Int32Array.from(new Int16Array(bytes.buffer)) },
  U16: { sizeBytes: 2, dtype: "i32", read: (bytes) => Int32Array.from(new Uint16Array(bytes.buffer)) },
  I8: { sizeBytes: 1, dtype: "i32", read: (bytes) => Int32Array.from(new Int8Array(bytes.buffer)) },
  U8: { sizeBytes: 1, dtype: "u8", read: (bytes) => bytes },
  BOOL: { sizeBytes: 1, dtype: "bool", read: truthValues },
};

/**
 * Reads tensors into host memory: the values at the time of the call, also if variables are assigned before all are
 * read.
 *
 * @param tensors by name, such as a state dict; host tensors are returned unchanged
 * @example
 * const bytes = encodeSafetensors(await readTensors({ w: tensor([1, 2]) }));
 */
export const readTensors = checked(
  "readTensors",
  takes({ tensors: record }),
  async (tensors: Readonly<Record<string, Tensor | HostTensor>>): Promise<Record<string, HostTensor>> => {
    const entries = Object.entries(tensors).map(([name, value]) => {
      return [name, value instanceof Tensor ? value.detach() : value] as const;
    });
    const computed = entries.flatMap(([, value]) => (value instanceof Tensor ? [value] : []));
    // Host tensors need no device.
    if (computed.length > 0) await realize(...computed);
    const read = async (value: Tensor | HostTensor): Promise<HostTensor> =>
      value instanceof Tensor ? { dtype: value.dtype, shape: value.shape, data: await value.data() } : value;
    return Object.fromEntries(
      await Promise.all(entries.map(async ([name, value]) => [name, await read(value)] as const)),
    );
  },
);

/**
 * Encodes tensors as safetensors bytes. The order is fixed (wide numbers first, then by name), so that equal tensors
 * give equal bytes.
 *
 * @throws DataError naming a value that is no tensor in host memory
 */
export const encodeSafetensors = checked(
  "encodeSafetensors",
  takes<SafetensorsOptions>({ tensors: record }, { metadata: metadataKind }),
  (tensors: Readonly<Record<string, HostTensor>>, { metadata = {} }: SafetensorsOptions = {}): Uint8Array => {
    for (const [name, value] of Object.entries(tensors)) checkHostTensor(name, value);
    const entries = Object.entries(tensors).sort(
      ([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
    );
    let end = 0;
    const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
    for (const [name, { dtype, shape, data }] of entries) {
      header.push([name, { dtype: writtenAs[dtype], shape, data_offsets: [end, end + data.byteLength] }]);
      end += data.byteLength;
    }
    const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
    const headerBytes = Math.ceil(json.length / 8) * 8; // spaces up to a multiple of 8 keep the numbers aligned
    const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
    bytes.set(json, 8);
    let at = 8 + headerBytes;
    for (const [, { data }] of entries) {
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
    }
    return bytes;
  },
);

/** Checks that a value is a host tensor: as many values as its shape says, in the array type of its dtype. */
function checkHostTensor(name: string, value: HostTensor): void {
  const fail = (problem: string, hint?: string) => new DataError(`[encodeSafetensors] ${name} ${problem}`, { hint });
  if (value instanceof Tensor) {
    throw fail(`is ${spell(value)}, whose values must be read first`, "Pass await readTensors(state)");
  }
  const { dtype, shape, data }: Partial<HostTensor> = value ?? {};
  if (!dtype || !Object.hasOwn(writtenAs, dtype) || !Array.isArray(shape) || !ArrayBuffer.isView(data)) {
    throw fail(`is ${spell(value)}, no tensor in host memory`, "Pass { dtype, shape, data }");
  }
  const size = shape.reduce((product, n) => product * n, 1);
  if (data.length !== size) throw fail(`has ${data.length} values for the shape [${shape.join(", ")}]`);
  const { sizeBytes } = formats[writtenAs[dtype]];
  if (data.BYTES_PER_ELEMENT !== sizeBytes) throw fail(`is ${dtype}, but its data ${spell(data)}`);
}

/**
 * Decodes safetensors bytes. F32, F64, I32, U8 and BOOL keep their dtype; F16 and BF16 become f32, other integers i32.
 *
 * @param name the name of the bytes in errors, usually the path.
 * @throws DataError if the bytes are truncated, overlap, leave holes, or have a dtype or value that does not fit.
 */
export const decodeSafetensors = checked(
  "decodeSafetensors",
  takes({ bytes, name: text }),
  (bytes: Uint8Array, name: string): Safetensors => {
    const fail: Fail = (problem) => {
      throw new DataError(`[safetensors] ${name} ${problem}`, { hint: "The file is damaged or not safetensors" });
    };
    if (bytes.length < 8) fail(`is truncated: ${bytes.length} bytes, a header length alone takes 8`);
    const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    if (headerBytes > maxHeaderBytes) fail(`announces a header of ${headerBytes} bytes, more than ${maxHeaderBytes}`);
    if (8 + headerBytes > bytes.length) {
      fail(`is truncated: the header ends at byte ${8 + headerBytes}, the file has ${bytes.length}`);
    }
    const header = parseHeader(bytes.subarray(8, 8 + headerBytes)) ?? fail("has a header that is not a JSON object");
    const block = bytes.subarray(8 + headerBytes);
    const { __metadata__: metadata = {}, ...described } = header;
    if (!isRecord(metadata) || !Object.values(metadata).every((text) => typeof text === "string")) {
      fail("has metadata that is not text by name");
    }
    const tensors: Record<string, HostTensor> = Object.create(null);
    let previous = { end: 0, key: "" };
    const entries = Object.entries(described).map(([key, value]) => ({ key, ...readEntry(key, value, fail) }));
    for (const { key, format, shape, begin, end, type } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
      if (begin < previous.end) fail(`has tensors that overlap: "${previous.key}" and "${key}"`);
      if (begin > previous.end) fail(`has a hole of ${begin - previous.end} bytes before tensor "${key}"`);
      if (end > block.length) {
        fail(`is truncated: tensor "${key}" ends at data byte ${end}, the file has ${block.length}`);
      }
      const count = shape.reduce((product, size) => product * size, 1);
      if (count * format.sizeBytes !== end - begin) {
        fail(
          `gives tensor "${key}" ${end - begin} bytes, but ${type} [${shape.join(", ")}] takes ${count * format.sizeBytes}`,
        );
      }
      try {
        tensors[key] = { dtype: format.dtype, shape, data: format.read(new Uint8Array(block.subarray(begin, end))) };
      } catch (cause) {
        fail(`holds in tensor "${key}" ${(cause as Error).message}`);
      }
      previous = { end, key };
    }
    if (previous.end !== block.length) fail(`has ${block.length - previous.end} bytes that belong to no tensor`);
    return { tensors, metadata: metadata as Record<string, string> };
  },
);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isRecord(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

function readEntry(key: string, value: unknown, fail: Fail) {
  const { dtype: type, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const counts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (typeof type !== "string" || !counts(shape) || !counts(offsets) || offsets.length !== 2) {
    return fail(`describes tensor "${key}" without a valid dtype, shape and data_offsets`);
  }
  const format = Object.hasOwn(formats, type)
    ? formats[type]
    : fail(`has tensor "${key}" of unsupported dtype ${type}`);
  const [begin, end] = offsets;
  if (begin > end) fail(`has tensor "${key}" ending at ${end} before it begins at ${begin}`);
  return { type, format, shape, begin, end };
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of bf16 numbers as f32: a bf16 is the upper half of an f32. */
function upperHalves(bytes: Uint8Array): Uint32Array {
  return Uint32Array.from(new Uint16Array(bytes.buffer), (bits) => bits << 16);
}

function narrow(values: Uint32Array | BigInt64Array | BigUint64Array): Int32Array {
  return Int32Array.from(values as ArrayLike<number | bigint> as ArrayLike<number>, (value) => {
    const number = Number(value);
    if (number !== (number | 0)) throw new RangeError(`the value ${value}, which does not fit into i32`);
    return number;
  });
}

function truthValues(bytes: Uint8Array): Uint8Array {
  const wrong = bytes.find((byte) => byte > 1);
  if (wrong !== undefined) throw new RangeError(`the byte ${wrong}, which is no truth value`);
  return bytes;
}
