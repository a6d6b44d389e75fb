/**
 * The loop language: what every device prints or interprets. Kernels are loops over scalars and vector registers with
 * loads, stores and accumulators; parallel work is a number of independent tasks. Expressions are hash-consed by key, so
 * shared work is one object. Knows no op's meaning beyond the scalar table's names, and no target's syntax.
 */
import type { DType } from "./dtype.js";
import type { ReduceKind } from "./graph.js";
import { depends, type Guard, guardKey, type Index, type LoopVar, strideOf } from "./index-math.js";
import { type ScalarName, scalarOps } from "./scalar.js";

/** What a register holds; u8 is widened to i32, bool is a mask. */
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
     * `rare` in the lanes where `test` holds, else `usual`. `rare` is evaluated only if the test holds in some lane, so it may
     * cost much more than `usual`; a lane's value does not depend on its neighbours.
     */
    | { readonly kind: "unlikely"; readonly test: Expr; readonly usual: Expr; readonly rare: Expr }
    /** Lanes picked from two vectors: mask entries below `lanes` from `a`, the others from `b`. */
    | { readonly kind: "shuffle"; readonly a: Expr; readonly b: Expr; readonly mask: readonly number[] }
  );
export interface Load {
  readonly kind: "load";
  readonly buffer: string;
  readonly memory: DType;
  readonly index: Index;
  /** Elements between lanes; null where the lanes' positions are not evenly spaced. */
  readonly stride: number | null;
  /** Whether the guard (or the computed position) differs from lane to lane. */
  readonly uneven: boolean;
  /** Where it does not hold, the value is zero and memory is not touched. */
  readonly guard: Guard;
  /** A computed part of the position: `index + value · step`; zero is read where value is outside [0, extent). */
  readonly pick: { readonly value: Expr; readonly step: number; readonly extent: number } | null;
}

export type Stmt =
  | { readonly kind: "for"; readonly variable: LoopVar; readonly body: readonly Stmt[] }
  | { readonly kind: "if"; readonly guard: Guard; readonly body: readonly Stmt[] }
  /** Names an index whose range is known better than its terms show. */
  | { readonly kind: "let"; readonly variable: LoopVar; readonly index: Index; readonly body: readonly Stmt[] }
  /**
   * A mutable register. One that is settled takes over what a loop has summed up: nothing below it is read or computed
   * earlier, where it would take registers from that loop.
   */
  | { readonly kind: "declare"; readonly name: string; readonly init: Expr; readonly settled?: boolean }
  | { readonly kind: "set"; readonly name: string; readonly value: Expr }
  | {
      readonly kind: "store";
      readonly buffer: string;
      readonly memory: DType;
      readonly index: Index;
      readonly stride: number | null;
      readonly value: Expr;
      /** Lanes (or scalars) for which it does not hold are not stored. */
      readonly guard: Guard;
    }
  /** Says that memory around a position will be needed soon: a hint, which may point anywhere. */
  | { readonly kind: "prefetch"; readonly buffer: string; readonly index: Index };

export interface BufferSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly elements: number;
  readonly access: "read" | "write";
}
/** Memory of one thread while it runs a task. */
export interface ScratchSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly elements: number;
}
/** Independent tasks that share one body; the loop variable `task` counts them. */
export interface Part {
  readonly tasks: number;
  readonly body: readonly Stmt[];
}
export interface Kernel {
  /** What it does, for people: profiles, golden text, file names. */
  readonly label: string;
  readonly buffers: readonly BufferSpec[];
  readonly scratch: readonly ScratchSpec[];
  readonly parts: readonly Part[];
  /** Arithmetic work, for profiles. */
  readonly flops: number;
}

/** The loop variable over vector lanes; at most one is open at a time. */
export const LANE = "lane";
export const TASK = "task";

/** Short keys stay readable; long ones become 104 bits of hash, so that keys do not grow with depth. */
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

/** The name by which statements set a register. */
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
  pick: Load["pick"] = null,
): Expr {
  const uneven = guard.some((bound) => depends(bound.index, LANE)) || (pick !== null && pick.value.lanes > 1);
  const varies = uneven || depends(index, LANE);
  const picked = pick ? `@${pick.value.key}*${pick.step}` : "";
  return {
    kind: "load",
    buffer,
    memory,
    index,
    guard,
    pick,
    stride: strideOf(index, LANE),
    uneven,
    type: registerOf(memory),
    lanes: varies ? width : 1,
    key: digest(`${buffer}[${index.key}|${guardKey(guard)}${picked}]`),
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

/** Stores a value; lane positions follow from the index's dependence on the lane variable. */
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
/** A register that takes over the result of a loop. */
export const settle = (name: string, init: Expr): Stmt => ({ kind: "declare", name, init, settled: true });
export const set = (name: string, value: Expr): Stmt => ({ kind: "set", name, value });

/** A loop; loops that run once are unfolded by printers, since the variable is then the constant 0. */
export const loop = (variable: LoopVar, body: readonly Stmt[]): Stmt => ({ kind: "for", variable, body });
export const bind = (variable: LoopVar, index: Index, body: readonly Stmt[]): Stmt => ({
  kind: "let",
  variable,
  index,
  body,
});
export const when = (guard: Guard, body: readonly Stmt[]): Stmt => ({ kind: "if", guard, body });
