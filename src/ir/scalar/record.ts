/**
 * What the record of a scalar op holds: type rule, float64 semantics, gradient, code per target or decomposition, and
 * test cases. Must not know graphs, shapes or devices.
 */
import type { Algebra } from "../algebra.js";

/** The operands of a C template: `lanes` is 1 for scalars; `type` is their register type. */
export interface CContext {
  readonly lanes: number;
  readonly type: "f32" | "f64" | "i32" | "bool";
}

/** The operands of a WebAssembly template: register type, lanes, and which of them are constant or uniform. */
export interface WasmContext {
  readonly lanes: number;
  readonly type: "f32" | "i32" | "bool";
  /** The value of each operand that is a constant, else null. */
  readonly constants: readonly (number | null)[];
  /** True if the last operand is a splat of a scalar. */
  readonly uniform: boolean;
}

export interface ScalarRecord {
  readonly arity: 1 | 2 | 3;
  /** The permitted dtypes of operands; `select` takes a bool first. */
  readonly operands: "any" | "number" | "float" | "int" | "bool";
  readonly result: "same" | "bool" | "i32" | "f32";
  /** The reference semantics, on float64 numbers (the caller wraps integers). */
  readonly meaning: (...x: number[]) => number;
  /** The reference semantics on 32-bit integers, if wrapping the float64 result would lose bits; else null. */
  readonly integerMeaning: ((...x: number[]) => number) | null;
  /** Gradients of the operands from the gradient `g` of the output; null for an operand without one. */
  readonly gradient: (<T>(e: Algebra<T>, g: T, out: T, ...x: T[]) => (T | null)[]) | null;
  /** C text of the operation on registers, for scalars and for GCC vectors; null if only the decomposition exists. */
  readonly c: ((context: CContext, ...x: string[]) => string) | null;
  /**
   * WebAssembly template: instructions in stack order. `a`, `b`, `c` push an operand, `b0` pushes the scalar of a
   * uniform b; `=r` pops the top of the stack into a local `r`, which `r` pushes. Returns null for vectors that are
   * computed lane by lane. Present if `c` is.
   */
  readonly wasm: ((context: WasmContext) => string | null) | null;
  /** Decomposition into other records; used if `c` is null. In single precision, unless `libm` is null. */
  readonly decompose: (<T>(e: Algebra<T>, ...x: T[]) => T) | null;
  /** Function of the C library that computes f64; null if `c` or `decompose` does in any precision. */
  readonly libm: string | null;
  /**
   * Error bound on the native and wasm devices, in ulp of f32, over all floats of both signs including subnormal ones;
   * 0 if the result is `meaning` rounded once. Swept by test/ops/accuracy.test.ts.
   */
  readonly ulps: number;
  /** Size of the largest term of a sum that may cancel: `ulps` are those of this size. Null: those of the result. */
  readonly terms: ((...x: number[]) => number) | null;
  /** Approximate cost in additions; the planner compares recomputing with storing a value. */
  readonly cost: number;
  /** Operand tuples for the test sweep; gradients are checked on them if `smooth`. */
  readonly cases: readonly (readonly number[])[];
  readonly smooth: boolean;
}

export const numbers = [-2.5, -1, -0.3, 0.4, 1, 3.25];
export const tricky = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
export const one = (values: readonly number[]) => values.map((x) => [x]);
export const pairs = (a: readonly number[], b: readonly number[]) => a.flatMap((x) => b.map((y) => [x, y]));

export type Fields = Partial<ScalarRecord> & Pick<ScalarRecord, "meaning">;
/** A record with the defaults: one rounding, cost of an addition, no gradient. */
export const record = (arity: 1 | 2 | 3, fields: Fields): ScalarRecord => ({
  arity,
  operands: "number",
  result: "same",
  integerMeaning: null,
  gradient: null,
  c: null,
  wasm: null,
  decompose: null,
  libm: null,
  ulps: 0,
  terms: null,
  cost: 1,
  smooth: true,
  cases: arity === 1 ? one([...numbers, ...tricky]) : pairs([...numbers, 0], numbers),
  ...fields,
});
