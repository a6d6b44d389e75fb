/** The error function and its inverse. */
import { erf as decomposeErf } from "../decompose/elementary.js";
import { erfinv as decomposeErfinv } from "../decompose/erfinv.js";
import { one, record, type ScalarRecord, tricky } from "./record.js";

export type ProbabilityName = "erf" | "erfinv";

/** e^(−a²); the square of a number of 24 bits is exact. */
function gaussian(a: number): number {
  const high = Math.fround(a);
  return Math.exp(-high * high) * Math.exp((high - a) * (high + a));
}

/** 1 − erf a for a ≥ 1, by its continued fraction, which keeps the relative accuracy. */
function erfc(a: number): number {
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / 2 / (a + fraction);
  return gaussian(a) / ((a + fraction) * Math.sqrt(Math.PI));
}

function erf(x: number): number {
  // A series of positive terms below 1, the continued fraction above.
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a < 1) {
    let sum = 1;
    for (let n = 20; n > 0; n--) sum = 1 + ((2 * a * a) / (2 * n + 1)) * sum;
    return (2 / Math.sqrt(Math.PI)) * gaussian(a) * x * sum;
  }
  return a > 6 ? Math.sign(x) : Math.sign(x) * (1 - erfc(a));
}

/** Newton's iteration on erf, or beyond ¾ on log erfc; from Winitzki's estimate. */
function erfinv(x: number): number {
  const a = Math.abs(x);
  if (!(a < 1)) return a === 1 ? x * Number.POSITIVE_INFINITY : Number.NaN;
  if (a < 1e-9) return (x * Math.sqrt(Math.PI)) / 2;
  const l = Math.log((1 - a) * (1 + a));
  const k = 2 / (Math.PI * 0.147) + l / 2;
  let y = Math.sqrt(Math.sqrt(k * k - l / 0.147) - k);
  for (let i = 0; i < 6; i++) {
    const slope = (2 / Math.sqrt(Math.PI)) * gaussian(y);
    if (a < 0.875) y -= (erf(y) - a) / slope;
    else y += ((Math.log(erfc(y)) - Math.log(1 - a)) * erfc(y)) / slope;
  }
  return Math.sign(x) * y;
}

export const probability: Readonly<Record<ProbabilityName, ScalarRecord>> = {
  erf: record(1, {
    cost: 25,
    ulps: 4,
    operands: "float",
    meaning: erf,
    gradient: (e, g, _, a) => {
      const decay = e.op("exp", e.op("neg", e.op("mul", a, a)));
      return [e.op("mul", g, e.op("mul", e.constant(2 / Math.sqrt(Math.PI), a), decay))];
    },
    decompose: decomposeErf,
    libm: "erf",
  }),
  erfinv: record(1, {
    cost: 30,
    ulps: 4,
    operands: "float",
    meaning: erfinv,
    gradient: (e, g, out) => {
      const growth = e.op("exp", e.op("mul", out, out));
      return [e.op("mul", g, e.op("mul", e.constant(Math.sqrt(Math.PI) / 2, out), growth))];
    },
    decompose: decomposeErfinv,
    libm: "fovea_erfinv",
    cases: one([-0.99, -0.3, 1e-4, 0.4, 0.7, 0.9, 1, -1, 2, -3, ...tricky]),
  }),
};
