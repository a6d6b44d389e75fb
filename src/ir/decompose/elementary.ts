/**
 * Elementary functions in single precision, written in the scalar algebra: arithmetic, comparison and bit operations
 * only, so that every code generator supports them and all devices agree. The polynomials are weighted minimax fits.
 * The error bound of each function is `ulps` of its record, and tests measure it.
 */
import { PHILOX_MULTIPLIER, PHILOX_ROUNDS, PHILOX_WEYL } from "../../util/philox.js";
import type { Algebra } from "../algebra.js";

/** Horner's rule: c[0] + x (c[1] + x (…)). */
export function polynomial<T>(e: Algebra<T>, x: T, coefficients: readonly number[]): T {
  let sum = e.constant(coefficients[coefficients.length - 1], x);
  for (let i = coefficients.length - 2; i >= 0; i--) {
    sum = e.op("add", e.op("mul", sum, x), e.constant(coefficients[i], x));
  }
  return sum;
}

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;
/** 1.5 · 2²³: adding it rounds a float of magnitude up to 2²² to an integer, which the low bits of the sum hold. */
const ROUNDER = 12582912;

/** The nearest integer to a product of magnitude up to 2²², and the sum whose low bits hold that integer. */
export function roundedProduct<T>(e: Algebra<T>, x: T, factor: number): { whole: T; sum: T } {
  const sum = e.op("add", e.op("mul", x, e.constant(factor, x)), e.constant(ROUNDER, x));
  return { whole: e.op("sub", sum, e.constant(ROUNDER, x)), sum };
}

/** 2ⁿ for n in [-126, 127], from the sum ROUNDER + n. */
function powerOfTwo<T>(e: Algebra<T>, sum: T): T {
  const bits = e.op("toBits", sum);
  const exponent = e.op("shiftLeft", bits, e.constant(23, bits));
  return e.op("fromBits", e.op("add", exponent, e.constant(0x3f800000, bits)));
}

/** x · 2ⁿ for x near 1 and n in [-252, 254]: in two steps, so that only the last one rounds or overflows. */
export function scaled<T>(e: Algebra<T>, x: T, n: T): T {
  const half = roundedProduct(e, n, 0.5);
  const rest = e.op("add", e.op("sub", n, half.whole), e.constant(ROUNDER, n));
  return e.op("mul", e.op("mul", x, powerOfTwo(e, half.sum)), powerOfTwo(e, rest));
}

/** eˣ = 2ⁿ (1 + tail) with |tail| < 0.42, for x in [-104, 89.5]. */
export function splitExponential<T>(e: Algebra<T>, x: T): { n: T; tail: T } {
  const c = (value: number) => e.constant(value, x);
  const n = roundedProduct(e, x, Math.LOG2E).whole;
  const high = e.op("sub", x, e.op("mul", n, c(LN2_HIGH)));
  const r = e.op("sub", high, e.op("mul", n, c(LN2_LOW)));
  const series = polynomial(
    e,
    r,
    [0.4999999344869904, 0.16666520645346267, 0.0416683878882565, 0.008368715218875987, 0.00138146018459999],
  );
  return { n, tail: e.op("add", e.op("mul", e.op("mul", r, r), series), r) };
}

/** eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2. */
export function exp<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const clamped = e.op("min", e.op("max", x, c(-104)), c(89));
  const { n, tail } = splitExponential(e, clamped);
  return e.op("select", e.op("lt", x, c(-103.98)), c(0), scaled(e, e.op("add", tail, c(1)), n));
}

/**
 * eˣ for x up to 88 in half the operations of {@link exp}: results below the smallest normal number are zero. For the
 * probabilities of a softmax, which are compared with 1.
 */
export function expOfScore<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const { n, tail } = splitExponential(e, x);
  const value = e.op("mul", e.op("add", tail, c(1)), powerOfTwo(e, e.op("add", n, c(ROUNDER))));
  return e.op("select", e.op("lt", x, c(-87.33)), c(0), value);
}

/** x = 2ⁿ m with m in [√½, √2), for positive finite x. */
export function splitExponent<T>(e: Algebra<T>, x: T): { n: T; m: T } {
  const c = (value: number) => e.constant(value, x);
  const tiny = e.op("lt", x, c(1.17549435e-38));
  const normal = e.op("select", tiny, e.op("mul", x, c(2 ** 23)), x);
  const bits = e.op("toBits", normal);
  const i = (value: number) => e.constant(value, bits);
  // The offset moves mantissas of √2 and above to the next exponent.
  const shifted = e.op("add", bits, i(0x3f800000 - 0x3f3504f3));
  const exponent = e.op("sub", e.op("shiftRight", shifted, i(23)), i(127));
  const m = e.op("fromBits", e.op("add", e.op("bitAnd", shifted, i(0x7fffff)), i(0x3f3504f3)));
  const n = e.op("sub", e.cast(exponent, "f32"), e.op("select", tiny, c(23), c(0)));
  return { n, m };
}

/** log x = n ln 2 + log(1 + f), 1 + f in [√½, √2). */
export function log<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const { n, m } = splitExponent(e, x);
  const f = e.op("sub", m, c(1));
  const f2 = e.op("mul", f, f);
  const tail = polynomial(
    e,
    f,
    [
      0.3333331260399407, -0.25000009599640394, 0.20002118662831697, -0.16667995843198025, 0.14219552279973455,
      -0.12405589065657267, 0.11888162965374449, -0.11675651198390449, 0.06746638257850956,
    ],
  );
  const low = e.op("sub", e.op("mul", n, c(LN2_LOW)), e.op("mul", f2, c(0.5)));
  const body = e.op("add", f, e.op("add", e.op("mul", e.op("mul", f2, f), tail), low));
  const value = e.op("add", body, e.op("mul", n, c(LN2_HIGH)));
  const finite = e.op("select", e.op("lt", x, c(Number.POSITIVE_INFINITY)), value, e.op("add", x, c(0)));
  const positive = e.op("select", e.op("eq", x, c(0)), c(Number.NEGATIVE_INFINITY), finite);
  return e.op("select", e.op("lt", x, c(0)), c(Number.NaN), positive);
}

/** tanh x: an odd polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above. */
export function tanh<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const magnitude = e.op("abs", x);
  const z = e.op("mul", x, x);
  const series = polynomial(
    e,
    z,
    [-0.33333281643344254, 0.13331424795191646, -0.05373761287491179, 0.0206304102608653, -0.00569351808959494],
  );
  const odd = e.op("add", x, e.op("mul", e.op("mul", x, z), series));
  // x itself if the next term is below half an ulp; this also preserves −0.
  const small = e.op("select", e.op("lt", magnitude, c(2 ** -12)), x, odd);
  const power = exp(e, e.op("mul", e.op("min", magnitude, c(10)), c(2)));
  const large = e.op("sub", c(1), e.op("div", c(2), e.op("add", power, c(1))));
  const signed = e.op("select", e.op("lt", x, c(0)), e.op("neg", large), large);
  const value = e.op("select", e.op("lt", magnitude, c(0.625)), small, signed);
  return e.op("select", e.op("eq", x, x), value, x);
}

/** erf x: an odd polynomial up to 1, 1 − e^(−x²) Q(1/x) beyond, ±1 from 4. */
export function erf<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const magnitude = e.op("abs", x);
  const z = e.op("mul", x, x);
  const small = e.op(
    "mul",
    x,
    polynomial(
      e,
      e.op("min", z, c(1)),
      [
        1.1283791670580219, -0.37612638434655726, 0.11283781974208748, -0.026865400049150404, 0.0052209454541320725,
        -0.0008482829170034687, 0.00011256950334330688, -9.641523159499586e-6,
      ],
    ),
  );
  const clamped = e.op("min", e.op("max", magnitude, c(1)), c(4));
  const tail = polynomial(
    e,
    e.op("div", c(1), clamped),
    [
      0.0006481115864574449, 0.5538573367429888, 0.0725010385591111, -0.5719790360160737, 0.6990764423977163,
      -0.4973352278405186, 0.22168522919044284, -0.05751122762738746, 0.006640909094906074,
    ],
  );
  const decay = exp(e, e.op("neg", e.op("mul", clamped, clamped)));
  const large = e.op("sub", c(1), e.op("mul", decay, tail));
  const signed = e.op("select", e.op("lt", x, c(0)), e.op("neg", large), large);
  const value = e.op("select", e.op("le", magnitude, c(1)), small, signed);
  return e.op("select", e.op("eq", x, x), value, x);
}

/** One word of Philox 2×32-10; the same integers as `util/philox.ts`. */
export function philox<T>(e: Algebra<T>, low: T, high: T, key: T, word: 0 | 1): T {
  let x = low;
  let y = high;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const k = e.op("add", key, e.constant(Math.imul(PHILOX_WEYL, round), key));
    const multiplier = e.constant(PHILOX_MULTIPLIER | 0, x);
    const top = e.op("mulHigh", x, multiplier);
    const bottom = e.op("mul", x, multiplier);
    x = e.op("bitXor", e.op("bitXor", top, k), y);
    y = bottom;
  }
  return word === 0 ? x : y;
}

/** The size of a float (which must not be negative) with the sign of another. */
export function withSign<T>(e: Algebra<T>, size: T, sign: T): T {
  const bits = e.op("toBits", sign);
  const bit = e.op("bitAnd", bits, e.constant(0x80000000 | 0, bits));
  return e.op("fromBits", e.op("bitXor", e.op("toBits", size), bit));
}
