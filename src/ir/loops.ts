/**
 * The loop language: the input of all code generators. Kernels are loops over scalars and vector registers with loads,
 * stores and accumulators; parallel work is a number of independent tasks. Expressions are hash-consed by key, so that
 * equal subexpressions can be shared. Must not know the semantics of ops beyond the names of the scalar table, or the
 * syntax of targets.
 */
import type { DType } from "./dtype.js";
import type { ReduceKind } from "./graph.js";
import { depends, type Guard, guardKey, type Index, type LoopVar, strideOf } from "./index-math.js";
import { type ScalarName, scalarOps } from "./scalar/index.js";

/** The type of a register; u8 is widened to i32, bool is a mask. */
export type RegisterType = "f32" | "f64" | "i32" | "bool";

interface Common {
  readonly type: RegisterType;
  /** 1, or the vector width of the target. */
  readonly lanes: number;
  readonly key: string;
}
export type Expr = Common &
  (
    | { readonly kind: "const"; readonly value: number }
    | { readonly kind: "register"; readonly name: string }
    | { readonly kind: "index"; readonly index: Index }
    | { readonly kind: "test"; readonly guard: Guard }
    | Load
    | { readonly kind: "op"; readonly op: ScalarName; readonly args: readonly Expr[] }
    | { readonly kind: "cast"; readonly arg: Expr }
    | { readonly kind: "splat"; readonly arg: Expr }
    /** Folds the lanes of a vector into a scalar, pairwise. */
    | { readonly kind: "fold"; readonly reduce: ReduceKind; readonly arg: Expr }
    /** Lane 0 of a vector, as a scalar. */
    | { readonly kind: "extract"; readonly arg: Expr }
    /**
     * `rare` in the lanes where `test` holds, else `usual`. `rare` is evaluated only if the test holds in some lane, so
     * it may be expensive. The value of a lane does not depend on other lanes.
     */
    | { readonly kind: "unlikely"; readonly test: Expr; readonly usual: Expr; readonly rare: Expr }
    /** Lanes selected from two vectors: mask entries below `lanes` select from `a`, the others from `b`. */
    | { readonly kind: "shuffle"; readonly a: Expr; readonly b: Expr; readonly mask: readonly number[] }
  );
export interface Load {
  readonly kind: "load";
  readonly buffer: string;
  readonly memory: DType;
  readonly index: Index;
  /** Elements between consecutive lanes; null if the lanes are not evenly spaced. */
  readonly stride: number | null;
  /** True if the guard, or the computed position, differs between lanes. */
  readonly uneven: boolean;
  /** If it does not hold, the value is zero and memory is not accessed. */
  readonly guard: Guard;
  /**
   * Indirect access (gather): the position is `index + value · step`; the result is zero if `value` is outside
   * [0, extent).
   */
  readonly indirect: { readonly value: Expr; readonly step: number; readonly extent: number } | null;
}

export type Stmt =
  | { readonly kind: "for"; readonly variable: LoopVar; readonly body: readonly Stmt[] }
  | { readonly kind: "if"; readonly guard: Guard; readonly body: readonly Stmt[] }
  /**
   * Binds `variable` to `index` within `body`; used where a guard narrows the range, so that later div / mod simplify.
   */
  | { readonly kind: "let"; readonly variable: LoopVar; readonly index: Index; readonly body: readonly Stmt[] }
  /**
   * Binds `variable` to a register (a scalar i32) within `body`, which is skipped if the value is outside [0, extent):
   * indirect addressing of whole rows, for loads and stores alike.
   */
  | { readonly kind: "indirect"; readonly variable: LoopVar; readonly value: Expr; readonly body: readonly Stmt[] }
  /**
   * Declares a mutable register. With `barrier` it receives the result of a loop and is a scheduling barrier: the back
   * end must not hoist later loads or arithmetic above it, where they would take registers from the loop.
   */
  | { readonly kind: "declare"; readonly name: string; readonly init: Expr; readonly barrier?: boolean }
  | { readonly kind: "set"; readonly name: string; readonly value: Expr }
  | {
      readonly kind: "store";
      readonly buffer: string;
      readonly memory: DType;
      readonly index: Index;
      readonly stride: number | null;
      readonly value: Expr;
      /** Lanes (or a scalar) for which it does not hold are not stored. */
      readonly guard: Guard;
    }
  /** Loads the cache line of a position in advance: a hint, whose position may lie outside the buffer. */
  | { readonly kind: "prefetch"; readonly buffer: string; readonly index: Index };

export interface BufferSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly elements: number;
  readonly access: "read" | "write";
}
/** Scratch memory of a thread during a task. */
export interface ScratchSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly elements: number;
}
/** Independent tasks with the same body; the loop variable `task` numbers them. */
export interface Part {
  readonly tasks: number;
  readonly body: readonly Stmt[];
}
export interface Kernel {
  /** A readable name for profiles and golden files. */
  readonly label: string;
  readonly buffers: readonly BufferSpec[];
  readonly scratch: readonly ScratchSpec[];
  readonly parts: readonly Part[];
  /** Arithmetic work, for profiles. */
  readonly flops: number;
}

/** The name of the loop variable over vector lanes; at most one vector axis is open at a time. */
export const LANE = "lane";
export const TASK = "task";

/**
 * Short keys stay readable; long ones are replaced by a hash of 96 bits and the length, so that keys do not grow with
 * depth.
 */
function digest(text: string): string {
  if (text.length < 48) return text;
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  let c = 0xc2b2ae35;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 13);
    c = (Math.imul(c, 31) + code) ^ (c >>> 17);
  }
  return `#${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}${(c >>> 0).toString(36)}${text.length}`;
}

export const registerOf = (dtype: DType): RegisterType => (dtype === "u8" ? "i32" : dtype);

export const constantOf = (value: number, type: RegisterType): Expr => ({
  kind: "const",
  value,
  type,
  lanes: 1,
  key: `${Object.is(value, -0) ? "-0" : value}:${type}`,
});

export const register = (name: string, type: RegisterType, lanes: number): Expr => ({
  kind: "register",
  name,
  type,
  lanes,
  key: name,
});

/** The name of a register, by which statements assign it. */
export const nameOf = (e: Expr): string => (e.kind === "register" ? e.name : "");

/** An index as an i32 value. */
export function indexValue(index: Index, width: number): Expr {
  const lanes = depends(index, LANE) ? width : 1;
  return { kind: "index", index, type: "i32", lanes, key: digest(`i(${index.key})`) };
}

export function testOf(guard: Guard, width: number): Expr {
  const lanes = guard.some((bound) => depends(bound.index, LANE)) ? width : 1;
  return { kind: "test", guard, type: "bool", lanes, key: digest(`t(${guardKey(guard)})`) };
}

export function load(
  buffer: string,
  memory: DType,
  index: Index,
  guard: Guard,
  width: number,
  indirect: Load["indirect"] = null,
): Expr {
  const uneven = guard.some((bound) => depends(bound.index, LANE)) || (indirect !== null && indirect.value.lanes > 1);
  const varies = uneven || depends(index, LANE);
  const offset = indirect ? `@${indirect.value.key}*${indirect.step}` : "";
  return {
    kind: "load",
    buffer,
    memory,
    index,
    guard,
    indirect,
    stride: strideOf(index, LANE),
    uneven,
    type: registerOf(memory),
    lanes: varies ? width : 1,
    key: digest(`${buffer}[${index.key}|${guardKey(guard)}${offset}]`),
  };
}

export const splat = (arg: Expr, lanes: number): Expr =>
  arg.lanes === lanes ? arg : { kind: "splat", arg, type: arg.type, lanes, key: digest(`s(${arg.key})`) };

export function operation(op: ScalarName, args: readonly Expr[]): Expr {
  const lanes = Math.max(...args.map((arg) => arg.lanes));
  const { result } = scalarOps[op];
  const last = args[args.length - 1];
  return {
    kind: "op",
    op,
    args: args.map((arg) => splat(arg, lanes)),
    type: result === "same" ? last.type : result,
    lanes,
    key: digest(`${op}(${args.map((arg) => arg.key).join(",")})`),
  };
}

export const castTo = (arg: Expr, type: RegisterType): Expr =>
  arg.type === type ? arg : { kind: "cast", arg, type, lanes: arg.lanes, key: digest(`${type}(${arg.key})`) };

export const foldLanes = (reduce: ReduceKind, arg: Expr): Expr =>
  arg.lanes === 1
    ? arg
    : { kind: "fold", reduce, arg, type: arg.type, lanes: 1, key: digest(`${reduce}<(${arg.key})`) };

export const extractFirst = (arg: Expr): Expr =>
  arg.lanes === 1 ? arg : { kind: "extract", arg, type: arg.type, lanes: 1, key: digest(`first(${arg.key})`) };

export function unlikely(test: Expr, rare: Expr, usual: Expr): Expr {
  const lanes = Math.max(test.lanes, rare.lanes, usual.lanes);
  return {
    kind: "unlikely",
    test: splat(test, lanes),
    usual: splat(usual, lanes),
    rare: splat(rare, lanes),
    type: usual.type,
    lanes,
    key: digest(`unlikely(${test.key},${rare.key},${usual.key})`),
  };
}

export const shuffle = (a: Expr, b: Expr, mask: readonly number[]): Expr => ({
  kind: "shuffle",
  a,
  b,
  mask,
  type: a.type,
  lanes: a.lanes,
  key: digest(`x(${a.key},${b.key},${mask.join(".")})`),
});

/** Stores a value; the positions of lanes follow from the index's dependence on the lane variable. */
export function store(
  buffer: string,
  memory: DType,
  index: Index,
  value: Expr,
  width: number,
  guard: Guard = [],
): Stmt {
  const varies = depends(index, LANE);
  return {
    kind: "store",
    buffer,
    memory,
    index,
    stride: strideOf(index, LANE),
    value: varies ? splat(value, width) : value,
    guard,
  };
}

export const prefetch = (buffer: string, index: Index): Stmt => ({ kind: "prefetch", buffer, index });
export const declare = (name: string, init: Expr): Stmt => ({ kind: "declare", name, init });
/** Declares a register that receives the result of a loop, behind a scheduling barrier. */
export const declareWithBarrier = (name: string, init: Expr): Stmt => ({ kind: "declare", name, init, barrier: true });
export const set = (name: string, value: Expr): Stmt => ({ kind: "set", name, value });

/**
 * A loop. Code generators emit only the body of a loop with one iteration, since the variable is then the constant 0.
 */
export const loop = (variable: LoopVar, body: readonly Stmt[]): Stmt => ({ kind: "for", variable, body });
export const bind = (variable: LoopVar, index: Index, body: readonly Stmt[]): Stmt => ({
  kind: "let",
  variable,
  index,
  body,
});
/** Runs the body at a computed position; not at all if that lies outside the variable's range. */
export const indirectly = (variable: LoopVar, value: Expr, body: readonly Stmt[]): Stmt => ({
  kind: "indirect",
  variable,
  value,
  body,
});
export const when = (guard: Guard, body: readonly Stmt[]): Stmt => ({ kind: "if", guard, body });
