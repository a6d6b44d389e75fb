/**
 * Sine, cosine and tangent in single precision over the whole range of floats, written in the scalar algebra. Arguments are
 * reduced to |r| ≤ π/4 and a number of quarter turns: small ones by subtracting multiples of π/2 in four parts (Cody
 * and Waite 1980), large ones by multiplying their bits with the relevant bits of 2/π (Payne and Hanek 1983).
 */
import type { Algebra } from "../algebra.js";
import { polynomial, roundedProduct } from "./elementary.js";

/**
 * π/2 as a sum: three parts of 13 bits, whose products with integers below 2¹¹ are exact, and the remainder. The
 * reduced argument is thus accurate to 2⁻⁵⁰, while no float below LARGE is closer than 2⁻²⁷ to a multiple of π/2.
 */
const HALF_PI_PARTS = [1.570556640625, 2.396702766418457e-4, 1.5890691429376602e-8, 2.5633440682570896e-12];
/** Arguments from here on (less than 2¹¹ · π/2) are reduced by their bits. */
const LARGE = 3200;
/** 32 zeros and the first 192 bits of 2/π: enough for every exponent. */
const TWO_OVER_PI = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041];
/** π/2, split into 12 bits and the remainder: products of the first part with 12-bit numbers are exact. */
const HALF_PI_HIGH = 1.5703125;
const HALF_PI_LOW = 4.838267923332751e-4;

/** sin r and cos r for |r| ≤ π/4. */
function ofReduced<T>(e: Algebra<T>, r: T): { sin: T; cos: T } {
  const c = (value: number) => e.constant(value, r);
  const z = e.op("mul", r, r);
  const sinTail = polynomial(e, z, [-0.16666654589947583, 0.008332155051401639, -0.00019514084825584635]);
  const sinSum = e.op("add", r, e.op("mul", e.op("mul", r, z), sinTail));
  // Preserves −0: the sum would give −0 + 0 = 0.
  const sin = e.op("select", e.op("eq", r, c(0)), r, sinSum);
  const cosTail = polynomial(e, z, [0.04166664626864621, -0.001388733708199769, 2.443484593864671e-5]);
  const cos = e.op("add", e.op("sub", c(1), e.op("mul", z, c(0.5))), e.op("mul", e.op("mul", z, z), cosTail));
  return { sin, cos };
}

/** The value at r + q π/2 for |r| ≤ π/4. */
type OfQuadrant = <T>(e: Algebra<T>, r: T, q: T) => T;

/** sin (quarter 0) or cos (quarter 1): the last two bits of q select polynomial and sign. */
const sineOf =
  (quarter: 0 | 1): OfQuadrant =>
  (e, r, q) => {
    const { sin, cos } = ofReduced(e, r);
    const i = (value: number) => e.constant(value, q);
    const turned = quarter === 0 ? q : e.op("add", q, i(1));
    const odd = e.op("eq", e.op("bitAnd", turned, i(1)), i(1));
    const magnitude = e.op("select", odd, cos, sin);
    const sign = e.op("shiftLeft", e.op("bitAnd", turned, i(2)), i(30));
    return e.op("fromBits", e.op("bitXor", e.op("toBits", magnitude), sign));
  };

/** tan: sin / cos, or −cos / sin if q is odd. */
const tangent: OfQuadrant = (e, r, q) => {
  const { sin, cos } = ofReduced(e, r);
  const i = (value: number) => e.constant(value, q);
  const odd = e.op("eq", e.op("bitAnd", q, i(1)), i(1));
  return e.op("div", e.op("select", odd, e.op("neg", cos), sin), e.op("select", odd, sin, cos));
};

/**
 * The function of |x| ≥ LARGE: x = m 2ᵉ⁻³¹ with an integer m; of m · 2/π only the fraction of whole turns is computed.
 */
function ofLarge<T>(e: Algebra<T>, x: T, ofQuadrant: OfQuadrant): T {
  const c = (value: number) => e.constant(value, x);
  const bits = e.op("toBits", x);
  const i = (value: number) => e.constant(value | 0, bits);
  const right = (y: T, by: number) => e.op("shiftRight", y, i(by));
  const left = (y: T, by: number) => e.op("shiftLeft", y, i(by));
  const minus = e.op("lt", bits, i(0));
  const m = e.op("bitXor", e.op("bitAnd", left(bits, 8), i(0x7fffffff)), i(0x80000000));
  // Position of the first relevant bit of 2/π: the bits before it contribute whole turns.
  const offset = e.op("sub", e.op("bitAnd", right(bits, 23), i(255)), i(128));
  const word = right(offset, 5);
  const shift = e.op("bitAnd", offset, i(31));
  const unshift = e.op("sub", i(31), shift);
  const words = [0, 1, 2, 3].map((k) =>
    [2, 1, 0].reduce(
      (rest, j) => e.op("select", e.op("eq", word, i(j)), i(TWO_OVER_PI[j + k]), rest),
      i(TWO_OVER_PI[3 + k]),
    ),
  );
  const [a, b, d] = [0, 1, 2].map((k) => {
    const next = e.op("shiftRight", right(words[k + 1], 1), unshift);
    return e.op("add", e.op("shiftLeft", words[k], shift), next);
  });
  // The first 64 fraction bits of m · (a 2⁻³² + b 2⁻⁶⁴ + d 2⁻⁹⁶), in turns.
  const product = e.op("mul", m, b);
  const low = e.op("add", product, e.op("mulHigh", m, d));
  const unsigned = (y: T) => e.op("bitXor", y, i(0x80000000));
  const carry = e.op("select", e.op("lt", unsigned(low), unsigned(product)), i(1), i(0));
  const high = e.op("add", e.op("add", e.op("mul", m, a), e.op("mulHigh", m, b)), carry);
  const quadrant = right(e.op("add", high, i(0x20000000)), 30);
  const fraction = e.op("sub", high, left(quadrant, 30));
  // The absolute value, so that nothing cancels; an error in the last of 64 bits is negligible.
  const flip = e.op("select", e.op("lt", fraction, i(0)), i(-1), i(0));
  const positive = e.op("bitXor", fraction, flip);
  const float = (y: T, unit: number) => e.op("mul", e.cast(y, "f32"), c(unit));
  const top = float(e.op("bitAnd", positive, i(0x3ffe0000)), 2 ** -30);
  const middle = float(e.op("bitAnd", positive, i(0x1ffff)), 2 ** -30);
  const rest = e.op("add", middle, float(right(e.op("bitXor", low, flip), 1), 2 ** -61));
  const small = e.op("add", e.op("mul", top, c(HALF_PI_LOW)), e.op("mul", rest, c(Math.PI / 2)));
  const r = e.op("add", e.op("mul", top, c(HALF_PI_HIGH)), small);
  const sign = e.op("bitAnd", e.op("bitXor", bits, flip), i(0x80000000));
  const signed = e.op("fromBits", e.op("bitXor", e.op("toBits", r), sign));
  const turns = e.op("select", minus, e.op("neg", quadrant), quadrant);
  const value = ofQuadrant(e, signed, turns);
  return e.op("select", e.op("lt", e.op("abs", x), c(Number.POSITIVE_INFINITY)), value, c(Number.NaN));
}

function ofAngle<T>(e: Algebra<T>, x: T, ofQuadrant: OfQuadrant): T {
  const { whole, sum } = roundedProduct(e, x, 2 / Math.PI);
  let r = x;
  for (const part of HALF_PI_PARTS) r = e.op("sub", r, e.op("mul", whole, e.constant(part, x)));
  const usual = ofQuadrant(e, r, e.op("toBits", sum));
  const large = e.op("le", e.constant(LARGE, x), e.op("abs", x));
  return e.unlikely(large, ofLarge(e, x, ofQuadrant), usual);
}

export const sin = <T>(e: Algebra<T>, x: T): T => ofAngle(e, x, sineOf(0));
export const cos = <T>(e: Algebra<T>, x: T): T => ofAngle(e, x, sineOf(1));
export const tan = <T>(e: Algebra<T>, x: T): T => ofAngle(e, x, tangent);
