/**
 * Powers in single precision, written in the scalar algebra: 2 to the power of y log₂ x, where the logarithm and the
 * product are unevaluated sums of two floats. Products of two numbers of 12 bits are exact, whether or not a device
 * fuses them with the following addition, so every large term is split into 12 bits and a remainder (Dekker 1971).
 */
import type { Algebra } from "../algebra.js";
import { polynomial, roundedProduct, scaled, splitExponent } from "./elementary.js";

/** 2 / (3 ln 2), split into 12 bits and the remainder. */
const SCALE = 2 / (3 * Math.LN2);
const SCALE_HIGH = 0.961669921875;
const SCALE_LOW = 1.2677205086220056e-4;

/** A number as an unevaluated sum of two floats; `high` has 12 significant bits. */
interface Pair<T> {
  readonly high: T;
  readonly low: T;
}

/** A number truncated to 12 significant bits. */
function cut<T>(e: Algebra<T>, x: T): T {
  const bits = e.op("toBits", x);
  return e.op("fromBits", e.op("bitAnd", bits, e.constant(0xfffff000 | 0, bits)));
}

/**
 * log₂ x with a relative error of about 2⁻³⁵, for positive finite x = 2ⁿ m. With s = (m − 1) / (m + 1),
 * log₂ m = 2 / (3 ln 2) · s (3 + s² + …), the series of 3 atanh(s) / s.
 */
function log2Pair<T>(e: Algebra<T>, x: T): Pair<T> {
  const c = (value: number) => e.constant(value, x);
  const { n, m } = splitExponent(e, x);
  const f = e.op("sub", m, c(1));
  const u = e.op("add", m, c(1));
  const uHigh = cut(e, u);
  const uLow = e.op("sub", m, e.op("sub", uHigh, c(1)));
  const inverse = e.op("div", c(1), u);
  const s = e.op("mul", f, inverse);
  const sHigh = cut(e, s);
  const rest = e.op("sub", e.op("sub", f, e.op("mul", sHigh, uHigh)), e.op("mul", sHigh, uLow));
  const sLow = e.op("mul", rest, inverse);
  const z = e.op("mul", s, s);
  const series = polynomial(e, z, [0.5999999985608491, 0.4285729873255047, 0.33307031593313896, 0.28683694513622865]);
  const square = e.op("mul", sHigh, sHigh);
  const tail = e.op("add", e.op("mul", sLow, e.op("add", sHigh, s)), e.op("mul", e.op("mul", z, z), series));
  const factorHigh = cut(e, e.op("add", e.op("add", square, tail), c(3)));
  const factorLow = e.op("sub", tail, e.op("sub", e.op("sub", factorHigh, c(3)), square));
  const product = e.op("mul", sHigh, factorHigh);
  const correction = e.op("add", e.op("mul", sLow, factorHigh), e.op("mul", factorLow, s));
  const pHigh = cut(e, e.op("add", product, correction));
  const pLow = e.op("sub", correction, e.op("sub", pHigh, product));
  const main = e.op("mul", pHigh, c(SCALE_HIGH));
  const minor = e.op("add", e.op("mul", pHigh, c(SCALE_LOW)), e.op("mul", pLow, c(SCALE)));
  const high = cut(e, e.op("add", e.op("add", main, minor), n));
  return { high, low: e.op("sub", minor, e.op("sub", e.op("sub", high, n), main)) };
}

/** 2 to the power of a sum; 0 or ∞ beyond the range of floats. */
function exp2Pair<T>(e: Algebra<T>, { high, low }: Pair<T>): T {
  const c = (value: number) => e.constant(value, high);
  const sum = e.op("add", high, low);
  const above = e.op("lt", c(129), sum);
  const below = e.op("lt", sum, c(-151));
  const within = (x: T, most: number, least: number) =>
    e.op("select", above, c(most), e.op("select", below, c(least), x));
  const main = within(high, 129, -151);
  const minor = within(low, 0, 0);
  const n = roundedProduct(e, e.op("add", main, minor), 1).whole;
  const distance = e.op("sub", main, n);
  const r = e.op("add", distance, minor);
  const left = e.op("sub", minor, e.op("sub", r, distance));
  const tail = polynomial(
    e,
    r,
    [0.24022650695910072, 0.05550380532772881, 0.009618102836518294, 0.0013381685900192392, 0.00015445215889398994],
  );
  const curved = e.op("add", e.op("mul", e.op("mul", r, r), tail), e.op("mul", left, c(Math.LN2)));
  const body = e.op("add", e.op("add", e.op("mul", r, c(Math.LN2)), curved), c(1));
  return scaled(e, body, n);
}

/** xʸ, with the sign and the special cases of IEEE pow for integer and non-integer y. */
export function pow<T>(e: Algebra<T>, x: T, y: T): T {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const { high, low } = log2Pair(e, size);
  // Larger exponents give the same 0 or ∞ for every x except ±1.
  const bounded = e.op("min", e.op("max", y, c(-(2 ** 33))), c(2 ** 33));
  const yHigh = cut(e, bounded);
  const yLow = e.op("sub", bounded, yHigh);
  const rest = e.op("add", e.op("mul", yLow, high), e.op("mul", bounded, low));
  const regular = exp2Pair(e, { high: e.op("mul", yHigh, high), low: rest });
  const isZero = e.op("eq", size, c(0));
  const isEndless = e.op("eq", size, c(Number.POSITIVE_INFINITY));
  const grows = e.op("eq", isZero, e.op("lt", y, c(0)));
  const extreme = e.op("select", grows, c(Number.POSITIVE_INFINITY), c(0));
  const magnitude = e.op("select", e.op("or", isZero, isEndless), extreme, regular);
  const whole = e.op("eq", e.op("floor", y), y);
  const halfY = e.op("mul", y, c(0.5));
  const odd = e.op("and", whole, e.op("ne", e.op("floor", halfY), halfY));
  const bits = e.op("toBits", x);
  const minus = e.op("lt", bits, e.constant(0, bits)); // true for −0 too
  const signed = e.op("select", e.op("and", minus, odd), e.op("neg", magnitude), magnitude);
  const finite = e.op("lt", size, c(Number.POSITIVE_INFINITY));
  const root = e.op("and", e.op("and", e.op("lt", x, c(0)), finite), e.op("not", whole));
  const unknown = e.op("or", e.op("ne", x, x), e.op("ne", y, y));
  const checked = e.op("select", e.op("or", root, unknown), c(Number.NaN), signed);
  const endless = e.op("eq", e.op("abs", y), c(Number.POSITIVE_INFINITY));
  const plain = e.op("or", e.op("eq", y, c(0)), e.op("eq", x, c(1)));
  const unit = e.op("or", plain, e.op("and", endless, e.op("eq", size, c(1))));
  return e.op("select", unit, c(1), checked);
}

/** 2ˣ. */
export const exp2 = <T>(e: Algebra<T>, x: T): T => exp2Pair(e, { high: x, low: e.constant(0, x) });

/** log₁₀ 2, split into 12 bits and the remainder. */
const LOG10_2_HIGH = 0.301025390625;
const LOG10_2_LOW = 4.605038981195214e-6;

/** Logarithm to base 2: rounded once but for an error of 2⁻³⁵, so exact at powers of 2. */
export function log2<T>(e: Algebra<T>, x: T): T {
  const { high, low } = log2Pair(e, x);
  return ofPositive(e, x, e.op("add", high, low));
}

/** Logarithm to base 10, as exact. */
export function log10<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const { high, low } = log2Pair(e, x);
  const rest = e.op("add", e.op("mul", high, c(LOG10_2_LOW)), e.op("mul", low, c(Math.log10(2))));
  return ofPositive(e, x, e.op("add", e.op("mul", high, c(LOG10_2_HIGH)), rest));
}

/** A logarithm with its special values: −∞ at 0, NaN below, ∞ at ∞. */
function ofPositive<T>(e: Algebra<T>, x: T, value: T): T {
  const c = (special: number) => e.constant(special, x);
  const finite = e.op("select", e.op("lt", x, c(Number.POSITIVE_INFINITY)), value, e.op("add", x, c(0)));
  const positive = e.op("select", e.op("eq", x, c(0)), c(Number.NEGATIVE_INFINITY), finite);
  return e.op("select", e.op("lt", x, c(0)), c(Number.NaN), positive);
}
