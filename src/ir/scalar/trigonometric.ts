/** Trigonometric functions, of radians, and their inverses. */
import * as angles from "../decompose/angles.js";
import * as inverse from "../decompose/inverse-angles.js";
import { numbers, one, pairs, record, type ScalarRecord, tricky } from "./record.js";

export type TrigonometricName = "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "atan2";

export const trigonometric: Readonly<Record<TrigonometricName, ScalarRecord>> = {
  sin: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.sin,
    gradient: (e, g, _, a) => [e.op("mul", g, e.op("cos", a))],
    decompose: angles.sin,
    libm: "sin",
    cases: one([...numbers, 0, 12.3, -31.4, 1000.5]),
  }),
  cos: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.cos,
    gradient: (e, g, _, a) => [e.op("neg", e.op("mul", g, e.op("sin", a)))],
    decompose: angles.cos,
    libm: "cos",
    cases: one([...numbers, 0, 12.3, -31.4, 1000.5]),
  }),
  tan: record(1, {
    cost: 20,
    ulps: 4,
    operands: "float",
    meaning: Math.tan,
    gradient: (e, g, out) => [e.op("mul", g, e.op("add", e.constant(1, out), e.op("mul", out, out)))],
    decompose: angles.tan,
    libm: "tan",
    cases: one([...numbers, 0, -0, 12.3, -3.5]),
  }),
  asin: record(1, {
    cost: 15,
    ulps: 3,
    operands: "float",
    meaning: Math.asin,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("sqrt", e.op("sub", e.constant(1, a), e.op("mul", a, a))))],
    decompose: inverse.asin,
    libm: "asin",
    cases: one([-0.99, -0.3, 1e-4, 0.4, 0.7, 2, ...tricky]),
  }),
  acos: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.acos,
    gradient: (e, g, _, a) => [
      e.op("neg", e.op("div", g, e.op("sqrt", e.op("sub", e.constant(1, a), e.op("mul", a, a))))),
    ],
    decompose: inverse.acos,
    libm: "acos",
    cases: one([-0.99, -0.3, 1e-4, 0.4, 0.7, 2, ...tricky]),
  }),
  atan: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.atan,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("add", e.op("mul", a, a), e.constant(1, a)))],
    decompose: inverse.atan,
    libm: "atan",
    cases: one([...numbers, ...tricky, 1e-4, 1e10]),
  }),
  atan2: record(2, {
    cost: 20,
    ulps: 2,
    operands: "float",
    meaning: Math.atan2,
    gradient: (e, g, _, a, b) => {
      const zero = e.constant(0, a);
      const origin = e.op("and", e.op("eq", a, zero), e.op("eq", b, zero));
      const inverseSquare = e.op("div", e.constant(1, a), e.op("add", e.op("mul", a, a), e.op("mul", b, b)));
      const scaled = e.op("mul", g, e.op("select", origin, zero, inverseSquare));
      return [e.op("mul", scaled, b), e.op("neg", e.op("mul", scaled, a))];
    },
    decompose: inverse.atan2,
    libm: "atan2",
    cases: pairs([...numbers, 0, -0, 1e-30], [...numbers, 1e20]),
  }),
};
