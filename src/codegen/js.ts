/**
 * Prints kernels as JavaScript on float64 numbers, one scalar at a time: the text that the `interp` device runs. Every
 * operation calls its definition in the scalar table.
 */
import type { DType } from "../ir/dtype.js";
import type { Expr, Kernel, Stmt } from "../ir/loops.js";
import { scalarOps } from "../ir/scalar.js";
import { Printer } from "./printer.js";

const STORED: Readonly<Record<DType, (value: string) => string>> = {
  f32: (value) => value,
  f64: (value) => value,
  i32: (value) => value,
  u8: (value) => `${value} & 255`,
  bool: (value) => `${value} ? 1 : 0`,
};

class JsPrinter extends Printer {
  protected declaration(_: Expr, name: string, value: string, mutable: boolean): string {
    return `${mutable ? "let" : "const"} ${name} = ${value};`;
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
    const call = `meaning.${e.op}(${args.join(", ")})`;
    return e.type === "i32" ? `(${call} | 0)` : call;
  }
  protected load(e: Expr & { kind: "load" }): string {
    const pick = e.pick;
    const position = pick ? `${this.index(e.index)} + ${this.value(pick.value)} * ${pick.step}` : this.index(e.index);
    const tests = e.guard.length > 0 ? [this.guard(e.guard)] : [];
    if (pick) tests.push(`${this.value(pick.value)} >= 0 && ${this.value(pick.value)} < ${pick.extent}`);
    const element = `${e.buffer}[${position}]`;
    return tests.length === 0 ? element : `(${tests.join(" && ")} ? ${element} : 0)`;
  }
  protected storeText(s: Stmt & { kind: "store" }, value: string): string {
    const text = `${s.buffer}[${this.index(s.index)}] = ${STORED[s.memory](value)};`;
    return s.guard.length > 0 ? `if (${this.guard(s.guard)}) ${text}` : text;
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
  protected splat(_: Expr & { kind: "splat" }, arg: string): string {
    return arg;
  }
  protected fold(_: Expr & { kind: "fold" }, arg: string): string {
    return arg;
  }
  protected shuffle(_: Expr & { kind: "shuffle" }, a: string): string {
    return a;
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

/** The body of a function `(buffers, meaning, integer)` that runs the whole kernel. */
export function printJs(kernel: Kernel): string {
  const names = kernel.buffers.map(({ name }) => name).join(", ");
  const printer = new JsPrinter();
  const parts = kernel.parts.map((part) => {
    const body = printer.body(part);
    return `for (let task = 0; task < ${part.tasks}; task++) {\n${body}\n}`;
  });
  return [`"use strict";`, `const [${names}] = buffers;`, ...parts].join("\n");
}
