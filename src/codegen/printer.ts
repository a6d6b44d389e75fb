/**
 * Prints the loop language as text in a C-like syntax. Subclasses per target language override what differs: types,
 * loads, stores and operations. Common subexpressions of straight-line code become temporaries (`sharing.ts`).
 */
import { type Bound, type Guard, type Index, plus } from "../ir/index-math.js";
import { type Expr, operation, type Part, register, type Stmt } from "../ir/loops.js";
import { FoveaError } from "../util/errors.js";
import { isStraightLine, mutableNames, type StraightLine, shareSubexpressions } from "./sharing.js";

export abstract class Printer {
  protected lines: string[] = [];
  protected indent = 1;
  private mutable = new Set<string>();
  private temporaries = new Map<string, string>();
  private names = 0;

  /** The statements of one part. */
  body(part: Part): string {
    this.lines = [];
    this.indent = 1;
    this.names = 0;
    this.mutable = mutableNames(part);
    this.statements(part.body);
    return this.lines.join("\n");
  }

  protected abstract declaration(e: Expr, name: string, value: string, mutable: boolean): string;
  /** Declares a register behind a scheduling barrier; the same as `declaration` where the target needs none. */
  protected declareWithBarrier(e: Expr, name: string, value: string): string {
    return this.declaration(e, name, value, false);
  }
  /** The assignment to a mutable register. */
  protected assignment(_: Expr, name: string, value: string): string {
    return `${name} = ${value};`;
  }
  /** The text that reads the register or temporary `name`, which holds `e`. */
  protected named(_: Expr, name: string): string {
    return name;
  }
  protected abstract loopHead(name: string, extent: number): string;
  protected abstract letHead(name: string, value: string): string;
  protected abstract operation(e: Expr & { kind: "op" }, args: string[]): string;
  protected abstract load(e: Expr & { kind: "load" }): string;
  protected abstract storeText(s: Stmt & { kind: "store" }, value: string): string;
  protected abstract prefetchText(s: Stmt & { kind: "prefetch" }): string | null;
  protected abstract constant(e: Expr & { kind: "const" }): string;
  protected abstract cast(e: Expr & { kind: "cast" }, arg: string): string;
  protected abstract splat(e: Expr & { kind: "splat" }, arg: string): string;
  protected abstract fold(e: Expr & { kind: "fold" }, arg: string): string;
  protected abstract extract(e: Expr & { kind: "extract" }, arg: string): string;
  /** The condition that `test`, whose text is `text`, holds in at least one lane. */
  protected abstract any(test: Expr, text: string): string;
  protected abstract shuffle(e: Expr & { kind: "shuffle" }, a: string, b: string): string;
  protected abstract indexAsValue(e: Expr & { kind: "index" }): string;
  protected abstract test(e: Expr & { kind: "test" }): string;
  protected abstract quotient(index: string, by: number): string;

  protected line(text: string): void {
    this.lines.push("  ".repeat(this.indent) + text);
  }

  private block(head: string, body: readonly Stmt[]): void {
    this.line(`${head} {`);
    this.indent++;
    this.statements(body);
    this.indent--;
    this.line("}");
  }

  /** A block in which a name stands for a value. */
  private scoped(name: string, value: string, body: () => void): void {
    this.line("{");
    this.indent++;
    this.line(this.letHead(name, value));
    body();
    this.indent--;
    this.line("}");
  }

  private statements(body: readonly Stmt[]): void {
    let run: StraightLine[] = [];
    const flush = () => {
      if (run.length > 0) this.straight(run);
      run = [];
    };
    for (const s of body) {
      if (isStraightLine(s)) {
        run.push(s);
        continue;
      }
      flush();
      if (s.kind === "for") {
        if (s.variable.extent === 0) continue;
        if (s.variable.extent === 1) this.statements(s.body);
        else this.block(this.loopHead(s.variable.name, s.variable.extent), s.body);
      } else if (s.kind === "if") {
        this.block(`if (${this.guard(s.guard)})`, s.body);
      } else if (s.kind === "let") {
        this.scoped(s.variable.name, this.index(s.index), () => this.statements(s.body));
      } else {
        const { name, extent } = s.variable;
        this.scoped(name, this.value(s.value), () => this.block(`if (${name} >= 0 && ${name} < ${extent})`, s.body));
      }
    }
    flush();
  }

  /** Prints straight-line statements, with temporaries for their common subexpressions. */
  private straight(run: readonly StraightLine[]): void {
    const outer = this.temporaries;
    this.temporaries = new Map(outer);
    for (const { statement: s, temporaries } of shareSubexpressions(run, this.mutable, outer, false)) {
      for (const e of temporaries) {
        const name = `T${this.names++}`;
        if (e.kind === "unlikely") this.unlikely(e, name);
        else this.line(this.declaration(e, name, this.expression(e), false));
        this.temporaries.set(e.key, name);
      }
      if (s.kind === "declare") {
        const value = this.value(s.init);
        if (s.barrier) this.line(this.declareWithBarrier(s.init, s.name, value));
        else this.line(this.declaration(s.init, s.name, value, this.mutable.has(s.name)));
      } else if (s.kind === "set") this.line(this.assignment(s.value, s.name, this.value(s.value)));
      else if (s.kind === "store") this.line(this.storeText(s, this.value(s.value)));
      else {
        const text = this.prefetchText(s);
        if (text) this.line(text);
      }
    }
    this.temporaries = outer;
  }

  /**
   * Prints a register with the usual value, and a conditional block that replaces it in the lanes where the test holds.
   */
  private unlikely(e: Expr & { kind: "unlikely" }, name: string): void {
    this.line(this.declaration(e, name, this.value(e.usual), true));
    const value = operation("select", [e.test, e.rare, register(name, e.type, e.lanes)]);
    this.line(`if (${this.any(e.test, this.value(e.test))}) {`);
    this.indent++;
    this.straight([{ kind: "set", name, value }]);
    this.indent--;
    this.line("}");
  }

  /** The text of an expression: the name of its temporary if it has one. */
  protected value(e: Expr): string {
    const name = this.nameOf(e);
    return name === undefined ? this.expression(e) : this.named(e, name);
  }

  /** The register or temporary that holds an expression, if one does. */
  protected nameOf(e: Expr): string | undefined {
    return e.kind === "register" ? e.name : this.temporaries.get(e.key);
  }

  private expression(e: Expr): string {
    switch (e.kind) {
      case "const":
        return this.constant(e);
      case "register":
        return this.named(e, e.name);
      case "index":
        return this.indexAsValue(e);
      case "test":
        return this.test(e);
      case "load":
        return this.load(e);
      case "cast":
        return this.cast(e, this.value(e.arg));
      case "splat":
        return this.splat(e, this.value(e.arg));
      case "fold":
        return this.fold(e, this.value(e.arg));
      case "extract":
        return this.extract(e, this.value(e.arg));
      case "unlikely":
        throw new FoveaError("[printer] an `unlikely` expression has no temporary");
      case "shuffle":
        return this.shuffle(e, this.value(e.a), this.value(e.b));
      default:
        return this.operation(
          e,
          e.args.map((arg) => this.value(arg)),
        );
    }
  }

  /** An index as integer arithmetic. */
  protected index(index: Index): string {
    const parts = index.terms.map(({ atom, coefficient }) => {
      let text: string;
      if (atom.kind === "var") text = atom.variable.name;
      else {
        // Division in C rounds towards zero, so a multiple of the divisor is added to dividends that may be negative.
        const lift = Math.max(0, Math.ceil(-atom.of.low / atom.by));
        const of = this.index(plus(atom.of, lift * atom.by));
        if (atom.kind === "mod") text = `(${of} % ${atom.by})`;
        else text = lift === 0 ? this.quotient(of, atom.by) : `(${this.quotient(of, atom.by)} - ${lift})`;
      }
      return coefficient === 1 ? text : `${text} * ${coefficient}`;
    });
    if (index.offset !== 0 || parts.length === 0) parts.push(String(index.offset));
    const joined = parts.join(" + ").replaceAll("+ -", "- ");
    return parts.length === 1 && !joined.includes(" ") ? joined : `(${joined})`;
  }

  protected guard(guard: Guard): string {
    if (guard.length === 0) return "1";
    return guard.map((bound) => this.bound(bound)).join(" && ");
  }

  private bound({ index, extent }: Bound): string {
    const text = this.index(index);
    const tests: string[] = [];
    if (index.low < 0) tests.push(`${text} >= 0`);
    if (index.high >= extent) tests.push(`${text} < ${extent}`);
    return tests.length === 0 ? "1" : tests.join(" && ");
  }
}
