/**
 * Hyperbolic functions, their inverses, eˣ − 1 and log(1 + x) in single precision, written in the scalar algebra. Small
 * arguments keep their relative accuracy.
 */
import type { Algebra } from "../algebra.js";
import { log, polynomial, scaled, splitExponential, withSign } from "./elementary.js";

/** eˣ − 1 = 2ⁿ ((eʳ − 1) + (1 − 2⁻ⁿ)); below −17.4 it is −1. */
export function expm1<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const clamped = e.op("min", e.op("max", x, c(-20)), c(89));
  const { n, tail } = splitExponential(e, clamped);
  // From n = 30 on, the difference from 1 is below half an ulp.
  const inverse = scaled(e, c(1), e.op("neg", e.op("min", n, c(30))));
  const value = scaled(e, e.op("add", tail, e.op("sub", c(1), inverse)), n);
  return e.op("select", e.op("lt", e.op("abs", x), c(2 ** -24)), x, value);
}

/** log(1 + x) = log(u) · x / (u − 1) with u = 1 + x rounded: the quotient cancels the rounding of u (Kahan). */
export function log1p<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const u = e.op("add", x, c(1));
  const difference = e.op("sub", u, c(1));
  const regular = e.op("mul", log(e, u), e.op("div", x, difference));
  const finite = e.op("select", e.op("lt", x, c(Number.POSITIVE_INFINITY)), regular, x);
  const value = e.op("select", e.op("eq", u, c(0)), c(Number.NEGATIVE_INFINITY), finite);
  return e.op("select", e.op("eq", difference, c(0)), x, value);
}

/** e^|x| / 2, which overflows later than e^|x|. */
function halfExponential<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const clamped = e.op("min", e.op("abs", x), c(89.5));
  const { n, tail } = splitExponential(e, clamped);
  return scaled(e, e.op("add", tail, c(1)), e.op("sub", n, c(1)));
}

/** sinh x: an odd polynomial up to 1, (eˣ − e⁻ˣ) / 2 beyond. */
export function sinh<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const z = e.op("mul", x, x);
  const series = polynomial(
    e,
    z,
    [0.1666666716337204, 0.008333349600434303, 0.0001983615948120132, 2.8169513370812638e-6],
  );
  const small = e.op("add", x, e.op("mul", e.op("mul", x, z), series));
  const half = halfExponential(e, x);
  const large = withSign(e, e.op("sub", half, e.op("div", c(0.25), half)), x);
  const value = e.op("select", e.op("le", size, c(1)), small, large);
  return e.op("select", e.op("lt", size, c(2 ** -12)), x, value);
}

/** cosh x = (eˣ + e⁻ˣ) / 2. */
export function cosh<T>(e: Algebra<T>, x: T): T {
  const half = halfExponential(e, x);
  return e.op("add", half, e.op("div", e.constant(0.25, x), half));
}

/** Arguments from here on: √(x² ± 1) = x in single precision, and squares do not overflow below. */
const LARGE = 1e4;

/** asinh x = log1p(x + x² / (1 + √(1 + x²))), for large x log(2 x). */
export function asinh<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const square = e.op("mul", size, size);
  const root = e.op("sqrt", e.op("add", square, c(1)));
  const near = e.op("add", size, e.op("div", square, e.op("add", root, c(1))));
  return ofLogarithm(e, x, near, size);
}

/** acosh x = log1p(t + √(2 t + t²)) with t = x − 1, for large x log(2 x); NaN below 1. */
export function acosh<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const t = e.op("sub", x, c(1));
  const root = e.op("sqrt", e.op("mul", t, e.op("add", t, c(2))));
  const value = ofLogarithm(e, x, e.op("add", t, root), x);
  return e.op("select", e.op("lt", x, c(1)), c(Number.NaN), value);
}

/** log1p(near) below LARGE, log(2 size) from there on, with the sign of x. */
function ofLogarithm<T>(e: Algebra<T>, x: T, near: T, size: T): T {
  const c = (value: number) => e.constant(value, x);
  const isLarge = e.op("le", c(LARGE), size);
  const u = e.op("select", isLarge, size, e.op("add", near, c(1)));
  const difference = e.op("sub", u, c(1));
  const logarithm = log(e, u);
  const small = e.op("select", e.op("eq", difference, c(0)), near, kahan(e, logarithm, near, difference));
  const value = e.op("select", isLarge, e.op("add", logarithm, c(Math.LN2)), small);
  return withSign(e, value, x);
}

const kahan = <T>(e: Algebra<T>, logarithm: T, x: T, difference: T): T =>
  e.op("mul", logarithm, e.op("div", x, difference));

/** atanh x = log1p(2 x / (1 − x)) / 2; ±∞ at ±1, NaN beyond. */
export function atanh<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const ratio = e.op("div", e.op("add", size, size), e.op("sub", c(1), size));
  const value = e.op("mul", log1p(e, ratio), c(0.5));
  // The sign of the ratio beyond 1 is negative, and below −2 there is no logarithm.
  const inside = e.op("select", e.op("lt", c(1), size), c(Number.NaN), withSign(e, value, x));
  return e.op("select", e.op("lt", size, c(2 ** -13)), x, inside);
}
