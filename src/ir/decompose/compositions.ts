/** Functions of existing ops, of the same accuracy in any precision. */
import type { Algebra } from "../algebra.js";

/** The remainder with the sign of the dividend: exact, since that of the sizes is. */
export function fmod<T>(e: Algebra<T>, a: T, b: T): T {
  const zero = e.constant(0, a);
  const rest = e.op("mod", e.op("abs", a), e.op("abs", b));
  const signed = e.op("select", e.op("lt", a, zero), e.op("neg", rest), rest);
  // A zero has the sign of the dividend, which may be −0.
  return e.op("select", e.op("eq", rest, zero), e.op("mul", a, zero), signed);
}

/** log(eᵃ + eᵇ) = max(a, b) + log1p(e^−|a − b|). */
export function logaddexp<T>(e: Algebra<T>, a: T, b: T): T {
  const equal = e.op("eq", a, b);
  // Equal infinities have no difference.
  const distance = e.op("select", equal, e.constant(0, a), e.op("abs", e.op("sub", a, b)));
  return e.op("add", e.op("max", a, b), e.op("log1p", e.op("exp", e.op("neg", distance))));
}

/** √(a² + b²) = m √(1 + (n / m)²), m and n the larger and the smaller size: squares do not overflow. */
export function hypot<T>(e: Algebra<T>, a: T, b: T): T {
  const c = (value: number) => e.constant(value, a);
  const [x, y] = [e.op("abs", a), e.op("abs", b)];
  const most = e.op("max", x, y);
  const ratio = e.op("div", e.op("min", x, y), most);
  const value = e.op("mul", most, e.op("sqrt", e.op("add", c(1), e.op("mul", ratio, ratio))));
  const regular = e.op("select", e.op("eq", most, c(0)), c(0), value);
  const endless = c(Number.POSITIVE_INFINITY);
  return e.op("select", e.op("or", e.op("eq", x, endless), e.op("eq", y, endless)), endless, regular);
}
