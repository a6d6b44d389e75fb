/** Sums, products, remainders, extrema and signs. */
import type { Algebra } from "../algebra.js";
import { fmod } from "../decompose/compositions.js";
import { numbers, pairs, record, type ScalarRecord, tricky } from "./record.js";
import { helper, infix, stack, winner, wrapping } from "./templates.js";

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

export type ArithmeticName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "fmod"
  | "max"
  | "min"
  | "neg"
  | "abs"
  | "relu"
  | "sign";

export const arithmetic: Readonly<Record<ArithmeticName, ScalarRecord>> = {
  add: record(2, {
    meaning: (a, b) => a + b,
    gradient: (_, g) => [g, g],
    c: wrapping("+"),
    wasm: stack("add"),
  }),
  sub: record(2, {
    meaning: (a, b) => a - b,
    gradient: (e, g) => [g, e.op("neg", g)],
    c: wrapping("-"),
    wasm: stack("sub"),
  }),
  mul: record(2, {
    meaning: (a, b) => a * b,
    integerMeaning: Math.imul,
    gradient: (e, g, _, a, b) => [e.op("mul", g, b), e.op("mul", g, a)],
    c: wrapping("*"),
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
  fmod: record(2, {
    cost: 12,
    operands: "float",
    meaning: (a, b) => a % b,
    // As of mod: the quotient is an integer.
    gradient: (e, g, out, a, b) => [g, e.op("neg", e.op("mul", g, e.op("round", e.op("div", e.op("sub", a, out), b))))],
    decompose: fmod,
    libm: "fmod",
    cases: pairs([-7.3, -2, 0.4, 5.5, -0], [-1.7, 2.3]),
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
};
/** The gradient of max and min, as in PyTorch: all to the winner, half each on a tie, all to both if one is NaN. */
function extremum<T>(e: Algebra<T>, g: T, a: T, b: T, loses: (x: T, y: T) => T): T[] {
  const half = e.op("mul", g, e.constant(0.5, g));
  const share = (x: T, other: T) =>
    e.op("select", loses(x, other), e.constant(0, g), e.op("select", e.op("eq", a, b), half, g));
  return [share(a, b), share(b, a)];
}
