/**
 * Inverse trigonometric functions in single precision, written in the scalar algebra. The polynomials are weighted
 * minimax fits of (f(x) / x − 1) / x² in x².
 */
import type { Algebra } from "../algebra.js";
import { polynomial, withSign } from "./elementary.js";

/** π/2 and π as unevaluated sums of two floats. */
const HALF_PI = [1.5707963705062866, -4.371139000186243e-8];
const PI = [3.1415927410125732, -8.742278000372485e-8];
const QUARTER_PI = [0.7853981852531433, -2.1855695000931206e-8];
/** tan(π/8): quotients above are turned by π/4. */
const EIGHTH = 0.4142135623730951;

/** asin of x in [0, ½], from z = x². */
function arcsine<T>(e: Algebra<T>, x: T, z: T): T {
  const series = polynomial(
    e,
    z,
    [
      0.16666659712791443, 0.07500503957271576, 0.04451695457100868, 0.03180771693587303, 0.01443860400468111,
      0.03751645237207413,
    ],
  );
  return e.op("add", x, e.op("mul", e.op("mul", x, z), series));
}

/** For |x| ≤ ½ asin |x|; beyond, asin √((1 − |x|) / 2), which is half of acos |x|; and which of them it is. */
function arcsineParts<T>(e: Algebra<T>, x: T): { isLarge: T; part: T } {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const isLarge = e.op("lt", c(0.5), size);
  const half = e.op("mul", e.op("sub", c(1), size), c(0.5));
  const z = e.op("select", isLarge, half, e.op("mul", size, size));
  const part = arcsine(e, e.op("select", isLarge, e.op("sqrt", half), size), z);
  return { isLarge, part };
}

/** sum[0] + sum[1] − x, the small terms first. */
function from<T>(e: Algebra<T>, [high, low]: readonly number[], x: T): T {
  return e.op("sub", e.constant(high, x), e.op("sub", x, e.constant(low, x)));
}

/** asin x: π/2 − 2 asin √((1 − x) / 2) beyond ½; NaN outside [−1, 1]. */
export function asin<T>(e: Algebra<T>, x: T): T {
  const { isLarge, part } = arcsineParts(e, x);
  const value = withSign(e, e.op("select", isLarge, from(e, HALF_PI, e.op("add", part, part)), part), x);
  return e.op("select", e.op("lt", e.op("abs", x), e.constant(2 ** -12, x)), x, value);
}

/** acos x: 2 asin √((1 − x) / 2) beyond ½, π minus that below −½; NaN outside [−1, 1]. */
export function acos<T>(e: Algebra<T>, x: T): T {
  const { isLarge, part } = arcsineParts(e, x);
  const negative = e.op("lt", x, e.constant(0, x));
  const twice = e.op("add", part, part);
  const large = e.op("select", negative, from(e, PI, twice), twice);
  return e.op("select", isLarge, large, from(e, HALF_PI, e.op("select", negative, e.op("neg", part), part)));
}

/** atan of q in [0, 1]: above tan(π/8) it is π/4 + atan((q − 1) / (q + 1)). */
function ofQuotient<T>(e: Algebra<T>, q: T): T {
  const c = (value: number) => e.constant(value, q);
  const isLarge = e.op("lt", c(EIGHTH), q);
  const turned = e.op("div", e.op("sub", q, c(1)), e.op("add", q, c(1)));
  const t = e.op("select", isLarge, turned, q);
  const z = e.op("mul", t, t);
  const series = polynomial(
    e,
    z,
    [-0.33333316445350647, 0.19998469948768616, -0.14243514835834503, 0.10593672841787338, -0.06077848747372627],
  );
  const tail = e.op("mul", e.op("mul", t, z), series);
  const [high, low] = QUARTER_PI;
  const rotated = e.op("add", c(high), e.op("add", t, e.op("add", tail, c(low))));
  return e.op("select", isLarge, rotated, e.op("add", t, tail));
}

/** atan x; beyond 1 it is π/2 − atan(1 / x). */
export function atan<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const size = e.op("abs", x);
  const isLarge = e.op("lt", c(1), size);
  const angle = ofQuotient(e, e.op("select", isLarge, e.op("div", c(1), size), size));
  return withSign(e, e.op("select", isLarge, from(e, HALF_PI, angle), angle), x);
}

/** The angle of the point (x, y) in [−π, π], with the special cases of IEEE atan2. */
export function atan2<T>(e: Algebra<T>, y: T, x: T): T {
  const c = (value: number) => e.constant(value, x);
  const [up, right] = [e.op("abs", y), e.op("abs", x)];
  const steep = e.op("lt", right, up);
  const small = e.op("min", up, right);
  const equal = e.op("select", e.op("eq", up, c(0)), c(0), c(1));
  // Equal sizes include 0 / 0 and ∞ / ∞.
  const quotient = e.op("select", e.op("eq", up, right), equal, e.op("div", small, e.op("max", up, right)));
  const acute = ofQuotient(e, quotient);
  const angle = e.op("select", steep, from(e, HALF_PI, acute), acute);
  const bits = e.op("toBits", x);
  const behind = e.op("lt", bits, e.constant(0, bits)); // true for −0 too
  const value = withSign(e, e.op("select", behind, from(e, PI, angle), angle), y);
  // A NaN may have the sign bit of either operand.
  return e.op("select", e.op("or", e.op("ne", x, x), e.op("ne", y, y)), c(Number.NaN), value);
}
