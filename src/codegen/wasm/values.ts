/**
 * What the parts of the encoder say to each other about values: types of registers, conditions, and the little that loads
 * and stores need of the emitter that they work for.
 */
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE } from "../../ir/loops.js";
import { FoveaError } from "../../util/errors.js";
import type { Code, FunctionCode } from "./code.js";
import type { Names } from "./form.js";
import type { ValueType } from "./instructions.js";
import type { Places } from "./places.js";

/** Lanes of a WebAssembly vector; the target of the device must say the same. */
export const LANES = 4;
export const lanes = [0, 1, 2, 3] as const;

/** What is known of a condition: its value, or code that puts it on the stack. */
export type Test = boolean | Code;

/** A value in a local; where it is borrowed, whoever asked for it gives it back. */
export interface Held {
  readonly local: number;
  readonly borrowed: boolean;
}

export interface Emitter {
  readonly fn: FunctionCode;
  readonly names: Names;
  readonly places: Places;
  push(...code: Code): void;
  /** Puts the value of an expression on the stack. */
  value(e: Expr): void;
  held(e: Expr): Held;
  /** A vector of one number. */
  everywhere(value: number, type?: "f32" | "i32"): void;
  /** Runs one of two branches; what is decided already leaves no branch. */
  choose(test: Test, type: ValueType | "none", yes: () => void, no?: () => void): void;
  all(tests: readonly Test[]): Test;
  guard(guard: Guard): Test;
  bound(index: Index, extent: number): Test;
}

/** An index in one lane. */
export const at = (index: Index, lane: number): Index => ix.substitute(index, new Map([[LANE, ix.constant(lane)]]));

export function typeOf(e: Expr): ValueType {
  if (e.type === "f64") throw new FoveaError(`[wasm] there is no code for f64 (in ${e.kind} ${e.key})`);
  if (e.lanes !== 1 && e.lanes !== LANES) throw new FoveaError(`[wasm] vectors have ${LANES} lanes, not ${e.lanes}`);
  return e.lanes > 1 ? "v128" : e.type === "f32" ? "f32" : "i32";
}
