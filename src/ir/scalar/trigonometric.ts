/** Sine and cosine. */
import * as angles from "../decompose/angles.js";
import { numbers, one, record, type ScalarRecord } from "./record.js";

export type TrigonometricName = "sin" | "cos";

export const trigonometric: Readonly<Record<TrigonometricName, ScalarRecord>> = {
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
};
