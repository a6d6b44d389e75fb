/**
 * Prints kernels as JavaScript on float64 numbers: the text that the `interp` device runs, for one lane or for any number
 * of them. A vector is an array, and a statement on vectors is a loop over its lanes. Every operation calls its definition
 * in the scalar table, and every access to memory is checked.
 */
import type { DType } from "../ir/dtype.js";
import { type Expr, type Kernel, LANE, type Stmt, TASK } from "../ir/loops.js";
import { type ScalarName, scalarOps } from "../ir/scalar.js";
import { eachExpr, eachPartStmt, exprsOf } from "../ir/visit.js";
import { Printer } from "./printer.js";

const STORED: Readonly<Record<DType, (value: string) => string>> = {
  f32: (value) => value,
  f64: (value) => value,
  i32: (value) => value,
  u8: (value) => `${value} & 255`,
  bool: (value) => `${value} ? 1 : 0`,
};

/** Operations that JavaScript has an operator for; the others call their meaning. */
const OPERATORS: Partial<Record<ScalarName, string>> = { add: "+", sub: "-", mul: "*", div: "/" };

class JsPrinter extends Printer {
  /** Arrays that hold vectors; declared once a kernel, since their names are unique within a part. */
  readonly vectors = new Set<string>();
  private helpers = 0;

  constructor(private readonly lanes: number) {
    super();
  }

  private eachLane(text: string): string {
    return `for (let ${LANE} = 0; ${LANE} < ${this.lanes}; ${LANE}++) ${text}`;
  }
  private vector(name: string): string {
    this.vectors.add(name);
    return name;
  }
  protected declaration(e: Expr, name: string, value: string, mutable: boolean): string {
    if (e.lanes > 1) return this.assignment(e, this.vector(name), value);
    return `${mutable ? "let" : "const"} ${name} = ${value};`;
  }
  protected override assignment(e: Expr, name: string, value: string): string {
    return e.lanes > 1 ? this.eachLane(`${name}[${LANE}] = ${value};`) : super.assignment(e, name, value);
  }
  protected override named(e: Expr, name: string): string {
    return e.lanes > 1 ? `${name}[${LANE}]` : name;
  }
  protected loopHead(name: string, extent: number): string {
    return `for (let ${name} = 0; ${name} < ${extent}; ${name}++)`;
  }
  protected letHead(name: string, value: string): string {
    return `const ${name} = ${value};`;
  }
  protected operation(e: Expr & { kind: "op" }, args: string[]): string {
    const type = e.args[e.args.length - 1].type;
    if (type === "i32" && scalarOps[e.op].integerMeaning) return `integer.${e.op}(${args.join(", ")})`;
    const operator = OPERATORS[e.op];
    const call = operator ? `(${args.join(` ${operator} `)})` : `meaning.${e.op}(${args.join(", ")})`;
    return e.type === "i32" ? `(${call} | 0)` : call;
  }
  protected load(e: Expr & { kind: "load" }): string {
    const pick = e.pick;
    const position = pick ? `${this.index(e.index)} + ${this.value(pick.value)} * ${pick.step}` : this.index(e.index);
    const tests = e.guard.length > 0 ? [this.guard(e.guard)] : [];
    if (pick) tests.push(`${this.value(pick.value)} >= 0 && ${this.value(pick.value)} < ${pick.extent}`);
    const element = `(${e.buffer}[${position}] ?? fault("${e.buffer}", ${position}))`;
    return tests.length === 0 ? element : `(${tests.join(" && ")} ? ${element} : 0)`;
  }
  protected storeText(s: Stmt & { kind: "store" }, value: string): string {
    const write = (text: string) => {
      const call = `write(${s.buffer}, ${this.index(s.index)}, ${STORED[s.memory](text)});`;
      return s.guard.length > 0 ? `if (${this.guard(s.guard)}) ${call}` : call;
    };
    if (s.value.lanes === 1) return write(value);
    // All lanes are computed, as machines do, and then some are stored.
    const name = this.vector(`v${this.helpers++}$`);
    this.line(this.assignment(s.value, name, value));
    return this.eachLane(`{ ${write(this.named(s.value, name))} }`);
  }
  protected prefetchText(): null {
    return null;
  }
  protected constant(e: Expr & { kind: "const" }): string {
    return Object.is(e.value, -0) ? "-0" : e.value < 0 ? `(${e.value})` : String(e.value);
  }
  protected cast(e: Expr & { kind: "cast" }, arg: string): string {
    if (e.type === "bool") return `(${arg} !== 0 ? 1 : 0)`;
    return e.type === "i32" ? `(${arg} | 0)` : `(+${arg})`;
  }
  /** A scalar is computed once, ahead of the loop over the lanes that take it. */
  protected splat(e: Expr & { kind: "splat" }, arg: string): string {
    if (e.arg.kind === "const" || this.nameOf(e.arg) !== undefined) return arg;
    const name = `s${this.helpers++}$`;
    this.line(`const ${name} = ${arg};`);
    return name;
  }
  protected fold(e: Expr & { kind: "fold" }, arg: string): string {
    return `fold.${e.reduce}(${this.arrayOf(e.arg, arg)})`;
  }
  protected shuffle(e: Expr & { kind: "shuffle" }, a: string, b: string): string {
    const name = this.vector(`v${this.helpers++}$`);
    const [left, right] = [this.arrayOf(e.a, a), this.arrayOf(e.b, b)];
    e.mask.forEach((from, lane) => {
      const element = from < e.lanes ? `${left}[${from}]` : `${right}[${from - e.lanes}]`;
      this.line(`${name}[${lane}] = ${element};`);
    });
    return this.named(e, name);
  }
  /** The array of a vector, for what takes several lanes of it at once. */
  private arrayOf(e: Expr, value: string): string {
    const known = this.nameOf(e);
    if (known !== undefined) return known;
    const name = this.vector(`v${this.helpers++}$`);
    this.line(this.assignment(e, name, value));
    return name;
  }
  protected indexAsValue(e: Expr & { kind: "index" }): string {
    return this.index(e.index);
  }
  protected test(e: Expr & { kind: "test" }): string {
    return `(${this.guard(e.guard)} ? 1 : 0)`;
  }
  protected quotient(index: string, by: number): string {
    return `Math.floor(${index} / ${by})`;
  }
}

/** Assignments outside a typed array do nothing, so they are checked. */
const WRITE = `function write(buffer, position, value) {
  if (!(position >= 0 && position < buffer.length)) fault("a buffer that is written", position);
  buffer[position] = value;
}`;

/** The width of the vectors of a kernel; 1 if it has none. */
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
 * The body of a function `(buffers, scratch, fault, meaning, integer, fold)` that runs the whole kernel. Tasks run from
 * the last to the first: none may need what another has done. Scratch memory is NaN at the beginning of a task: the last
 * tile of a block may read lines that do not exist and compute results that it does not store, but no more than that.
 */
export function printJs(kernel: Kernel): string {
  const printer = new JsPrinter(lanesOf(kernel));
  const parts = kernel.parts.map((part) => {
    const body = printer.body(part);
    const clear = kernel.scratch.map(({ name }) => `  ${name}.fill(NaN);\n`).join("");
    return `for (let ${TASK} = ${part.tasks - 1}; ${TASK} >= 0; ${TASK}--) {\n${clear}${body}\n}`;
  });
  const lanes = lanesOf(kernel);
  const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name).join(", ");
  return [
    `"use strict";`,
    `const [${names(kernel.buffers)}] = buffers;`,
    ...(kernel.scratch.length > 0 ? [`const [${names(kernel.scratch)}] = scratch;`] : []),
    WRITE,
    ...[...printer.vectors].map((name) => `const ${name} = new Float64Array(${lanes});`),
    ...parts,
  ].join("\n");
}
