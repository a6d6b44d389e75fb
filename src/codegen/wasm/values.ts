/**
 * The interface between the emitter of expressions and the emitter of memory accesses: types of values, conditions, and
 * the methods of the emitter that loads and stores call.
 */
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE } from "../../ir/loops.js";
import { FoveaError } from "../../util/errors.js";
import type { AddressLocals } from "./address-locals.js";
import type { IndexScope } from "./affine-form.js";
import type { Code, FunctionCode } from "./code.js";
import type { ValueType } from "./instructions.js";

/** Lanes of a WebAssembly vector; equal to `lanes` of the device's target. */
export const LANES = 4;
export const lanes = [0, 1, 2, 3] as const;

/** A condition: its value if it is known at compile time, else code that pushes it. */
export type Test = boolean | Code;

/** A value in a local. If `owned`, the caller must release the local. */
export interface LocalValue {
  readonly local: number;
  readonly owned: boolean;
}

export interface Emitter {
  readonly fn: FunctionCode;
  readonly scope: IndexScope;
  readonly addresses: AddressLocals;
  push(...code: Code): void;
  /** Pushes the value of an expression. */
  value(e: Expr): void;
  /** The value of an expression in a local: that of its register or temporary, else a new one. */
  inLocal(e: Expr): LocalValue;
  /** Pushes a vector whose lanes are all `value`. */
  splatConstant(value: number, type?: "f32" | "i32"): void;
  /** Emits an `if`; if the condition is known at compile time, only the branch that is taken. */
  branch(test: Test, type: ValueType | "none", yes: () => void, no?: () => void): void;
  /** The conjunction of conditions. */
  all(tests: readonly Test[]): Test;
  guard(guard: Guard): Test;
  /** The condition `0 ≤ index < extent`. */
  bound(index: Index, extent: number): Test;
}

/** The value of an index in one lane. */
export const at = (index: Index, lane: number): Index => ix.substitute(index, new Map([[LANE, ix.constant(lane)]]));

export function typeOf(e: Expr): ValueType {
  if (e.type === "f64") throw new FoveaError(`[wasm] there is no code for f64 (in ${e.kind} ${e.key})`);
  if (e.lanes !== 1 && e.lanes !== LANES) throw new FoveaError(`[wasm] vectors have ${LANES} lanes, not ${e.lanes}`);
  return e.lanes > 1 ? "v128" : e.type === "f32" ? "f32" : "i32";
}
