/** Hyperbolic functions and their inverses. */
import * as decompose from "../decompose/elementary.js";
import * as inverse from "../decompose/hyperbolic.js";
import { numbers, one, record, type ScalarRecord, tricky } from "./record.js";

export type HyperbolicName = "tanh" | "sinh" | "cosh" | "asinh" | "acosh" | "atanh";

export const hyperbolic: Readonly<Record<HyperbolicName, ScalarRecord>> = {
  tanh: record(1, {
    cost: 20,
    ulps: 3,
    operands: "float",
    meaning: Math.tanh,
    gradient: (e, g, out) => [e.op("mul", g, e.op("sub", e.constant(1, out), e.op("mul", out, out)))],
    decompose: decompose.tanh,
    libm: "tanh",
  }),
  sinh: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.sinh,
    gradient: (e, g, _, a) => [e.op("mul", g, e.op("cosh", a))],
    decompose: inverse.sinh,
    libm: "sinh",
    cases: one([...numbers, ...tricky, -8, 30]),
  }),
  cosh: record(1, {
    cost: 15,
    ulps: 2,
    operands: "float",
    meaning: Math.cosh,
    gradient: (e, g, _, a) => [e.op("mul", g, e.op("sinh", a))],
    decompose: inverse.cosh,
    libm: "cosh",
    cases: one([...numbers, ...tricky, -8, 30]),
  }),
  asinh: record(1, {
    cost: 25,
    ulps: 3,
    operands: "float",
    meaning: Math.asinh,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("sqrt", e.op("add", e.op("mul", a, a), e.constant(1, a))))],
    decompose: inverse.asinh,
    libm: "asinh",
    cases: one([...numbers, ...tricky, 1e-4, -89, 1e6, -3e30]),
  }),
  acosh: record(1, {
    cost: 25,
    ulps: 3,
    operands: "float",
    meaning: Math.acosh,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("sqrt", e.op("sub", e.op("mul", a, a), e.constant(1, a))))],
    decompose: inverse.acosh,
    libm: "acosh",
    cases: one([1.05, 1.5, 2, 3.25, 89, 1e6, 3e30, 0.5, ...tricky]),
  }),
  atanh: record(1, {
    cost: 25,
    ulps: 3,
    operands: "float",
    meaning: Math.atanh,
    gradient: (e, g, _, a) => [e.op("div", g, e.op("sub", e.constant(1, a), e.op("mul", a, a)))],
    decompose: inverse.atanh,
    libm: "atanh",
    cases: one([-0.99, -0.3, 1e-4, 0.4, 0.7, 1, -1, 2, -3, ...tricky]),
  }),
};
