/** Code templates of scalar ops: C text for GCC, WebAssembly instructions in the order of a stack machine. */
import type { CContext, WasmContext } from "./record.js";

export const infix = (symbol: string) => (_: CContext, a: string, b: string) => `(${a} ${symbol} ${b})`;
/** A comparison: lanes of GCC vectors are 0 / -1, scalars 0 / 1. Those of doubles are narrowed to 32 bits. */
export const compare = (symbol: string) => (context: CContext, a: string, b: string) =>
  context.type === "f64" && context.lanes > 1 ? `MASK(${a} ${symbol} ${b})` : `(${a} ${symbol} ${b})`;
/** Wrapping 32-bit arithmetic: signed overflow is undefined in C, so scalars are computed as unsigned. */
export const wrapping = (symbol: string) => (context: CContext, a: string, b: string) =>
  context.type === "i32" && context.lanes === 1
    ? `((int)((unsigned)${a} ${symbol} (unsigned)${b}))`
    : `(${a} ${symbol} ${b})`;
const LETTER = { f32: "", f64: "d", i32: "i", bool: "" };
/** A helper of the C prelude, by shape and type: s_max, v_max, s_imax, v_imax, s_dmax, v_dmax. */
export const helper =
  (name: string) =>
  (context: CContext, ...x: string[]) =>
    `${context.lanes === 1 ? "s" : "v"}_${LETTER[context.type]}${name}(${x.join(", ")})`;
export const unsigned = (symbol: string) => (context: CContext, a: string, b: string) =>
  context.lanes === 1 ? `((int)((unsigned)${a} ${symbol} ${b}))` : `((vi)((vu)${a} ${symbol} (vu)${b}))`;

/** An instruction that exists for scalars and vectors, after its operands. */
export const stack =
  (name: string, operands = "a b") =>
  ({ lanes, type }: WasmContext) =>
    `${operands} ${type === "f32" ? "f32" : "i32"}${lanes === 1 ? "" : "x4"}.${name}`;
export const bitwise =
  (name: string) =>
  ({ lanes }: WasmContext) =>
    `a b ${lanes === 1 ? "i32" : "v128"}.${name}`;
/** A comparison; integer comparisons have the suffix `_s` for signed. */
export const ordered = (name: string) => (context: WasmContext) =>
  stack(context.type === "f32" ? name : `${name}_s`)(context);
export const shift =
  (name: string) =>
  ({ lanes, uniform }: WasmContext) =>
    lanes === 1 ? `a b i32.${name}` : uniform ? `a b0 i32x4.${name}` : null;
/**
 * The larger (or smaller) of two: a if it wins or is NaN, else b. One instruction if an operand is a constant other
 * than NaN; the sign of zeros follows the same rule.
 */
export const winner =
  (name: "max" | "min", wins: string, loses: string) =>
  ({ lanes, type, constants: [a, b] }: WasmContext): string => {
    const known = (x: number | null) => x !== null && !Number.isNaN(x);
    if (type === "i32") return lanes === 1 ? `a b a b i32.${wins}_s select` : `a b i32x4.${name}_s`;
    if (lanes === 1) return `a b a b f32.${wins} a a f32.ne i32.or select`;
    if (known(a)) return `b a f32x4.p${name}`;
    if (known(b) && b !== 0) return `a b f32x4.p${name}`;
    if (Object.is(b, 0)) return `a a b f32x4.${loses} v128.andnot`;
    return `a b a b f32x4.${wins} a a f32x4.ne v128.or v128.bitselect`;
  };
