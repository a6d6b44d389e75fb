/**
 * What the emitters of statements, expressions, operations and memory accesses share: types of values, conditions,
 * constants, and the methods of the emitter of statements that the others call.
 */
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE } from "../../ir/loops.js";
import { FoveaError } from "../../util/errors.js";
import type { AddressLocals } from "./address-locals.js";
import type { IndexScope } from "./affine-form.js";
import { type Code, type FunctionCode, instruction } from "./code.js";
import type { Instruction, ValueType } from "./instructions.js";

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
  /** Whether the value of an expression is in a temporary. */
  isTemporary(e: Expr): boolean;
  /** True if an expression is a constant, or its value is in a local: then it may be pushed more than once. */
  isCheap(e: Expr): boolean;
  /** The local of a register. */
  registerOf(name: string): number;
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

/** The instruction that pushes a constant vector. */
export function vectorConstant(values: readonly number[], type: "f32" | "i32"): Instruction {
  const view = new DataView(new ArrayBuffer(4 * LANES));
  values.forEach((value, lane) => {
    if (type === "f32") view.setFloat32(4 * lane, value, true);
    else view.setInt32(4 * lane, value, true);
  });
  return instruction("v128.const", ...new Uint8Array(view.buffer));
}

/** The instruction that pushes a vector whose lanes are all `value`. */
export const splatConstant = (value: number, type: "f32" | "i32" = "i32"): Instruction =>
  vectorConstant([value, value, value, value], type);
