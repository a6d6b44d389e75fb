/**
 * Elementary functions in single precision, written in the scalar algebra: arithmetic, comparison and bit operations
 * only, so that every printer gets them for nothing and all devices agree. The polynomials are our own weighted minimax
 * fits; each function states its largest error in units of the last place as tests measure it.
 */
import { PHILOX_MULTIPLIER, PHILOX_ROUNDS, PHILOX_WEYL } from "../util/philox.js";
import type { Algebra } from "./algebra.js";

/** Horner's rule: c[0] + x (c[1] + x (…)). */
function polynomial<T>(e: Algebra<T>, x: T, coefficients: readonly number[]): T {
  let sum = e.constant(coefficients[coefficients.length - 1], x);
  for (let i = coefficients.length - 2; i >= 0; i--) {
    sum = e.op("add", e.op("mul", sum, x), e.constant(coefficients[i], x));
  }
  return sum;
}

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;

/** 2ⁿ for a float that holds an integer in [-126, 127]. */
function powerOfTwo<T>(e: Algebra<T>, n: T): T {
  const i = e.cast(n, "i32");
  return e.op("fromBits", e.op("shiftLeft", e.op("add", i, e.constant(127, i)), e.constant(23, i)));
}

/** eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2; the power is applied in two halves so that subnormal results survive. */
export function exp<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const clamped = e.op("min", e.op("max", x, c(-104)), c(89));
  const n = e.op("round", e.op("mul", clamped, c(Math.LOG2E)));
  const high = e.op("sub", clamped, e.op("mul", n, c(LN2_HIGH)));
  const r = e.op("sub", high, e.op("mul", n, c(LN2_LOW)));
  const tail = polynomial(
    e,
    r,
    [0.4999999344869904, 0.16666520645346267, 0.0416683878882565, 0.008368715218875987, 0.00138146018459999],
  );
  const body = e.op("add", e.op("add", e.op("mul", e.op("mul", r, r), tail), r), c(1));
  const half = e.op("floor", e.op("mul", n, c(0.5)));
  const scaled = e.op("mul", e.op("mul", body, powerOfTwo(e, half)), powerOfTwo(e, e.op("sub", n, half)));
  return e.op("select", e.op("lt", x, c(-103.98)), c(0), scaled);
}

/** log x = n ln 2 + log(1 + f), 1 + f in [√½, √2). */
export function log<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const tiny = e.op("lt", x, c(1.17549435e-38));
  const normal = e.op("select", tiny, e.op("mul", x, c(2 ** 23)), x);
  const bits = e.op("toBits", normal);
  const i = (value: number) => e.constant(value, bits);
  // The offset moves mantissas of √2 and above to the next exponent.
  const shifted = e.op("add", bits, i(0x3f800000 - 0x3f3504f3));
  const exponent = e.op("sub", e.op("shiftRight", shifted, i(23)), i(127));
  const mantissa = e.op("fromBits", e.op("add", e.op("bitAnd", shifted, i(0x7fffff)), i(0x3f3504f3)));
  const n = e.op("sub", e.cast(exponent, "f32"), e.op("select", tiny, c(23), c(0)));
  const f = e.op("sub", mantissa, c(1));
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

/** sin and cos by reduction to |r| ≤ π/4 in three parts of π/2; accurate for |x| below about 10⁵. */
function sine<T>(e: Algebra<T>, x: T, quarter: number): T {
  const c = (value: number) => e.constant(value, x);
  const n = e.op("round", e.op("mul", x, c(2 / Math.PI)));
  let r = x;
  for (const part of [1.5703125, 4.837512969970703e-4, 7.549789948768648e-8]) {
    r = e.op("sub", r, e.op("mul", n, c(part)));
  }
  const z = e.op("mul", r, r);
  const sin = e.op(
    "add",
    r,
    e.op(
      "mul",
      e.op("mul", r, z),
      polynomial(e, z, [-0.16666654589947583, 0.008332155051401639, -0.00019514084825584635]),
    ),
  );
  const cosTail = polynomial(e, z, [0.04166664626864621, -0.001388733708199769, 2.443484593864671e-5]);
  const cos = e.op("add", e.op("sub", c(1), e.op("mul", z, c(0.5))), e.op("mul", e.op("mul", z, z), cosTail));
  const quadrant = e.op("add", e.cast(n, "i32"), e.typed(quarter, "i32", x));
  const i = (value: number) => e.constant(value, quadrant);
  const odd = e.op("eq", e.op("bitAnd", quadrant, i(1)), i(1));
  const magnitude = e.op("select", odd, cos, sin);
  const flip = e.op("eq", e.op("bitAnd", quadrant, i(2)), i(2));
  return e.op("select", flip, e.op("neg", magnitude), magnitude);
}

export const sin = <T>(e: Algebra<T>, x: T): T => sine(e, x, 0);
export const cos = <T>(e: Algebra<T>, x: T): T => sine(e, x, 1);

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
  const small = e.op("add", x, e.op("mul", e.op("mul", x, z), series));
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

/** xʸ = e^(y log|x|), with the sign and the special cases of IEEE pow for integer and non-integer y. */
export function pow<T>(e: Algebra<T>, x: T, y: T): T {
  const c = (value: number) => e.constant(value, x);
  const magnitude = exp(e, e.op("mul", y, log(e, e.op("abs", x))));
  const whole = e.op("eq", e.op("floor", y), y);
  const halfY = e.op("mul", y, c(0.5));
  const odd = e.op("and", whole, e.op("ne", e.op("floor", halfY), halfY));
  const bits = e.op("toBits", x);
  const minus = e.op("lt", bits, e.constant(0, bits)); // −0 too
  const signed = e.op("select", e.op("and", minus, odd), e.op("neg", magnitude), magnitude);
  const finite = e.op("lt", e.op("abs", x), c(Number.POSITIVE_INFINITY));
  const root = e.op("and", e.op("and", e.op("lt", x, c(0)), finite), e.op("not", whole));
  const checked = e.op("select", root, c(Number.NaN), signed);
  const endless = e.op("eq", e.op("abs", y), c(Number.POSITIVE_INFINITY));
  const plain = e.op("or", e.op("eq", y, c(0)), e.op("eq", x, c(1)));
  const unit = e.op("or", plain, e.op("and", endless, e.op("eq", e.op("abs", x), c(1))));
  return e.op("select", unit, c(1), checked);
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
