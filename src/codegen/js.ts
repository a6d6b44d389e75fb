/**
 * Prints kernels as JavaScript on float64 numbers, for any number of lanes; the `interp` device runs the text. A vector
 * is an array. The loop over lanes of a statement becomes a function of the statement's operands, which all kernels
 * with the same function text share: kernels are too short-lived for V8 to optimize them, but the shared functions
 * become hot. Operations are the `meaning` of their scalar records, and every memory access is checked.
 */
import type { DType } from "../ir/dtype.js";
import { constant, depends, type Index, substitute } from "../ir/index-math.js";
import { type Expr, type Kernel, LANE, type Stmt, TASK } from "../ir/loops.js";
import { type ScalarName, scalarOps } from "../ir/scalar/index.js";
import { eachExpr, eachPartStmt, exprsOf } from "../ir/visit.js";
import { Printer } from "./printer.js";

const STORED: Readonly<Record<DType, (value: string) => string>> = {
  f32: (value) => value,
  f64: (value) => value,
  i32: (value) => value,
  u8: (value) => `(${value} & 255)`,
  bool: (value) => `(${value} ? 1 : 0)`,
};

/** Operations that are JavaScript operators; the others call the `meaning` of their record. */
const OPERATORS: Partial<Record<ScalarName, string>> = { add: "+", sub: "-", mul: "*", div: "/" };

/**
 * Placeholders for the operands in the text of a vector expression: an array of lanes (`#v`), a scalar (`#s`), or a
 * buffer and the position of the first lane in it (`#m`). The text of an operand never contains braces.
 */
const lanesIn = (array: string): string => `#v{${array}}`;
const scalar = (text: string): string => `#s{${text}}`;
const memory = (buffer: string, position: string): string => `#m{${buffer}, ${position}}`;
const OPERAND = /#([vsm])\{([^}]*)\}/g;
/** Limit of the operands of one function; larger expressions are split into several. */
const MAX_OPERANDS = 6;

const firstLane = (index: Index): Index => substitute(index, new Map([[LANE, constant(0)]]));

class JsPrinter extends Printer {
  /** Names of the arrays that hold vectors. They are unique within a part and declared once per kernel. */
  readonly vectors = new Set<string>();
  /** Names of the lane functions, by function text. */
  readonly functions = new Map<string, string>();
  private made = 0;

  constructor(private readonly lanes: number) {
    super();
  }

  private vector(name = `v${this.made++}$`): string {
    this.vectors.add(name);
    return name;
  }

  /** The statement that computes all lanes of a vector expression into an array. */
  private compute(array: string, value: string): string {
    const operands: string[] = [];
    const checks: string[] = [];
    const body = value.replaceAll(OPERAND, (_, kind: string, text: string) => {
      let at = operands.indexOf(text);
      if (at < 0) at = operands.push(text) - 1;
      if (kind === "s") return `a${at}`;
      if (kind === "v") return `a${at}[l]`;
      // A memory operand is two arguments: the buffer `a<at>` and the position `p<at>`.
      checks.push(`inside(a${at}, p${at}, ${this.lanes});`);
      return `a${at}[p${at} + l]`;
    });
    const parameters = operands.map((_, i) => (body.includes(`[p${i} + l]`) ? `a${i}, p${i}` : `a${i}`));
    const loop = `for (let l = 0; l < ${this.lanes}; l++) d[l] = ${body};`;
    const text = `(${["d", ...parameters].join(", ")}) => { ${[...checks, loop].join(" ")} }`;
    const name = this.functions.get(text) ?? `f${this.functions.size}$`;
    this.functions.set(text, name);
    return `${name}(${[array, ...operands].join(", ")});`;
  }

  /** The name of the array that holds a vector; computes it into a new array if there is none. */
  private arrayOf(value: string): string {
    const [whole, kind, name] = new RegExp(OPERAND.source).exec(value) ?? [];
    if (whole === value && kind === "v") return name;
    const array = this.vector();
    this.line(this.compute(array, value));
    return array;
  }

  /** Computes a vector lane by lane, for expressions whose index or guard differs between lanes. */
  private laneByLane(value: string): string {
    const array = this.vector();
    this.line(this.eachLane(`${array}[${LANE}] = ${value};`));
    return lanesIn(array);
  }
  private eachLane(text: string): string {
    return `for (let ${LANE} = 0; ${LANE} < ${this.lanes}; ${LANE}++) ${text}`;
  }

  protected declaration(e: Expr, name: string, value: string, mutable: boolean): string {
    if (e.lanes > 1) return this.compute(this.vector(name), value);
    return `${mutable ? "let" : "const"} ${name} = ${value};`;
  }
  protected override assignment(e: Expr, name: string, value: string): string {
    return e.lanes > 1 ? this.compute(name, value) : super.assignment(e, name, value);
  }
  protected override named(e: Expr, name: string): string {
    return e.lanes > 1 ? lanesIn(name) : name;
  }
  protected loopHead(name: string, extent: number): string {
    return `for (let ${name} = 0; ${name} < ${extent}; ${name}++)`;
  }
  protected letHead(name: string, value: string): string {
    return `const ${name} = ${value};`;
  }
  protected operation(e: Expr & { kind: "op" }, args: string[]): string {
    const operands = args.map((arg) => arg.match(OPERAND)?.length ?? 0);
    const few = operands.reduce((a, b) => a + b, 0) <= MAX_OPERANDS;
    const x = few ? args : args.map((arg, i) => (operands[i] > 1 ? lanesIn(this.arrayOf(arg)) : arg));
    const type = e.args[e.args.length - 1].type;
    if (type === "i32" && scalarOps[e.op].integerMeaning) return `integer.${e.op}(${x.join(", ")})`;
    const operator = OPERATORS[e.op];
    const call = operator ? `(${x.join(` ${operator} `)})` : `meaning.${e.op}(${x.join(", ")})`;
    return e.type === "i32" ? `(${call} | 0)` : call;
  }

  private element(e: Expr & { kind: "load" }): string {
    const indirect = e.indirect && { ...e.indirect, value: this.indirectIndex(e.indirect.value) };
    const position = indirect ? `${this.index(e.index)} + ${indirect.value} * ${indirect.step}` : this.index(e.index);
    const tests = e.guard.length > 0 ? [this.guard(e.guard)] : [];
    if (indirect) tests.push(`${indirect.value} >= 0 && ${indirect.value} < ${indirect.extent}`);
    const element = `(${e.buffer}[${position}] ?? fault("${e.buffer}"))`;
    return tests.length === 0 ? element : `(${tests.join(" && ")} ? ${element} : 0)`;
  }
  private indirectIndex(e: Expr): string {
    return e.lanes > 1 ? `${this.arrayOf(this.value(e))}[${LANE}]` : this.value(e);
  }
  protected load(e: Expr & { kind: "load" }): string {
    if (e.lanes === 1) return this.element(e);
    if (e.stride !== 1 || e.uneven || e.indirect) return this.laneByLane(this.element(e));
    const whole = memory(e.buffer, this.index(firstLane(e.index)));
    if (e.guard.length === 0) return whole;
    const array = this.vector();
    this.line(`if (${this.guard(e.guard)}) ${this.compute(array, whole)} else ${array}.fill(0);`);
    return lanesIn(array);
  }
  protected storeText(s: Stmt & { kind: "store" }, value: string): string {
    const test = s.guard.length > 0 ? `if (${this.guard(s.guard)}) ` : "";
    const stored = STORED[s.memory](value);
    if (s.value.lanes === 1) return `${test}write(${s.buffer}, ${this.index(s.index)}, ${stored});`;
    // All lanes are computed, as SIMD hardware does, and then the guarded ones are stored.
    const array = this.arrayOf(stored);
    const uneven = s.guard.some(({ index }) => depends(index, LANE));
    if (s.stride === 1 && !uneven) return `${test}writeAll(${s.buffer}, ${this.index(firstLane(s.index))}, ${array});`;
    return this.eachLane(`{ ${test}write(${s.buffer}, ${this.index(s.index)}, ${array}[${LANE}]); }`);
  }
  protected prefetchText(): null {
    return null;
  }
  protected constant(e: Expr & { kind: "const" }): string {
    return Object.is(e.value, -0) ? "-0" : e.value < 0 ? `(${e.value})` : String(e.value);
  }
  protected cast(e: Expr & { kind: "cast" }, arg: string): string {
    if (e.type === "bool") return `(${arg} !== 0 ? 1 : 0)`;
    if (e.type !== "i32") return `(+${arg})`;
    return e.arg.type === "bool" ? arg : `truncate(${arg})`;
  }
  protected splat(e: Expr & { kind: "splat" }, arg: string): string {
    return e.arg.kind === "const" ? arg : scalar(arg);
  }
  protected fold(e: Expr & { kind: "fold" }, arg: string): string {
    return `fold.${e.reduce}(${this.arrayOf(arg)})`;
  }
  protected extract(_: Expr & { kind: "extract" }, arg: string): string {
    return `${this.arrayOf(arg)}[0]`;
  }
  protected any(test: Expr, text: string): string {
    return test.lanes === 1 ? text : `${this.arrayOf(text)}.some(Boolean)`;
  }
  protected shuffle(e: Expr & { kind: "shuffle" }, a: string, b: string): string {
    const array = this.vector();
    this.line(`shuffle(${array}, ${this.arrayOf(a)}, ${this.arrayOf(b)}, [${e.mask.join(", ")}]);`);
    return lanesIn(array);
  }
  protected indexAsValue(e: Expr & { kind: "index" }): string {
    return e.lanes > 1 ? this.laneByLane(this.index(e.index)) : this.index(e.index);
  }
  protected test(e: Expr & { kind: "test" }): string {
    const text = `(${this.guard(e.guard)} ? 1 : 0)`;
    return e.lanes > 1 ? this.laneByLane(text) : text;
  }
  protected quotient(index: string, by: number): string {
    return `Math.floor(${index} / ${by})`;
  }
}

/** The number of lanes of a kernel's vectors; 1 if it has none. */
function lanesOf({ parts }: Kernel): number {
  let lanes = 1;
  const roots: Expr[] = [];
  eachPartStmt(parts, (s) => roots.push(...exprsOf(s)));
  eachExpr(roots, (e) => {
    lanes = Math.max(lanes, e.lanes);
  });
  return lanes;
}

/**
 * The body of a function `(buffers, scratch, support)` that runs the whole kernel; `support` is the export of
 * `js-support.ts`. To expose faults, tasks run in reverse order, since no task may depend on another one, and scratch
 * memory is filled with NaN before each task: the last tile of a block may read uninitialised rows, but must not store
 * results computed from them.
 */
export function printJs(kernel: Kernel): string {
  const lanes = lanesOf(kernel);
  const printer = new JsPrinter(lanes);
  const parts = kernel.parts.map((part) => {
    const body = printer.body(part);
    const clear = kernel.scratch.map(({ name }) => `  ${name}.fill(NaN);\n`).join("");
    return `for (let ${TASK} = ${part.tasks - 1}; ${TASK} >= 0; ${TASK}--) {\n${clear}${body}\n}`;
  });
  const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name).join(", ");
  return [
    `"use strict";`,
    `const [${names(kernel.buffers)}] = buffers;`,
    ...(kernel.scratch.length > 0 ? [`const [${names(kernel.scratch)}] = scratch;`] : []),
    "const { fault, write, writeAll, shuffle, fold, meaning, integer, truncate, onLanes } = support;",
    ...[...printer.functions].map(([text, name]) => `const ${name} = onLanes("${text}");`),
    ...[...printer.vectors].map((name) => `const ${name} = new Float64Array(${lanes});`),
    ...parts,
  ].join("\n");
}
