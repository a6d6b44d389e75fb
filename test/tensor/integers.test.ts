/** Operations of u8, i32 and bool: what they are of the same values as floats, or an error that names the call. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DType, describeError, Generator, type Tensor, tensor, useDevice, where, zeros } from "../../src/index.js";
import { functional } from "../../src/nn/index.js";

const { adaptiveAvgPool2d, avgPool2d, batchNorm, conv2d, crossEntropy, dropout, linear, maxPool2d, mseLoss, softmax } =
  functional;

const values: Readonly<Record<string, readonly number[]>> = {
  // Differences, sums and products of these leave u8.
  u8: [200, 201, 0, 255, 7, 128, 127, 1, 90, 250, 31, 64, 3, 99, 180, 5],
  i32: [-200, 201, 0, 70000, 7, -128, 127, 1, 90, 250, -31, 64, 3, 99, -180, 5],
  bool: [1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1],
};
const input = (dtype: DType): Tensor => tensor([...values[dtype]], { shape: [1, 1, 4, 4], dtype });
const square = (x: Tensor): Tensor => x.reshape([4, 4]);
const labels = tensor([0, 1, 2, 3], { dtype: "i32" });

const operations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  softmax: (x) => softmax(square(x), 1),
  logSoftmax: (x) => square(x).logSoftmax(0),
  crossEntropy: (x) => crossEntropy(square(x), labels),
  mseLoss: (x) => mseLoss(x, x.flip(3)),
  "adaptiveAvgPool2d to 1": (x) => adaptiveAvgPool2d(x, 1),
  "adaptiveAvgPool2d to 3": (x) => adaptiveAvgPool2d(x, 3),
  avgPool2d: (x) => avgPool2d(x, 3, { stride: 1, padding: 1 }),
  "avgPool2d without padding": (x) => avgPool2d(x, 3, { stride: 1, padding: 1, countIncludePad: false }),
  batchNorm: (x) => batchNorm(x, { training: true }),
  "matmul (small enough for f32)": (x) => square(x).mod(16).matmul(square(x).mod(16).transpose()),
  mean: (x) => x.mean(),
  variance: (x) => x.variance(),
  sigmoid: (x) => x.sigmoid(),
  "add 300": (x) => x.add(300),
  "sub −300": (x) => x.sub(-300),
  "add 0.5": (x) => x.add(0.5),
  "compared with −1": (x) => x.gt(-1).to("i32"),
  "compared with 2⁴⁰": (x) => x.lt(2 ** 40).to("i32"),
  "maximum with 300": (x) => x.maximum(300),
  "clamp at −5 and 300": (x) => x.clamp({ min: -5, max: 300 }),
  "clamp at 300": (x) => x.clamp({ min: 300 }),
  "clamp at −300": (x) => x.clamp({ max: -300 }),
  "clamp at 0.5 and 99.5": (x) => x.clamp({ min: 0.5, max: 99.5 }),
  "clamp between infinities": (x) => x.clamp({ min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }),
  "clamp at 2⁴⁰": (x) => x.clamp({ min: -(2 ** 40), max: 2 ** 40 }),
  "clamp crossed": (x) => x.clamp({ min: 9, max: 3 }),
  "mod −7": (x) => x.mod(-7),
  "mod 300": (x) => x.mod(300),
  "where −1": (x) => where(x.gt(1), x, -1),
  "to the power −1": (x) => x.maximum(1).pow(-1),
};

beforeAll(() => useDevice("interp"));
afterAll(() => useDevice("native"));

describe.each(["u8", "i32", "bool"] as const)("of %s", (dtype) => {
  it.each(Object.keys(operations))("%s", async (name) => {
    const operation = operations[name];
    const result = Array.from(await operation(input(dtype)).data());
    const expected = Array.from(await operation(input(dtype).to("f64")).data());
    expect(expected.every(Number.isFinite)).toBe(true);
    result.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected[i])));
    });
  });
});

describe("integers", () => {
  it("keep their dtype beside bounds that limit nothing, and take a wider one for others", () => {
    const bounds = [
      { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY },
      { min: -5, max: 300 },
      { max: 9 },
    ];
    expect(bounds.map((range) => input("u8").clamp(range).dtype)).toEqual(["u8", "u8", "u8"]);
    const wider = [{ min: 300 }, { max: -1 }, { min: 0.5 }, { min: Number.POSITIVE_INFINITY }];
    expect(wider.map((range) => input("u8").clamp(range).dtype)).toEqual(["i32", "i32", "f32", "f32"]);
  });

  it("are not padded with what they do not hold", () => {
    const sides = [0, 0, 0, 1].map((n): [number, number] => [n, n]);
    for (const value of [Number.NEGATIVE_INFINITY, Number.NaN, 0.5, 256, -1]) {
      expect(() => input("u8").pad(sides, { value })).toThrow(`[pad] u8 does not hold ${value}`);
    }
    expect(() => input("i32").pad(sides, { value: 2 ** 31 })).toThrow("[pad] i32 does not hold 2147483648");
  });

  it.each(["interp", "native", "wasm"])("are padded with any value that they hold, on %s", async (device) => {
    await useDevice(device);
    const x = tensor([1, 2], { dtype: "u8" }).pad([[1, 1]], { value: 255 });
    const y = tensor([1, 2], { dtype: "i32" }).pad([[1, 0]], { value: -(2 ** 31) });
    expect([await x.toArray(), await y.toArray()]).toEqual([
      [255, 1, 2, 255],
      [-(2 ** 31), 1, 2],
    ]);
  });

  it("have no remainder by 0: an error for the number, 0 for elements", async () => {
    expect(() => input("i32").mod(0)).toThrow("[mod] there is no remainder of i32 by 0");
    const [x, y] = [tensor([7, -7, 0], { dtype: "i32" }), tensor([0, 0, 0], { dtype: "i32" })];
    for (const device of ["interp", "native", "wasm"]) {
      await useDevice(device);
      expect(await x.mod(y).toArray(), device).toEqual([0, 0, 0]);
    }
  });

  it.each(["interp", "native"])("are pooled by their largest, beside padding too, on %s", async (device) => {
    await useDevice(device);
    for (const dtype of ["u8", "i32"] as const) {
      const low = tensor(dtype === "u8" ? [0, 0, 0, 0] : [-5, -6, -7, -(2 ** 31)], { shape: [1, 1, 2, 2], dtype });
      const y = maxPool2d(low, 2, { stride: 2, padding: 1 });
      expect(y.dtype).toBe(dtype);
      expect(await y.toArray()).toEqual(await low.toArray());
    }
    await useDevice("interp");
  });

  it("keep all their digits beside a number that i32 does not hold", async () => {
    expect(
      await tensor([2 ** 31 - 1], { dtype: "i32" })
        .add(2 ** 40)
        .toArray(),
    ).toEqual([2 ** 31 - 1 + 2 ** 40]);
  });

  it("that fill no axis have a softmax of no elements", async () => {
    expect(await softmax(zeros([2, 0]), 1).toArray()).toEqual([[], []]);
    expect(zeros([0, 2], { dtype: "u8" }).logSoftmax(0).shape).toEqual([0, 2]);
  });

  it("are convolved exactly", async () => {
    const x = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2], dtype: "i32" });
    expect(await conv2d(x, x).toArray()).toEqual([[[[30]]]]);
  });
});

const u8 = input("u8");
const bool = input("bool");
const f32 = zeros([1, 1, 4, 4]);
const refused: readonly (readonly [string, () => unknown])[] = [
  ['[conv2d] dtypes differ: x is u8, weight is f32. Convert one, such as x.to("f32")', () => conv2d(u8, f32)],
  [
    '[conv2d] dtypes differ: x is f32, weight is i32. Convert one, such as weight.to("f32")',
    () => conv2d(f32, input("i32")),
  ],
  ['[conv2d] does not take u8, which sums of products would overflow. Use x.to("f32")', () => conv2d(u8, u8)],
  ['[matmul] dtypes differ: a is u8, b is f32. Convert one, such as a.to("f32")', () => u8.matmul(f32)],
  [
    '[linear] dtypes differ: x is u8, weight is f32. Convert one, such as x.to("f32")',
    () => linear(square(u8), zeros([2, 4])),
  ],
  ['[maxPool2d] does not take bool. Use x.to("u8")', () => maxPool2d(bool, 2)],
  ['[dropout] does not take u8. Use x.to("f32")', () => dropout(u8, new Generator(0))],
  ["[softmax] dim 2 is not in [4, 4]: valid are -2 to 1", () => softmax(square(u8), 2)],
];

describe("refused at the call", () => {
  it.each(refused)("%s", (message, call) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(describeError(thrown)).toBe(message);
  });
});
