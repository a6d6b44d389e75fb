/** Kernels written by hand, byte by byte: what the pool is tested with apart from the encoder. */

/** An unsigned number as WebAssembly writes it. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
/** A non-negative constant: the signed form needs a clear sign bit. */
const constant = (value: number): number[] => {
  const signed = (x: number): number[] => (x < 64 ? [x] : [(x & 127) | 128, ...signed(x >>> 7)]);
  return [0x41, ...signed(value)];
};
const section = (id: number, ...content: number[]): number[] => [id, ...leb(content.length), ...content];
const text = (s: string): number[] => [s.length, ...new TextEncoder().encode(s)];

const [GET, SET, TEE] = [0x20, 0x21, 0x22];
const [TABLE, FIRST, LAST] = [0, 1, 2];
const [I32, LOAD, STORE, ADD, SUB, SHL, EQ, LESS] = [0x7f, 0x28, 0x36, 0x6a, 0x6b, 0x74, 0x46, 0x48];

/** A module whose kernel runs `body` once per task; locals 4 and 5 hold the first two addresses of the table. */
function moduleOf(body: readonly number[], shared: boolean): Uint8Array {
  const memory = shared ? [0x03, 1, ...leb(65536)] : [0x00, 1];
  const code = [
    ...[1, 3, I32],
    ...[GET, TABLE, LOAD, 2, 0, SET, 4, GET, TABLE, LOAD, 2, 4, SET, 5],
    ...[0x03, 0x40, ...body],
    ...[GET, FIRST, ...constant(1), ADD, TEE, FIRST, GET, LAST, LESS, 0x0d, 0, 0x0b],
    0x0b,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 1, 0x60, 4, I32, I32, I32, I32, 0),
    ...section(2, 1, ...text("fovea"), ...text("memory"), 0x02, ...memory),
    ...section(3, 1, 0),
    ...section(7, 1, ...text("kernel"), 0x00, 0),
    ...section(10, 1, ...leb(code.length), ...code),
  ]);
}

const at = (buffer: number, index: readonly number[]): number[] => [GET, buffer, ...index, ...constant(2), SHL, ADD];

/** buffer[task] += 1. */
export const countTasks = (shared: boolean): Uint8Array =>
  moduleOf([...at(4, [GET, FIRST]), TEE, 6, GET, 6, LOAD, 2, 0, ...constant(1), ADD, STORE, 2, 0], shared);

/** second[task] = first[n − 1 − task] + 1: right only if the step before is over. */
export const passOn = (n: number, shared: boolean): Uint8Array =>
  moduleOf(
    [
      ...at(5, [GET, FIRST]),
      ...at(4, [...constant(n - 1), GET, FIRST, SUB]),
      ...[LOAD, 2, 0, ...constant(1), ADD, STORE, 2, 0],
    ],
    shared,
  );

/** Traps in one task. */
export const trapAt = (task: number, shared: boolean): Uint8Array =>
  moduleOf([GET, FIRST, ...constant(task), EQ, 0x04, 0x40, 0x00, 0x0b], shared);
