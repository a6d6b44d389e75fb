/** Element functions that are compositions, by their definition in float64, on every dtype that they take. */
import { beforeAll, describe, expect, it } from "vitest";
import { type DType, type Tensor, tensor, useDevice } from "../../src/index.js";
import { devices, valuesOf } from "../support/devices.js";
import { expectAgreement } from "../support/numbers.js";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const LARGEST = 2 ** 128 - 2 ** 104;
const LEAST = -(2 ** 31);
const flag = (holds: boolean): number => Number(holds);

type Case = readonly [
  dtype: DType,
  values: readonly number[],
  f: (x: Tensor) => Tensor,
  meaning: (x: number) => number,
];

const floats = [-inf, -7.75, -2, -0.5, -0, 0, 0.25, 1, 3.5, 1e10, inf, nan];
const finite = floats.filter(Number.isFinite);
const whole = [LEAST, -7, -1, 0, 1, 2, 65537, 2 ** 31 - 1];
const bytes = [0, 1, 2, 7, 100, 200, 255];
const flags = [0, 1];
const sinc = (x: number) => (x === 0 ? 1 : Number.isInteger(x) ? 0 : Math.sin(Math.PI * x) / (Math.PI * x));

const cases: Readonly<Record<string, Case>> = {
  isnan: ["f32", floats, (x) => x.isnan(), (x) => flag(Number.isNaN(x))],
  isinf: ["f32", floats, (x) => x.isinf(), (x) => flag(Math.abs(x) === inf)],
  isfinite: ["f32", floats, (x) => x.isfinite(), (x) => flag(Number.isFinite(x))],
  "isfinite of i32": ["i32", whole, (x) => x.isfinite(), () => 1],
  "isnan of u8": ["u8", bytes, (x) => x.isnan(), () => 0],
  trunc: ["f32", floats, (x) => x.trunc(), Math.trunc],
  "trunc of i32": ["i32", whole, (x) => x.trunc(), (x) => x],
  frac: ["f32", floats, (x) => x.frac(), (x) => x - Math.trunc(x)],
  nanToNum: [
    "f32",
    floats,
    (x) => x.nanToNum(),
    (x) => (Number.isNaN(x) ? 0 : Math.min(Math.max(x, -LARGEST), LARGEST)),
  ],
  "nanToNum of u8": ["u8", bytes, (x) => x.nanToNum({ nan: 3 }), (x) => x],
  sinc: ["f32", finite, (x) => x.sinc(), sinc],
  "sinc of i32": ["i32", whole, (x) => x.sinc(), sinc],
  "lerp 0": ["f32", finite, (x) => x.lerp(x.mul(3), 0), (x) => x],
  "lerp 0.3": ["f32", finite, (x) => x.lerp(x.mul(3), 0.3), (x) => x * 1.6],
  "lerp 1": ["f32", finite, (x) => x.lerp(x.add(3), 1), (x) => x + 3],
  addcmul: ["f32", finite, (x) => x.addcmul(x, x.add(1), { value: 0.5 }), (x) => x + 0.5 * x * (x + 1)],
  "addcdiv of i32": ["i32", [3, -4, 0], (x) => x.addcdiv(x, x.add(7), { value: 2 }), (x) => x + (2 * x) / (x + 7)],
  "fmod of f32": ["f32", finite, (x) => x.fmod(1.5), (x) => x % 1.5],
  "fmod 3 of i32": ["i32", whole, (x) => x.fmod(3), (x) => x % 3],
  "fmod −7 of i32": ["i32", whole, (x) => x.fmod(-7), (x) => x % -7],
  "fmod −2³¹ of i32": ["i32", whole, (x) => x.fmod(LEAST), (x) => x % LEAST],
  "fmod 0 of i32": ["i32", whole, (x) => x.fmod(x.mul(0)), () => 0],
  "fmod of u8": ["u8", bytes, (x) => x.fmod(7), (x) => x % 7],
  "atan2 of i32": ["i32", whole, (x) => x.atan2(3), (x) => Math.atan2(x, 3)],
  "hypot of u8": ["u8", bytes, (x) => x.hypot(4), (x) => Math.hypot(x, 4)],
  "log2 of u8": ["u8", bytes, (x) => x.log2(), Math.log2],
  logicalXor: ["f32", floats, (x) => x.logicalXor(x.gt(0)), (x) => flag((x !== 0) !== x > 0)],
  "bitwiseAnd of i32": ["i32", whole, (x) => x.bitwiseAnd(-6), (x) => x & -6],
  "bitwiseOr of i32": ["i32", whole, (x) => x.bitwiseOr(12), (x) => x | 12],
  "bitwiseXor of i32": ["i32", whole, (x) => x.bitwiseXor(-6), (x) => x ^ -6],
  "bitwiseNot of i32": ["i32", whole, (x) => x.bitwiseNot(), (x) => ~x],
  "bitwiseAnd of u8": ["u8", bytes, (x) => x.bitwiseAnd(102), (x) => x & 102],
  "bitwiseOr of u8 with 300": ["u8", bytes, (x) => x.bitwiseOr(300), (x) => x | 300],
  "bitwiseNot of u8": ["u8", bytes, (x) => x.bitwiseNot(), (x) => 255 - x],
  "bitwiseAnd of bool": ["bool", flags, (x) => x.bitwiseAnd(1), (x) => x],
  "bitwiseOr of bool": ["bool", flags, (x) => x.bitwiseOr(x.logicalNot()), () => 1],
  "bitwiseXor of bool": ["bool", flags, (x) => x.bitwiseXor(1), (x) => 1 - x],
  "bitwiseNot of bool": ["bool", flags, (x) => x.bitwiseNot(), (x) => 1 - x],
  "left 3 of i32": ["i32", whole, (x) => x.bitwiseLeftShift(3), (x) => x << 3],
  "left 31 of i32": ["i32", whole, (x) => x.bitwiseLeftShift(31), (x) => x << 31],
  "left 32 of i32": ["i32", whole, (x) => x.bitwiseLeftShift(32), () => 0],
  "left −1 of i32": ["i32", whole, (x) => x.bitwiseLeftShift(-1), () => 0],
  "left 3 of u8": ["u8", bytes, (x) => x.bitwiseLeftShift(3), (x) => (x << 3) & 255],
  "left 8 of u8": ["u8", bytes, (x) => x.bitwiseLeftShift(8), () => 0],
  "right 3 of i32": ["i32", whole, (x) => x.bitwiseRightShift(3), (x) => x >> 3],
  "right 32 of i32": ["i32", whole, (x) => x.bitwiseRightShift(32), (x) => (x < 0 ? -1 : 0)],
  "right 1 of u8": ["u8", bytes, (x) => x.bitwiseRightShift(1), (x) => x >> 1],
};

const names = Object.keys(cases);

describe.each(devices)("on %s", (device) => {
  let results: number[][] = [];
  beforeAll(async () => {
    await useDevice(device);
    results = await valuesOf(Object.values(cases).map(([dtype, values, f]) => f(tensor([...values], { dtype }))));
  });

  it.each(names.map((name, i) => [name, i] as const))("%s", (name, i) => {
    const [dtype, values, , meaning] = cases[name];
    const exact = values.map((x) => meaning(dtype === "f32" ? Math.fround(x) : x));
    expectAgreement(results[i], exact, { relative: 4e-7, absolute: 1e-9 }, name);
  });
});

describe("what is refused", () => {
  it("bits of floats", () => {
    expect(() => tensor([0.5]).bitwiseNot()).toThrow(/\[bitwiseNot\] needs integers or bools, got f32/);
    expect(() => tensor([1], { dtype: "i32" }).bitwiseLeftShift(0.5)).toThrow(/\[bitwiseLeftShift\] needs integers/);
  });
  it("remainders of integers by the number 0", () => {
    expect(() => tensor([1], { dtype: "i32" }).fmod(0)).toThrow(/\[fmod\] there is no remainder of i32 by 0/);
  });
});
