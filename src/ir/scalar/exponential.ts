/** Exponentials, logarithms, powers, roots, hyperbolic functions and the error function. */
import * as decompose from "../decompose/elementary.js";
import { pow } from "../decompose/pow.js";
import { numbers, one, pairs, record, type ScalarRecord, tricky } from "./record.js";
import { helper, stack } from "./templates.js";

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

export type ExponentialName = "exp" | "log" | "pow" | "sqrt" | "tanh" | "erf";

export const exponential: Readonly<Record<ExponentialName, ScalarRecord>> = {
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
  sqrt: record(1, {
    cost: 3,
    operands: "float",
    meaning: Math.sqrt,
    gradient: (e, g, out) => [e.op("div", g, e.op("mul", e.constant(2, out), out))],
    c: helper("sqrt"),
    wasm: stack("sqrt", "a"),
    cases: one([0.1, 0.7, 1, 4, 1e10, -1, ...tricky]),
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
};
