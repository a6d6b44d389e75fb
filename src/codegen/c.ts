/**
 * Prints kernels as C with GCC vector extensions: a function per part, and a function that runs a range of tasks.
 */

import { type DType, isFloat } from "../ir/dtype.js";
import * as ix from "../ir/index-math.js";
import {
  type BufferSpec,
  type Expr,
  type Kernel,
  LANE,
  type RegisterType,
  type ScratchSpec,
  type Stmt,
} from "../ir/loops.js";
import { scalarOps } from "../ir/scalar/index.js";
import { memoryOf } from "../ir/visit.js";
import { C_PRELUDE } from "./c-prelude.js";
import { C_PRELUDE_F64 } from "./c-prelude-f64.js";
import { Printer } from "./printer.js";
import { scratchLayout } from "./scratch.js";

const SCALAR: Readonly<Record<RegisterType, string>> = { f32: "float", f64: "double", i32: "int", bool: "int" };
const VECTOR: Readonly<Record<RegisterType, string>> = { f32: "vf", f64: "vd", i32: "vi", bool: "vi" };
const MEMORY: Readonly<Record<DType, string>> = {
  f32: "float",
  f64: "double",
  i32: "int",
  u8: "unsigned char",
  bool: "unsigned char",
};
/** The letter of a register type in the names of helpers. */
const LETTER: Readonly<Record<RegisterType, string>> = { f32: "", f64: "d", i32: "i", bool: "i" };
/** Suffixes of the load and store macros of the prelude (`LDF`, `STB`). */
const ACCESS: Readonly<Record<DType, string>> = { f32: "F", f64: "D", i32: "I", u8: "B", bool: "B" };

const at = (index: ix.Index, lane: number): ix.Index => ix.substitute(index, new Map([[LANE, ix.constant(lane)]]));

class CPrinter extends Printer {
  /** True once a double has been made of something else; others come from buffers. */
  makesDoubles = false;

  constructor(private readonly lanes: number) {
    super();
  }

  private typeOf(e: Expr): string {
    return e.lanes === 1 ? SCALAR[e.type] : VECTOR[e.type];
  }
  protected declaration(e: Expr, name: string, value: string, mutable: boolean): string {
    return `${mutable ? "" : "const "}${this.typeOf(e)} ${name} = ${value};`;
  }
  protected override declareWithBarrier(e: Expr, name: string, value: string): string {
    // Doubles lie in two registers, which the barrier does not take.
    if (e.type === "f64" && e.lanes > 1) return this.declaration(e, name, value, false);
    return `${this.typeOf(e)} ${name}; BARRIER(${name}, ${value});`;
  }
  protected loopHead(name: string, extent: number): string {
    return `for (long ${name} = 0; ${name} < ${extent}; ${name}++)`;
  }
  protected letHead(name: string, value: string): string {
    return `const long ${name} = ${value};`;
  }
  protected operation(e: Expr & { kind: "op" }, args: string[]): string {
    const { c, libm } = scalarOps[e.op];
    const type = e.args[e.args.length - 1].type;
    if (type === "f64" && libm) return `${e.lanes === 1 ? "" : "v_d"}${libm}(${args.join(", ")})`;
    if (!c) throw new Error(`op ${e.op} has no C text: it must be decomposed`);
    return c({ lanes: e.lanes, type: type === "bool" && e.op === "select" ? "i32" : type }, ...args);
  }

  private element(e: Expr & { kind: "load" }, lane: number): string {
    let position = this.index(at(e.index, lane));
    const tests = e.guard.map((bound) => ({ index: at(bound.index, lane), extent: bound.extent }));
    let condition = e.guard.length > 0 ? this.guard(tests) : "";
    if (e.indirect) {
      const value =
        e.indirect.value.lanes === 1 ? this.value(e.indirect.value) : `${this.value(e.indirect.value)}[${lane}]`;
      position = `${position} + (long)${value} * ${e.indirect.step}`;
      const inside = `${value} >= 0 && ${value} < ${e.indirect.extent}`;
      condition = condition ? `${condition} && ${inside}` : inside;
    }
    const text = e.memory === "bool" ? `(${e.buffer}[${position}] != 0)` : `${e.buffer}[${position}]`;
    return condition ? `(${condition} ? ${text} : 0)` : text;
  }

  private gathered(e: Expr & { kind: "load" }): string {
    const elements = Array.from({ length: this.lanes }, (_, lane) => {
      const text = this.element(e, lane);
      return e.type === "bool" ? `-(int)${text}` : text;
    });
    return `(${VECTOR[e.type]}){${elements.join(", ")}}`;
  }

  protected load(e: Expr & { kind: "load" }): string {
    if (e.lanes === 1) return this.element(e, 0);
    if (e.stride !== 1 || e.indirect) return this.gathered(e);
    const load = `LD${ACCESS[e.memory]}(&${e.buffer}[${this.index(at(e.index, 0))}])`;
    const vector = e.memory === "bool" ? `(${load} != 0)` : load;
    if (e.guard.length === 0) return vector;
    if (!e.uneven) return `(${this.guard(e.guard)} ? ${vector} : (${VECTOR[e.type]}){0})`;
    const range = this.range(e.guard);
    if (!range) return this.gathered(e);
    const place = `&${e.buffer}[${this.index(at(e.index, 0))}]`;
    const whole = `(${range.all} ? ${load} : LD${ACCESS[e.memory]}_RANGE(${place}, ${range.low}, ${range.high}))`;
    return e.memory === "bool" ? `(${whole} != 0)` : whole;
  }

  /** The lanes [low, high) in which a guard holds; null if an index has another lane stride than 0 or 1. */
  private range(guard: ix.Guard): { low: string; high: string; all: string } | null {
    let low = "0";
    let high = "VL";
    const all: string[] = [];
    for (const { index, extent } of guard) {
      const stride = ix.strideOf(index, LANE);
      if (stride !== 0 && stride !== 1) return null;
      const base = this.index(at(index, 0));
      if (stride === 0) {
        const holds = this.guard([{ index, extent }]);
        all.push(holds);
        high = `((${holds}) ? ${high} : 0)`;
        continue;
      }
      if (index.low < 0) {
        all.push(`${base} >= 0`);
        low = `MAXL(${low}, -(${base}))`;
      }
      if (index.high >= extent) {
        all.push(`${base} <= ${extent} - VL`);
        high = `MINL(${high}, ${extent} - (${base}))`;
      }
    }
    return { low, high, all: all.length > 0 ? all.join(" && ") : "1" };
  }

  protected storeText(s: Stmt & { kind: "store" }, value: string): string {
    const guarded = s.guard.length > 0;
    if (s.value.lanes === 1) {
      const text = `${s.buffer}[${this.index(s.index)}] = ${value};`;
      return guarded ? `if (${this.guard(s.guard)}) ${text}` : text;
    }
    const bits = s.memory === "bool" ? `(${value} & 1)` : value;
    const uneven = s.guard.some(({ index }) => ix.depends(index, LANE));
    if (s.stride === 1 && !uneven) {
      const text = `ST${ACCESS[s.memory]}(&${s.buffer}[${this.index(at(s.index, 0))}], ${bits});`;
      return guarded ? `if (${this.guard(s.guard)}) ${text}` : text;
    }
    const range = s.stride === 1 ? this.range(s.guard) : null;
    if (range) {
      const place = `&${s.buffer}[${this.index(at(s.index, 0))}]`;
      return `ST${ACCESS[s.memory]}_RANGE(${place}, ${range.low}, ${range.high}, ${bits});`;
    }
    const stores = Array.from({ length: this.lanes }, (_, lane) => {
      const test = s.guard.map(({ index, extent }) => ({ index: at(index, lane), extent }));
      return `${guarded ? `if (${this.guard(test)}) ` : ""}${s.buffer}[${this.index(at(s.index, lane))}] = x_[${lane}];`;
    });
    return `{ const ${VECTOR[s.value.type]} x_ = ${bits}; ${stores.join(" ")} }`;
  }

  protected prefetchText(s: Stmt & { kind: "prefetch" }): string {
    return `__builtin_prefetch(&${s.buffer}[${this.index(at(s.index, 0))}]);`;
  }

  protected constant(e: Expr & { kind: "const" }): string {
    const { value, type } = e;
    if (type === "f64") this.makesDoubles = true;
    if (!isFloat(type)) return value === -(2 ** 31) ? "(-2147483647 - 1)" : `(${value})`;
    const suffix = type === "f32" ? "f" : "";
    if (Number.isNaN(value)) return `__builtin_nan${suffix}("")`;
    if (!Number.isFinite(value)) return value > 0 ? `__builtin_inf${suffix}()` : `(-__builtin_inf${suffix}())`;
    const text = Object.is(value, -0) ? "-0.0" : String(value);
    return `(${/[.e]/.test(text) ? text : `${text}.0`}${suffix})`;
  }
  protected cast(e: Expr & { kind: "cast" }, arg: string): string {
    const from = e.arg.type;
    if (e.type === "f64") this.makesDoubles = true;
    if (e.type === "bool") return from === "f64" && e.lanes > 1 ? `MASK(${arg} != 0)` : `(${arg} != 0)`;
    if (isFloat(from) && e.type === "i32") return `${e.lanes === 1 ? "s" : "v"}_${LETTER[from]}trunc(${arg})`;
    if (e.lanes === 1) return `((${SCALAR[e.type]})${arg})`;
    const value = from === "bool" ? `(-${arg})` : arg;
    if (VECTOR[from] === VECTOR[e.type]) return value;
    return `__builtin_convertvector(${value}, ${VECTOR[e.type]})`;
  }
  protected splat(e: Expr & { kind: "splat" }, arg: string): string {
    return `v_${LETTER[e.type]}splat(${e.type === "bool" ? `-(${arg})` : arg})`;
  }
  protected fold(e: Expr & { kind: "fold" }, arg: string): string {
    return `${LETTER[e.type]}fold_${e.reduce}(${arg})`;
  }
  protected extract(e: Expr & { kind: "extract" }, arg: string): string {
    return e.type === "bool" ? `(-(${arg})[0])` : `(${arg})[0]`;
  }
  protected any(test: Expr, text: string): string {
    return test.lanes === 1 ? text : `v_any(${text})`;
  }
  protected shuffle(e: Expr & { kind: "shuffle" }, a: string, b: string): string {
    return `SHUFFLE(${a}, ${b}, ${e.mask.join(", ")})`;
  }
  protected indexAsValue(e: Expr & { kind: "index" }): string {
    if (e.lanes === 1) return `((int)${this.index(e.index)})`;
    return this.ramp(e.index);
  }
  /** The values of an index in all lanes, as an integer vector. */
  private ramp(index: ix.Index): string {
    const stride = ix.strideOf(index, LANE);
    if (stride !== null) return `(v_isplat((int)${this.index(at(index, 0))}) + v_ramp() * ${stride})`;
    const values = Array.from({ length: this.lanes }, (_, lane) => `(int)${this.index(at(index, lane))}`);
    return `(vi){${values.join(", ")}}`;
  }
  protected test(e: Expr & { kind: "test" }): string {
    if (e.lanes === 1) return `(${this.guard(e.guard)})`;
    const bounds = e.guard.map(({ index, extent }) => {
      if (!ix.depends(index, LANE)) return `v_isplat(-(${this.guard([{ index, extent }])}))`;
      const value = this.ramp(index);
      return `((${value} >= 0) & (${value} < ${extent}))`;
    });
    return `(${bounds.join(" & ")})`;
  }
  protected quotient(index: string, by: number): string {
    return `(${index} / ${by})`;
  }
}

/** The name of a kernel's C function, and the prefix of the names of its parts' functions. */
export const KERNEL_NAME = "fovea_kernel";

/** The text that precedes kernels: macros, vector types and helpers. */
export function cHeader(lanes: number): string {
  const ramp = Array.from({ length: lanes }, (_, lane) => lane).join(", ");
  return [`#define VL ${lanes}`, `#define RAMP ${ramp}`, C_PRELUDE].join("\n");
}

/**
 * C text of the kernel, to be compiled after {@link cHeader}: the function `void fovea_kernel(void *const *buffers,
 * long first, long last, char *scratch)`. The text does not contain the label, so that equal kernels have equal texts
 * and are compiled once.
 */
export function printC(kernel: Kernel, lanes: number): string {
  const { buffers, scratch, parts } = kernel;
  // An output may overwrite an input of the same dtype and size in place; `restrict` would be wrong for such a pair.
  const sharesMemory = (one: BufferSpec) =>
    buffers.some(
      (other) => other.access !== one.access && other.dtype === one.dtype && other.elements === one.elements,
    );
  const parameters = buffers.map((buffer) => {
    const constant = buffer.access === "read" ? "const " : "";
    return `${constant}${MEMORY[buffer.dtype]} *${sharesMemory(buffer) ? "" : "restrict "}${buffer.name}`;
  });
  // A part gets only what it accesses: kernels may have hundreds of parts, whose text would grow with their square.
  const used = parts.map(memoryOf);
  const ofPart = (part: number, texts: readonly string[]) => texts.filter((_, i) => used[part].has(buffers[i].name));
  const { offsets } = scratchLayout(kernel);
  const scratchLine = ({ name, dtype }: ScratchSpec) =>
    `  ${MEMORY[dtype]} *restrict ${name} = (${MEMORY[dtype]} *)(scratch + ${offsets.get(name)});`;
  const printer = new CPrinter(lanes);
  const functions = parts.map((part, i) =>
    [
      `static void ${KERNEL_NAME}_${i}(${[...ofPart(i, parameters), "char *scratch", "long task"].join(", ")}) {`,
      ...scratch.filter(({ name }) => used[i].has(name)).map(scratchLine),
      printer.body(part),
      "}",
    ].join("\n"),
  );
  const args = buffers.map((_, i) => `buffers[${i}]`);
  let first = 0;
  const dispatch = parts.map((part, i) => {
    const passed = [...ofPart(i, args), "scratch"].join(", ");
    const line = `    if (task >= ${first} && task < ${first + part.tasks}) ${KERNEL_NAME}_${i}(${passed}, task - ${first});`;
    first += part.tasks;
    return line;
  });
  const usesDoubles = printer.makesDoubles || [...buffers, ...scratch].some(({ dtype }) => dtype === "f64");
  return [
    ...(usesDoubles ? [C_PRELUDE_F64] : []),
    ...functions,
    `void ${KERNEL_NAME}(void *const *buffers, long first, long last, char *scratch) {`,
    "  for (long task = first; task < last; task++) {",
    ...dispatch,
    "  }",
    "}",
    "",
  ].join("\n");
}
