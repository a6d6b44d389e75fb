/**
 * The inverse of the error function in single precision, written in the scalar algebra: x times a polynomial in
 * w = −log(1 − x²), or in √w where x is near ±1 (the form of Giles, "Approximating the erfinv function", 2010). The
 * polynomials are weighted minimax fits.
 */
import type { Algebra } from "../algebra.js";
import { log, polynomial } from "./elementary.js";

const CENTRAL = [
  1.5014094114303589, 0.24664072692394257, -0.004177707713097334, -0.001253707567229867, 0.00021860218839719892,
  -4.396781150717288e-6, -3.5288594517624006e-6, 3.43727066365318e-7, 2.8534790530443388e-8,
];
const TAIL = [
  2.832976818084717, 1.0016740560531616, 0.009439355693757534, -0.00762141402810812, 0.005736475344747305,
  -0.003677002154290676, 0.0013558919308707118, 0.00010431109694764018, -0.0002049753093160689,
];

/** erf⁻¹ x; ±∞ at ±1, NaN beyond. */
export function erfinv<T>(e: Algebra<T>, x: T): T {
  const c = (value: number) => e.constant(value, x);
  // A product of two exact differences: 1 − x² would lose the digits of x near 1.
  const w = e.op("neg", log(e, e.op("mul", e.op("sub", c(1), x), e.op("add", c(1), x))));
  const central = polynomial(e, e.op("sub", w, c(2.5)), CENTRAL);
  const tail = polynomial(e, e.op("sub", e.op("sqrt", w), c(3)), TAIL);
  const value = e.op("mul", x, e.op("select", e.op("lt", w, c(5)), central, tail));
  const end = e.op("mul", x, c(Number.POSITIVE_INFINITY));
  return e.op("select", e.op("eq", e.op("abs", x), c(1)), end, value);
}
