/** Bit operations on 32-bit integers, the bits of floats, and random numbers. */
import { mulHigh, philox2x32 } from "../../util/philox.js";
import * as decompose from "../decompose/elementary.js";
import { type Fields, numbers, one, pairs, record, type ScalarRecord } from "./record.js";
import { bitwise, helper, infix, shift, unsigned } from "./templates.js";

const integers = [-7, -1, 0, 1, 2, 1000003];
const integer = (arity: 1 | 2 | 3, fields: Fields): ScalarRecord =>
  record(arity, {
    operands: "int",
    smooth: false,
    cases: arity === 1 ? one(integers) : arity === 2 ? pairs(integers, integers) : integers.map((x) => [x, 5, 77]),
    ...fields,
  });
const scratch = new DataView(new ArrayBuffer(8));

export type BitsName =
  | "bitAnd"
  | "bitOr"
  | "bitXor"
  | "shiftLeft"
  | "shiftRight"
  | "mulHigh"
  | "toBits"
  | "fromBits"
  | "philox0"
  | "philox1";

export const bits: Readonly<Record<BitsName, ScalarRecord>> = {
  bitAnd: integer(2, { meaning: (a, b) => a & b, c: infix("&"), wasm: bitwise("and") }),
  bitOr: integer(2, { meaning: (a, b) => a | b, c: infix("|"), wasm: bitwise("or") }),
  bitXor: integer(2, { meaning: (a, b) => a ^ b, c: infix("^"), wasm: bitwise("xor") }),
  shiftLeft: integer(2, {
    meaning: (a, b) => a << b,
    c: unsigned("<<"),
    wasm: shift("shl"),
    cases: pairs(integers, [0, 1, 7, 31]),
  }),
  shiftRight: integer(2, {
    meaning: (a, b) => (a >>> b) | 0,
    c: unsigned(">>"),
    wasm: shift("shr_u"),
    cases: pairs(integers, [0, 1, 7, 31]),
  }),
  mulHigh: integer(2, {
    meaning: (a, b) => mulHigh(a, b) | 0,
    c: helper("mulhigh"),
    // The shuffle selects the high halves of the 64-bit products.
    wasm: ({ lanes }) =>
      lanes === 1
        ? "a i64.extend_i32_u b i64.extend_i32_u i64.mul i64.const 32 i64.shr_u i32.wrap_i64"
        : "a b i64x2.extmul_low_i32x4_u a b i64x2.extmul_high_i32x4_u i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31",
  }),
  toBits: record(1, {
    operands: "float",
    result: "i32",
    meaning: (a) => {
      scratch.setFloat32(0, a);
      return scratch.getInt32(0);
    },
    c: helper("bits"),
    wasm: ({ lanes }) => (lanes === 1 ? "a i32.reinterpret_f32" : "a"),
    smooth: false,
    cases: one(numbers),
  }),
  fromBits: integer(1, {
    result: "f32",
    meaning: (a) => {
      scratch.setInt32(0, a);
      return scratch.getFloat32(0);
    },
    c: helper("float"),
    wasm: ({ lanes }) => (lanes === 1 ? "a f32.reinterpret_i32" : "a"),
    cases: one([0x3f800000, 0x40490fdb]),
  }),
  philox0: integer(3, {
    cost: 40,
    meaning: (low, high, key) => philox2x32(low, high, key)[0] | 0,
    decompose: (e, low, high, key) => decompose.philox(e, low, high, key, 0),
  }),
  philox1: integer(3, {
    cost: 40,
    meaning: (low, high, key) => philox2x32(low, high, key)[1] | 0,
    decompose: (e, low, high, key) => decompose.philox(e, low, high, key, 1),
  }),
};
