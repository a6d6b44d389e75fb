/** Floats of every size for sweeps of elementary functions, and the sines of huge ones. */
import { randomSource } from "./numbers.js";

const scratch = new DataView(new ArrayBuffer(4));

/** The float with the given bits. */
function floatOf(bits: number): number {
  scratch.setUint32(0, bits >>> 0);
  return scratch.getFloat32(0);
}

/** The f32 numbers next to x, up to `reach` on either side; x must not be zero. */
export function neighbours(x: number, reach: number): number[] {
  scratch.setFloat32(0, x);
  const bits = scratch.getUint32(0);
  return Array.from({ length: 2 * reach + 1 }, (_, i) => floatOf(bits + i - reach));
}

export const specials = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

/** Every exponent (that of subnormal numbers too) and both signs, with the given number of mantissas; and the specials. */
export function everyExponent(mantissas: number, seed: number): number[] {
  const random = randomSource(seed);
  const values = [...specials];
  for (let exponent = 0; exponent < 255; exponent++) {
    for (let k = 0; k < mantissas; k++) {
      const edges = [0, 1, 0x7fffff, 0x400000, 0x3504f3];
      const mantissa = k < edges.length ? edges[k] : Math.floor(random() * 2 ** 23);
      const bits = exponent * 2 ** 23 + mantissa;
      values.push(floatOf(bits), floatOf(bits + 2 ** 31));
    }
  }
  return values;
}

/** π · 2⁴⁰⁰, by Machin's formula, 16 atan(1/5) − 4 atan(1/239). */
const PI_BITS = 400n;
function arctangent(inverse: bigint): bigint {
  let term = (1n << (PI_BITS + 16n)) / inverse;
  let sum = term;
  for (let k = 3n, sign = -1n; term > 0n; k += 2n, sign = -sign) {
    term /= inverse * inverse;
    sum += (sign * term) / k;
  }
  return sum;
}
const PI = (16n * arctangent(5n) - 4n * arctangent(239n)) >> 16n;

/** sin or cos (one quarter turn on) of a finite float64, the multiple of π/2 taken away in exact arithmetic. */
export function exactSine(x: number, quarter: 0 | 1): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x) || 1)) - 60, -300);
  const whole = BigInt(Math.trunc(x / 2 ** exponent));
  const fixed = exponent >= 0 ? whole << (PI_BITS + BigInt(exponent)) : (whole << PI_BITS) >> BigInt(-exponent);
  const half = PI / 2n;
  const shifted = 2n * fixed + half;
  const turns = shifted / (2n * half) - (shifted < 0n ? 1n : 0n);
  const rest = fixed - turns * half;
  const r = Number(rest >> (PI_BITS - 300n)) / 2 ** 300;
  const q = Number(((turns % 4n) + 4n) % 4n) + quarter;
  const value = q % 2 === 0 ? Math.sin(r) : Math.cos(r);
  return q % 4 >= 2 ? -value : value;
}
