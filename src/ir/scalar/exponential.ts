/** Exponentials, logarithms, powers and roots. */
import * as compositions from "../decompose/compositions.js";
import * as decompose from "../decompose/elementary.js";
import * as hyperbolic from "../decompose/hyperbolic.js";
import * as powers from "../decompose/pow.js";
import { numbers, one, pairs, record, type ScalarRecord, tricky } from "./record.js";
import { helper, stack } from "./templates.js";

/** log(eᵃ + eᵇ) without overflow. */
function logaddexp(a: number, b: number): number {
  const distance = a === b ? 0 : Math.abs(a - b);
  return (a > b || Number.isNaN(a) ? a : b) + Math.log1p(Math.exp(-distance));
}

export type ExponentialName =
  | "exp"
  | "exp2"
  | "expm1"
  | "log"
  | "log1p"
  | "log2"
  | "log10"
  | "logaddexp"
  | "pow"
  | "sqrt"
  | "hypot";

export const exponential: Readonly<Record<ExponentialName, ScalarRecord>> = {
  exp: record(1, {
    cost: 12,
    ulps: 2,
    operands: "float",
    meaning: Math.exp,
    gradient: (e, g, out) => [e.op("mul", g, out)],
    decompose: decompose.exp,
    libm: "exp",
    cases: one([...numbers, ...tricky, -87, -100, 88, 40]),
  }),
  log: record(1, {
    cost: 12,
    ulps: 2,
    operands: "float",
    meaning: Math.log,
    gradient: (e, g, _, a) => [e.op("div", g, a)],
    decompose: decompose.log,
    libm: "log",
    cases: one([1e-40, 1e-20, 0.1, 0.7, 1, 1.4, 2, 1e10, -1, ...tricky]),
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
    decompose: powers.pow,
    libm: "pow",
    cases: pairs([0.2, 0.9, 1.5, 3], [-2, -0.5, 0.7, 2, 3]),
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
  exp2: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: (a) => 2 ** a,
    gradient: (e, g, out) => [e.op("mul", g, e.op("mul", out, e.constant(Math.LN2, out)))],
    decompose: powers.exp2,
    libm: "exp2",
    cases: one([...numbers, ...tricky, -12.5, 30.25]),
  }),
  expm1: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.expm1,
    gradient: (e, g, out) => [e.op("mul", g, e.op("add", out, e.constant(1, out)))],
    decompose: hyperbolic.expm1,
    libm: "expm1",
    cases: one([...numbers, ...tricky, 1e-8, -1e-8, -17, 40]),
  }),
  log1p: record(1, {
    cost: 15,
    ulps: 3,
    operands: "float",
    meaning: Math.log1p,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("add", a, e.constant(1, a)))],
    decompose: hyperbolic.log1p,
    libm: "log1p",
    cases: one([1e-8, -1e-8, -0.9, -0.3, 0.1, 0.7, 1, 2, 1e10, -2, ...tricky]),
  }),
  log2: record(1, {
    cost: 20,
    ulps: 1,
    operands: "float",
    meaning: Math.log2,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("mul", a, e.constant(Math.LN2, a)))],
    decompose: powers.log2,
    libm: "log2",
    cases: one([1e-40, 1e-20, 0.1, 0.7, 1, 1.4, 2, 1024, 1e10, -1, ...tricky]),
  }),
  log10: record(1, {
    cost: 20,
    ulps: 1,
    operands: "float",
    meaning: Math.log10,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("mul", a, e.constant(Math.LN10, a)))],
    decompose: powers.log10,
    libm: "log10",
    cases: one([1e-40, 1e-20, 0.1, 0.7, 1, 1.4, 2, 1000, 1e10, -1, ...tricky]),
  }),
  logaddexp: record(2, {
    cost: 30,
    ulps: 2,
    terms: (a, b) => Math.max(Math.abs(a), Math.abs(b), 1),
    operands: "float",
    meaning: logaddexp,
    gradient: (e, g, _, a, b) => {
      const share = (x: typeof a, other: typeof a) =>
        e.op("div", g, e.op("add", e.constant(1, g), e.op("exp", e.op("sub", other, x))));
      return [share(a, b), share(b, a)];
    },
    decompose: compositions.logaddexp,
    libm: null,
    cases: pairs([0.4, 1, 3.25, -80, 100], [0.4, 2, 3.25, 90]),
  }),
  hypot: record(2, {
    cost: 8,
    ulps: 2,
    operands: "float",
    meaning: (a, b) => Math.hypot(a, b),
    gradient: (e, g, out, a, b) => [e.op("mul", g, e.op("div", a, out)), e.op("mul", g, e.op("div", b, out))],
    decompose: compositions.hypot,
    libm: "hypot",
    cases: pairs([...numbers, 0, 1e30], [...numbers, -1e30]),
  }),
};
