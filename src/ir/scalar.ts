/**
 * One record per scalar op: type rule, float64 semantics, gradient, code per target or decomposition, and test cases.
 * Everything else (Tensor methods, loop language, code generators, test sweep) is derived from this table. To add an
 * op, add a record here (docs/add-an-op.md). Must not know graphs, shapes or devices.
 */
import { mulHigh, philox2x32 } from "../util/philox.js";
import type { Algebra } from "./algebra.js";
import * as decompose from "./decompose.js";
import * as angles from "./decompose-angles.js";
import { pow } from "./decompose-pow.js";
import type { DType } from "./dtype.js";

/** The operands of a C template: `lanes` is 1 for scalars; `type` is their register type. */
export interface CContext {
  readonly lanes: number;
  readonly type: "f32" | "f64" | "i32" | "bool";
}

/** The operands of a WebAssembly template: register type, lanes, and which of them are constant or uniform. */
export interface WasmContext {
  readonly lanes: number;
  readonly type: "f32" | "i32" | "bool";
  /** The value of each operand that is a constant, else null. */
  readonly constants: readonly (number | null)[];
  /** True if the last operand is a splat of a scalar. */
  readonly uniform: boolean;
}

export interface ScalarRecord {
  readonly arity: 1 | 2 | 3;
  /** The permitted dtypes of operands; `select` takes a bool first. */
  readonly operands: "any" | "number" | "float" | "int" | "bool";
  readonly result: "same" | "bool" | "i32" | "f32";
  /** The reference semantics, on float64 numbers (the caller wraps integers). */
  readonly meaning: (...x: number[]) => number;
  /** The reference semantics on 32-bit integers, if wrapping the float64 result would lose bits; else null. */
  readonly integerMeaning: ((...x: number[]) => number) | null;
  /** Gradients of the operands from the gradient `g` of the output; null for an operand without one. */
  readonly gradient: (<T>(e: Algebra<T>, g: T, out: T, ...x: T[]) => (T | null)[]) | null;
  /** C text of the operation on registers, for scalars and for GCC vectors; null if only the decomposition exists. */
  readonly c: ((context: CContext, ...x: string[]) => string) | null;
  /**
   * WebAssembly template: instructions in stack order. `a`, `b`, `c` push an operand, `b0` pushes the scalar of a
   * uniform b; `=r` pops the top of the stack into a local `r`, which `r` pushes. Returns null for vectors that are
   * computed lane by lane. Present if `c` is.
   */
  readonly wasm: ((context: WasmContext) => string | null) | null;
  /** Single-precision decomposition into other records; used if `c` is null. */
  readonly decompose: (<T>(e: Algebra<T>, ...x: T[]) => T) | null;
  /**
   * Error bound on the native and wasm devices, in ulp of f32, over all floats of both signs including subnormal ones;
   * 0 if the result is `meaning` rounded once. Swept by test/ops/accuracy.test.ts.
   */
  readonly ulps: number;
  /** Approximate cost in additions; the planner compares recomputing with storing a value. */
  readonly cost: number;
  /** Operand tuples for the test sweep; gradients are checked on them if `smooth`. */
  readonly cases: readonly (readonly number[])[];
  readonly smooth: boolean;
}

const numbers = [-2.5, -1, -0.3, 0.4, 1, 3.25];
const tricky = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
const integers = [-7, -1, 0, 1, 2, 1000003];
const one = (values: readonly number[]) => values.map((x) => [x]);
const pairs = (a: readonly number[], b: readonly number[]) => a.flatMap((x) => b.map((y) => [x, y]));

const infix = (symbol: string) => (_: CContext, a: string, b: string) => `(${a} ${symbol} ${b})`;
/** A comparison: lanes of GCC vectors are 0 / -1, scalars 0 / 1. */
const compare = infix;
/** Wrapping 32-bit arithmetic: signed overflow is undefined in C, so scalars are computed as unsigned. */
const arithmetic = (symbol: string) => (context: CContext, a: string, b: string) =>
  context.type === "i32" && context.lanes === 1
    ? `((int)((unsigned)${a} ${symbol} (unsigned)${b}))`
    : `(${a} ${symbol} ${b})`;
/** A helper of the C prelude, by shape and type: s_max, v_max, s_imax, v_imax. */
const helper =
  (name: string) =>
  (context: CContext, ...x: string[]) =>
    `${context.lanes === 1 ? "s" : "v"}_${context.type === "i32" ? "i" : ""}${name}(${x.join(", ")})`;
const unsigned = (symbol: string) => (context: CContext, a: string, b: string) =>
  context.lanes === 1 ? `((int)((unsigned)${a} ${symbol} ${b}))` : `((vi)((vu)${a} ${symbol} (vu)${b}))`;

/** An instruction that exists for scalars and vectors, after its operands. */
const stack =
  (name: string, operands = "a b") =>
  ({ lanes, type }: WasmContext) =>
    `${operands} ${type === "f32" ? "f32" : "i32"}${lanes === 1 ? "" : "x4"}.${name}`;
const bitwise =
  (name: string) =>
  ({ lanes }: WasmContext) =>
    `a b ${lanes === 1 ? "i32" : "v128"}.${name}`;
/** A comparison; integer comparisons have the suffix `_s` for signed. */
const ordered = (name: string) => (context: WasmContext) => stack(context.type === "f32" ? name : `${name}_s`)(context);
const shift =
  (name: string) =>
  ({ lanes, uniform }: WasmContext) =>
    lanes === 1 ? `a b i32.${name}` : uniform ? `a b0 i32x4.${name}` : null;
/**
 * The larger (or smaller) of two: a if it wins or is NaN, else b. One instruction if an operand is a constant other
 * than NaN; the sign of zeros follows the same rule.
 */
const winner =
  (name: "max" | "min", wins: string, loses: string) =>
  ({ lanes, type, constants: [a, b] }: WasmContext): string => {
    const known = (x: number | null) => x !== null && !Number.isNaN(x);
    if (type === "i32") return lanes === 1 ? `a b a b i32.${wins}_s select` : `a b i32x4.${name}_s`;
    if (lanes === 1) return `a b a b f32.${wins} a a f32.ne i32.or select`;
    if (known(a)) return `b a f32x4.p${name}`;
    if (known(b) && b !== 0) return `a b f32x4.p${name}`;
    if (Object.is(b, 0)) return `a a b f32x4.${loses} v128.andnot`;
    return `a b a b f32x4.${wins} a a f32x4.ne v128.or v128.bitselect`;
  };

/** The remainder with the sign of the divisor. It is exact, except for one rounding if the sign needs an addition. */
function remainder(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

/**
 * r minus the nearest multiple of b · scale, in doubles: the quotient is below 2²⁸, so product and difference are
 * exact.
 */
function reduceBy(scale: number): string {
  const divisor = scale === 1 ? "b f64.promote_f32" : `b f64.promote_f32 f64.const ${BigInt(scale)} f64.mul`;
  return `r f64.promote_f32 r f64.promote_f32 ${divisor} f64.div f64.nearest ${divisor} f64.mul f64.sub f32.demote_f64 =r`;
}

const FLOAT_REMAINDER = [
  "a =r a b f32.div f32.abs f32.const 268435456 f32.lt i32.eqz if 64",
  ...Array.from({ length: 9 }, (_, k) => reduceBy(2 ** (28 * (9 - k)))),
  `end ${reduceBy(1)}`,
  // The remainder of a finite dividend by an infinite divisor is the dividend.
  "a a f32.sub a f32.add r b f32.abs i32.const 2139095040 f32.reinterpret_i32 f32.eq select =r",
  // A zero gets the sign of the dividend; a remainder whose sign differs from the divisor's is corrected by one
  // divisor.
  "a f32.const 0 f32.mul r b f32.add r r f32.const 0 f32.lt b f32.const 0 f32.lt i32.ne select r f32.const 0 f32.eq select",
].join(" ");

function erf(x: number): number {
  // Series below 2.5, continued fraction above: both to float64 accuracy.
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  if (a > 6) return Math.sign(x);
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}

/** Rounds half to even, as IEEE 754 and PyTorch do. */
function roundEven(x: number): number {
  // Zeros, and numbers that round to zero, keep their sign.
  if (x < 0) return -roundEven(-x);
  const floor = Math.floor(x);
  const difference = x - floor;
  if (difference < 0.5) return floor;
  if (difference > 0.5) return floor + 1;
  return !Number.isFinite(x) ? x : floor % 2 === 0 ? floor : floor + 1;
}

type Fields = Partial<ScalarRecord> & Pick<ScalarRecord, "meaning">;
const record = (arity: 1 | 2 | 3, fields: Fields): ScalarRecord => ({
  arity,
  operands: "number",
  result: "same",
  integerMeaning: null,
  gradient: null,
  c: null,
  wasm: null,
  decompose: null,
  ulps: 0,
  cost: 1,
  smooth: true,
  cases: arity === 1 ? one([...numbers, ...tricky]) : pairs([...numbers, 0], numbers),
  ...fields,
});
const comparison = (
  symbol: string,
  meaning: (a: number, b: number) => boolean,
  wasm: (context: WasmContext) => string,
  operands: "any" | "number" = "any",
): ScalarRecord =>
  record(2, {
    operands,
    result: "bool",
    meaning: (a, b) => Number(meaning(a, b)),
    c: compare(symbol),
    wasm,
    smooth: false,
    cases: [...pairs(numbers, numbers), ...pairs(tricky, tricky)],
  });
const logic = (symbol: string, name: string, meaning: (a: number, b: number) => number): ScalarRecord =>
  record(2, {
    operands: "bool",
    meaning,
    c: infix(symbol),
    wasm: bitwise(name),
    smooth: false,
    cases: pairs([0, 1], [0, 1]),
  });
const integer = (arity: 1 | 2 | 3, fields: Fields): ScalarRecord =>
  record(arity, {
    operands: "int",
    smooth: false,
    cases: arity === 1 ? one(integers) : arity === 2 ? pairs(integers, integers) : integers.map((x) => [x, 5, 77]),
    ...fields,
  });
const scratch = new DataView(new ArrayBuffer(8));

/** The scalar ops. A name here without a record below (or the reverse) does not compile. */
export type ScalarName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "max"
  | "min"
  | "pow"
  | "neg"
  | "abs"
  | "relu"
  | "sign"
  | "exp"
  | "log"
  | "sqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "floor"
  | "round"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "and"
  | "or"
  | "not"
  | "select"
  | "bitAnd"
  | "bitXor"
  | "shiftLeft"
  | "shiftRight"
  | "mulHigh"
  | "toBits"
  | "fromBits"
  | "philox0"
  | "philox1";

const table: Readonly<Record<ScalarName, ScalarRecord>> = {
  add: record(2, {
    meaning: (a, b) => a + b,
    gradient: (_, g) => [g, g],
    c: arithmetic("+"),
    wasm: stack("add"),
  }),
  sub: record(2, {
    meaning: (a, b) => a - b,
    gradient: (e, g) => [g, e.op("neg", g)],
    c: arithmetic("-"),
    wasm: stack("sub"),
  }),
  mul: record(2, {
    meaning: (a, b) => a * b,
    integerMeaning: Math.imul,
    gradient: (e, g, _, a, b) => [e.op("mul", g, b), e.op("mul", g, a)],
    c: arithmetic("*"),
    wasm: stack("mul"),
  }),
  div: record(2, {
    cost: 3,
    operands: "float",
    meaning: (a, b) => a / b,
    gradient: (e, g, out, _, b) => {
      const scaled = e.op("div", g, b);
      return [scaled, e.op("neg", e.op("mul", scaled, out))];
    },
    c: infix("/"),
    wasm: stack("div"),
    cases: pairs([...numbers, ...tricky], numbers),
  }),
  mod: record(2, {
    cost: 12,
    meaning: remainder,
    // The quotient is an integer; dividing a by b directly could round to the next integer.
    gradient: (e, g, out, a, b) => [g, e.op("neg", e.op("mul", g, e.op("round", e.op("div", e.op("sub", a, out), b))))],
    c: helper("mod"),
    wasm: (context) => {
      const { lanes, type } = context;
      if (type === "f32") return lanes === 1 ? FLOAT_REMAINDER : null;
      // A divisor 0 is replaced by 1; a remainder whose sign differs from the divisor's is corrected by one divisor.
      const adjust = "r b i32.add r b r i32.xor i32.const 0 i32.lt_s r i32.const 0 i32.ne i32.and select";
      return lanes === 1 ? `a b b i32.eqz i32.or i32.rem_s =r ${adjust}` : null;
    },
    cases: pairs([-7.3, -2, 0.4, 5.5], [-1.7, 2.3]),
  }),
  max: record(2, {
    meaning: (a, b) => Math.max(a, b),
    gradient: (e, g, _, a, b) => extremum(e, g, a, b, (x, y) => e.op("lt", x, y)),
    c: helper("max"),
    wasm: winner("max", "gt", "le"),
    cases: [
      ...pairs(
        numbers,
        numbers.map((x) => x + 0.05),
      ),
      ...pairs(tricky, numbers),
      ...pairs(numbers, tricky),
    ],
  }),
  min: record(2, {
    meaning: (a, b) => Math.min(a, b),
    gradient: (e, g, _, a, b) => extremum(e, g, a, b, (x, y) => e.op("lt", y, x)),
    c: helper("min"),
    wasm: winner("min", "lt", "ge"),
    cases: [
      ...pairs(
        numbers,
        numbers.map((x) => x + 0.05),
      ),
      ...pairs(tricky, numbers),
      ...pairs(numbers, tricky),
    ],
  }),
  pow: record(2, {
    cost: 30,
    ulps: 2,
    operands: "float",
    meaning: (a, b) => (b === 0 || a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b),
    gradient: (e, g, out, a, b) => {
      const zero = e.constant(0, a);
      const one = e.constant(1, b);
      // With exponent 0, the factor x⁻¹ is avoided: its value and derivative would be infinite at x = 0.
      const next = e.op("sub", e.op("select", e.op("eq", b, zero), one, b), one);
      const left = e.op("mul", e.op("mul", g, b), e.op("pow", a, next));
      const right = e.op("mul", g, e.op("mul", out, e.op("log", a)));
      // 0 to the power of b ≥ 0 does not depend on b (except at b = 0), so the gradient is 0.
      const still = e.op("and", e.op("eq", a, zero), e.op("le", zero, b));
      return [left, e.op("select", still, zero, right)];
    },
    decompose: pow,
    cases: pairs([0.2, 0.9, 1.5, 3], [-2, -0.5, 0.7, 2, 3]),
  }),
  neg: record(1, {
    meaning: (a) => -a,
    gradient: (e, g) => [e.op("neg", g)],
    c: (_, a) => `(-${a})`,
    wasm: (context) =>
      context.lanes === 1 && context.type === "i32" ? "i32.const 0 a i32.sub" : stack("neg", "a")(context),
  }),
  abs: record(1, {
    meaning: Math.abs,
    gradient: (e, g, _, a) => [e.op("mul", g, e.op("sign", a))],
    c: helper("abs"),
    wasm: (context) =>
      context.lanes === 1 && context.type === "i32"
        ? "a i32.const 31 i32.shr_s =r a r i32.add r i32.xor"
        : stack("abs", "a")(context),
  }),
  relu: record(1, {
    // −0 becomes 0, as in the decomposition.
    meaning: (a) => Math.max(a, 0),
    // Computed from the output, so that the input need not be stored for the backward pass; 0 at 0.
    gradient: (e, g, out) => [e.op("select", e.op("le", out, e.constant(0, out)), e.constant(0, g), g)],
    decompose: (e, x) => e.op("select", e.op("le", x, e.constant(0, x)), e.constant(0, x), x),
  }),
  sign: record(1, {
    meaning: (a) => (Number.isNaN(a) ? a : Math.sign(a)),
    gradient: (e, g) => [e.constant(0, g)],
    decompose: (e, x) => {
      const c = (value: number) => e.constant(value, x);
      const negative = e.op("select", e.op("lt", x, c(0)), c(-1), x);
      return e.op("select", e.op("lt", c(0), x), c(1), negative);
    },
  }),
  exp: record(1, {
    cost: 12,
    ulps: 2,
    operands: "float",
    meaning: Math.exp,
    gradient: (e, g, out) => [e.op("mul", g, out)],
    decompose: decompose.exp,
    cases: one([...numbers, ...tricky, -87, -100, 88, 40]),
  }),
  log: record(1, {
    cost: 12,
    ulps: 2,
    operands: "float",
    meaning: Math.log,
    gradient: (e, g, _, a) => [e.op("div", g, a)],
    decompose: decompose.log,
    cases: one([1e-40, 1e-20, 0.1, 0.7, 1, 1.4, 2, 1e10, -1, ...tricky]),
  }),
  sqrt: record(1, {
    cost: 3,
    operands: "float",
    meaning: Math.sqrt,
    gradient: (e, g, out) => [e.op("div", g, e.op("mul", e.constant(2, out), out))],
    c: helper("sqrt"),
    wasm: stack("sqrt", "a"),
    cases: one([0.1, 0.7, 1, 4, 1e10, -1, ...tricky]),
  }),
  sin: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.sin,
    gradient: (e, g, _, a) => [e.op("mul", g, e.op("cos", a))],
    decompose: angles.sin,
    cases: one([...numbers, 0, 12.3, -31.4, 1000.5]),
  }),
  cos: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.cos,
    gradient: (e, g, _, a) => [e.op("neg", e.op("mul", g, e.op("sin", a)))],
    decompose: angles.cos,
    cases: one([...numbers, 0, 12.3, -31.4, 1000.5]),
  }),
  tanh: record(1, {
    cost: 20,
    ulps: 3,
    operands: "float",
    meaning: Math.tanh,
    gradient: (e, g, out) => [e.op("mul", g, e.op("sub", e.constant(1, out), e.op("mul", out, out)))],
    decompose: decompose.tanh,
  }),
  erf: record(1, {
    cost: 25,
    ulps: 4,
    operands: "float",
    meaning: erf,
    gradient: (e, g, _, a) => {
      const decay = e.op("exp", e.op("neg", e.op("mul", a, a)));
      return [e.op("mul", g, e.op("mul", e.constant(2 / Math.sqrt(Math.PI), a), decay))];
    },
    decompose: decompose.erf,
  }),
  floor: record(1, {
    meaning: Math.floor,
    gradient: (e, g) => [e.constant(0, g)],
    operands: "float",
    c: helper("floor"),
    wasm: stack("floor", "a"),
    cases: one([-2.5, -0.3, 0.4, 3.25, ...tricky]),
  }),
  round: record(1, {
    meaning: roundEven,
    gradient: (e, g) => [e.constant(0, g)],
    operands: "float",
    c: helper("rint"),
    wasm: stack("nearest", "a"),
    cases: one([-2.3, -0.3, 0.4, 3.25, ...tricky]),
  }),
  eq: comparison("==", (a, b) => a === b, stack("eq")),
  ne: comparison("!=", (a, b) => a !== b, stack("ne")),
  lt: comparison("<", (a, b) => a < b, ordered("lt"), "number"),
  le: comparison("<=", (a, b) => a <= b, ordered("le"), "number"),
  and: logic("&", "and", (a, b) => a & b),
  or: logic("|", "or", (a, b) => a | b),
  not: record(1, {
    operands: "bool",
    meaning: (a) => 1 - a,
    c: ({ lanes }, a) => (lanes === 1 ? `(!${a})` : `(~${a})`),
    wasm: ({ lanes }) => (lanes === 1 ? "a i32.eqz" : "a v128.not"),
    smooth: false,
    cases: one([0, 1]),
  }),
  select: record(3, {
    operands: "any",
    meaning: (condition, a, b) => (condition ? a : b),
    gradient: (e, g, _, condition) => [
      null,
      e.op("select", condition, g, e.constant(0, g)),
      e.op("select", condition, e.constant(0, g), g),
    ],
    c: helper("select"),
    wasm: ({ lanes, constants: [, b, c] }) => {
      if (lanes === 1) return "b c a select";
      if (Object.is(c, 0)) return "b a v128.and";
      return Object.is(b, 0) ? "c a v128.andnot" : "b c a v128.bitselect";
    },
    cases: [
      [0, 1.5, 2.5],
      [1, 1.5, 2.5],
      [1, Number.NaN, 2],
      [0, Number.NaN, 2],
    ],
  }),
  bitAnd: integer(2, { meaning: (a, b) => a & b, c: infix("&"), wasm: bitwise("and") }),
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

/** The gradient of max and min, as in PyTorch: all to the winner, half each on a tie, all to both if one is NaN. */
function extremum<T>(e: Algebra<T>, g: T, a: T, b: T, loses: (x: T, y: T) => T): T[] {
  const half = e.op("mul", g, e.constant(0.5, g));
  const share = (x: T, other: T) =>
    e.op("select", loses(x, other), e.constant(0, g), e.op("select", e.op("eq", a, b), half, g));
  return [share(a, b), share(b, a)];
}

export const scalarOps = table;
export const scalarNames = Object.keys(table) as readonly ScalarName[];
export const isScalar = (name: string): name is ScalarName => name in table;

/** The dtype of the result from the dtypes of the operands. */
export function scalarResult(name: ScalarName, operands: readonly DType[]): DType {
  const { result } = scalarOps[name];
  return result === "same" ? operands[operands.length - 1] : result;
}
