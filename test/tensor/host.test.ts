/** Values from the host: every typed array and every nesting gives exactly its values, or an error that names the place. */
import { describe, expect, it } from "vitest";
import { type DType, describeError, full, type HostArray, tensor, Variable, zeros } from "../../src/index.js";

const exact: readonly (readonly [HostArray, DType, readonly number[]])[] = [
  [Int8Array.of(-128, 127), "i32", [-128, 127]],
  [Uint8Array.of(0, 255), "u8", [0, 255]],
  [Uint8ClampedArray.of(300, 7), "u8", [255, 7]],
  [Int16Array.of(-32768, 32767), "i32", [-32768, 32767]],
  [Uint16Array.of(256, 65535), "i32", [256, 65535]],
  [Int32Array.of(-(2 ** 31), 2 ** 31 - 1), "i32", [-(2 ** 31), 2 ** 31 - 1]],
  [Uint32Array.of(0, 2 ** 31 - 1), "i32", [0, 2 ** 31 - 1]],
  [BigInt64Array.of(-5n, 7n), "i32", [-5, 7]],
  [BigUint64Array.of(5n), "i32", [5]],
  [Float32Array.of(0.5, Number.NaN), "f32", [0.5, Number.NaN]],
  [Float64Array.of(0.1, Number.NEGATIVE_INFINITY), "f64", [0.1, Number.NEGATIVE_INFINITY]],
];

describe("a tensor of a typed array", () => {
  it.each(exact)("%o is %s", async (array, dtype, values) => {
    const x = tensor(array);
    expect(x.dtype).toBe(dtype);
    expect(Array.from(await x.data())).toEqual(values);
  });

  it("has the dtype that is asked for, and its own copy", async () => {
    const array = Uint16Array.of(0, 2, 65535);
    const [floats, wide, flags] = (["f32", "f64", "bool"] as const).map((dtype) => tensor(array, { dtype }));
    array.fill(9);
    expect(Array.from(await floats.data())).toEqual([0, 2, 65535]);
    expect(Array.from(await wide.data())).toEqual([0, 2, 65535]);
    expect(await flags.toArray()).toEqual([false, true, true]);
  });

  it("reads a part of a buffer", async () => {
    const part = new Int16Array(Int16Array.of(1, 2, 3, 4).buffer, 2, 2);
    expect(Array.from(await tensor(part).data())).toEqual([2, 3]);
  });
});

describe("a tensor of nested arrays", () => {
  it("is f32 of numbers, bool of booleans alone, f32 of both", async () => {
    expect(tensor([true, false]).dtype).toBe("bool");
    const mixed = tensor([true, 2]);
    expect(mixed.dtype).toBe("f32");
    expect(await mixed.toArray()).toEqual([1, 2]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
  });

  it("keeps what every dtype holds", async () => {
    expect(await full([2], true).toArray()).toEqual([true, true]);
    expect(await full([1], 7, { dtype: "bool" }).toArray()).toEqual([true]);
    expect(await full([1], Number.POSITIVE_INFINITY).toArray()).toEqual([Number.POSITIVE_INFINITY]);
    expect(await tensor([255], { dtype: "u8" }).toArray()).toEqual([255]);
    expect(await tensor([1e300], { dtype: "f64" }).toArray()).toEqual([1e300]);
  });
});

const I32 = 'It holds whole numbers from -2147483648 to 2147483647; use dtype "f64"';
const loose = tensor as (data: unknown, options?: object) => unknown;
const count = new Variable(zeros([2], { dtype: "i32" }), { name: "count" });
const circular: unknown[] = [];
circular.push(circular);

const refused: readonly (readonly [string, () => unknown])[] = [
  [
    '[tensor] the value at [0] is "a", not a number. Give numbers, true or false, or nested arrays of them',
    () => loose(["a"]),
  ],
  [
    "[tensor] the value at [1, 0] is null, not a number. Give numbers, true or false, or nested arrays of them",
    () => loose([[1], [null]]),
  ],
  [
    "[tensor] the value at [1] is undefined, not a number. Give numbers, true or false, or nested arrays of them",
    () => loose(new Array(2).fill(0, 0, 1)),
  ],
  [
    "[tensor] the value at [0] is a Tensor, not a number. Give numbers, true or false, or nested arrays of them",
    () => loose([zeros([])]),
  ],
  [
    "[tensor] nested arrays are ragged: expected [2, 2], got 1 values at [1]. Give every row as many values",
    () => tensor([[1, 2], [3]]),
  ],
  [
    "[tensor] nested arrays are ragged: expected [2], got an array at [1]. Give every row as many values",
    () => tensor([1, [2]]),
  ],
  [
    "[tensor] nested arrays are ragged: expected [2, 1], got a number at [1]. Give every row as many values",
    () => tensor([[1], 2]),
  ],
  ['[tensor] data must be a number, true or false, nested arrays of them, or a typed array, got "a"', () => loose("a")],
  [
    `[tensor] the value at [1] is NaN, which i32 does not hold. ${I32}`,
    () => tensor([1, Number.NaN], { dtype: "i32" }),
  ],
  [`[tensor] the value at [0, 1] is 0.5, which i32 does not hold. ${I32}`, () => tensor([[0, 0.5]], { dtype: "i32" })],
  [
    '[tensor] the value at [0] is 300, which u8 does not hold. It holds whole numbers from 0 to 255; use dtype "i32" or "f32"',
    () => tensor([300], { dtype: "u8" }),
  ],
  [
    `[tensor] the value at [1, 0] is 2147483648, which i32 does not hold. ${I32}`,
    () => tensor(Uint32Array.of(1, 2, 2 ** 31, 3), { shape: [2, 2] }),
  ],
  [
    `[tensor] the value at [0] is 9007199254740993, which i32 does not hold. ${I32}`,
    () => tensor(BigInt64Array.of(2n ** 53n + 1n)),
  ],
  [
    '[tensor] the value at [0] is 1e+39, which f32 does not hold. Its largest value is 3.4e38; use dtype "f64"',
    () => tensor([1e39]),
  ],
  [
    '[full] the value is 256, which u8 does not hold. It holds whole numbers from 0 to 255; use dtype "i32" or "f32"',
    () => full([2], 256, { dtype: "u8" }),
  ],
  [`[full] the value is NaN, which i32 does not hold. ${I32}`, () => full([2], Number.NaN, { dtype: "i32" })],
  [`[assign] the value for count is 0.5, which i32 does not hold. ${I32}`, () => count.assign(0.5)],
  [
    `[load] the value at [1] is Infinity, which i32 does not hold. ${I32}`,
    () => count.load([1, Number.POSITIVE_INFINITY]),
  ],
  [
    '[load] the value at [0] is "a", not a number. Give numbers, true or false, or nested arrays of them',
    () => count.load(["a", "b"] as never),
  ],
];

describe("values that no tensor can hold", () => {
  it.each(refused)("%s", (message, make) => {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(describeError(thrown)).toBe(message);
  });

  it("include an array that contains itself", () => {
    expect(() => loose(circular)).toThrow(/ragged/);
  });

  it("leave a variable as it was", async () => {
    expect(() => count.load([5, 2 ** 40])).toThrow(/does not hold/);
    expect(Array.from(await count.data())).toEqual([0, 0]);
  });

  it("are told from 64-bit integers that f64 does not hold either", () => {
    expect(() => tensor(BigInt64Array.of(2n ** 53n + 1n), { dtype: "f64" })).toThrow(/does not hold/);
  });
});
