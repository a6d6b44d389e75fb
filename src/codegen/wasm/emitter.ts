/**
 * Code for the parts of a kernel: statements of the loop language, conditions and registers, as instructions of a stack
 * machine. `expressions.ts` emits values, `memory.ts` loads and stores; `address-locals.ts` assigns addresses to
 * locals.
 */
import type { Guard, Index, LoopVar } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, type Kernel, operation, type Part, register, type Stmt, TASK } from "../../ir/loops.js";
import { FoveaError } from "../../util/errors.js";
import { isStraightLine, mutableNames, type StraightLine, shareSubexpressions } from "../sharing.js";
import { inOrderOfUse, isAccumulation } from "./accumulation.js";
import { AddressLocals } from "./address-locals.js";
import { depthOf, IndexScope, keyOf } from "./affine-form.js";
import { type Code, FunctionCode, instruction } from "./code.js";
import { ExpressionCode } from "./expressions.js";
import { typeByte, type ValueType } from "./instructions.js";
import { MemoryCode } from "./memory.js";
import { unrollFactor } from "./unroll.js";
import { type Emitter, type LocalValue, type Test, typeOf } from "./values.js";

export interface WasmOptions {
  /** Emit a · b + c as one fused multiply-add of relaxed SIMD. */
  readonly relaxed: boolean;
  /** Import a memory that is shared between threads. */
  readonly shared: boolean;
}

/** Indices of the parameters of a part's function. */
const TABLE = 0;
const SCRATCH = 1;
const TASK_LOCAL = 2;
const PARAMETERS = 3;

const loopStart = instruction("loop", typeByte("none"));
const end = instruction("end");

export class PartEmitter implements Emitter {
  readonly fn = new FunctionCode(PARAMETERS);
  readonly scope = new IndexScope();
  readonly addresses: AddressLocals;
  private readonly memory = new MemoryCode(this);
  private readonly expressions: ExpressionCode;
  private code: Code = [];
  private mutable = new Set<string>();
  private readonly registers = new Map<string, number>();
  private temporaries = new Map<string, number>();
  /** The statements after the current one, up to the end of the part. */
  private following: readonly Stmt[] = [];
  /** True if control flow reaches `following` through one branch of a condition only. */
  private fromOneSide = false;

  constructor(
    kernel: Kernel,
    scratchAt: ReadonlyMap<string, number>,
    private readonly options: WasmOptions,
  ) {
    this.expressions = new ExpressionCode(this, this.memory, options.relaxed);
    this.addresses = new AddressLocals(this.fn, this.scope, TASK_LOCAL, (buffer) => {
      const offset = scratchAt.get(buffer);
      if (offset !== undefined) return [instruction("local.get", SCRATCH), instruction("i32.add_const", offset)];
      const position = kernel.buffers.findIndex(({ name }) => name === buffer);
      if (position < 0) throw new FoveaError(`[wasm] kernel ${kernel.label} has no buffer ${buffer}`);
      return [instruction("local.get", TABLE), instruction("i32.load", 4 * position)];
    });
  }

  /** The function that runs one task of the part. */
  part(part: Part): FunctionCode {
    this.mutable = mutableNames(part);
    const level = this.addresses.open({ name: TASK, extent: part.tasks });
    this.block(part.body);
    this.addresses.close();
    this.fn.code.push(level.preheader, level.bodyStart, this.code);
    return this.fn;
  }

  push(...code: Code): void {
    this.code.push(...code);
  }

  // Statements.

  private block(body: readonly Stmt[]): void {
    const declared: string[] = [];
    let run: StraightLine[] = [];
    const flush = () => {
      if (run.length > 0) this.straight(run);
      run = [];
    };
    const [outer, outside] = [this.following, this.fromOneSide];
    body.forEach((s, i) => {
      if (isStraightLine(s)) {
        run.push(s);
        if (s.kind === "declare") declared.push(s.name);
        return;
      }
      flush();
      const rest = body.slice(i + 1);
      this.following = [...rest, ...outer];
      this.fromOneSide = s.kind === "if" || (outside && rest.length === 0);
      if (s.kind === "for") this.loop(s.variable, s.body);
      else if (s.kind === "if") this.branch(this.guard(s.guard), "none", () => this.block(s.body));
      else if (s.kind === "indirect") this.indirect(s.variable, s.value, s.body);
      else {
        this.scope.bind(s.variable.name, s.index);
        this.block(s.body);
      }
    });
    this.following = outer;
    this.fromOneSide = outside;
    flush();
    for (const name of declared) {
      this.fn.release(this.registerOf(name));
      this.registers.delete(name);
    }
  }

  private loop(variable: LoopVar, body: readonly Stmt[]): void {
    if (variable.extent === 0) return;
    if (variable.extent === 1) {
      this.block(body);
      return;
    }
    const accumulates = isAccumulation(body);
    const steps = accumulates ? 1 : unrollFactor(variable, body);
    const whole = { name: `${variable.name}/${steps}`, extent: variable.extent / steps };
    const copies = () => {
      for (let step = 0; step < steps; step++) {
        if (steps > 1) this.scope.bind(variable.name, ix.plus(ix.scale(ix.variable(whole), steps), step));
        this.block(accumulates ? inOrderOfUse(body, this.following, this.fromOneSide) : body);
      }
    };
    if (whole.extent === 1) {
      copies();
      return;
    }
    const outer = this.code;
    const inner: Code = [];
    const level = this.addresses.open(steps === 1 ? variable : whole);
    this.code = inner;
    copies();
    this.code = outer;
    this.addresses.close();
    if (!accumulates) {
      this.push(level.preheader, loopStart, level.bodyStart, inner, level.latch, end);
      return;
    }
    // V8's optimizing compiler (scheduler.cc) hoists all loads of an iteration above its multiply-adds, so operands
    // would be spilled. It keeps the order of the code if the accumulators and the memory state are merged from two
    // paths (phi nodes) on both sides of the loop body: after the loop, by a branch that skips the loop if it has no
    // iteration; before the body, by an empty loop, which also prevents V8 from unrolling; and if the accumulators are
    // updated in the order in which the code after the loop reads them.
    this.push(instruction("block", typeByte("none")), level.preheader, level.exitTest, instruction("br_if", 0));
    this.push(loopStart, loopStart, end, level.bodyStart, inner, level.latch, end, end);
  }

  /** Emits a block with a variable whose value is in a local, if that is in range. */
  private indirect(variable: LoopVar, value: Expr, body: readonly Stmt[]): void {
    const { local } = this.inLocal(value);
    const outer = this.code;
    const inner: Code = [];
    const level = this.addresses.open(variable, local);
    this.code = inner;
    this.block(body);
    this.code = outer;
    this.addresses.close();
    const test = [instruction("local.get", local), instruction("i32.const", variable.extent), instruction("i32.lt_u")];
    this.branch(test, "none", () => this.push(level.bodyStart, inner));
  }

  private straight(run: readonly StraightLine[]): void {
    const outer = this.temporaries;
    this.temporaries = new Map(outer);
    const allocated: number[] = [];
    for (const { statement: s, temporaries } of shareSubexpressions(run, this.mutable, outer, this.options.relaxed)) {
      for (const e of temporaries) {
        const local = this.fn.allocate(typeOf(e));
        allocated.push(local);
        if (e.kind === "unlikely") this.unlikely(e, local);
        else {
          this.expressions.push(e);
          this.push(instruction("local.set", local));
        }
        this.temporaries.set(e.key, local);
      }
      if (s.kind === "store") this.memory.store(s);
      else if (s.kind === "set") {
        this.value(s.value);
        this.push(instruction("local.set", this.registerOf(s.name)));
      } else if (s.kind === "declare") {
        this.value(s.init);
        const local = this.fn.allocate(typeOf(s.init));
        this.registers.set(s.name, local);
        this.push(instruction("local.set", local));
      }
    }
    for (const local of allocated) this.fn.release(local);
    this.temporaries = outer;
  }

  /** Emits a local with the usual value, and a conditional block that replaces it in the lanes where the test holds. */
  private unlikely(e: Expr & { kind: "unlikely" }, local: number): void {
    this.value(e.usual);
    this.push(instruction("local.set", local));
    this.value(e.test);
    if (e.lanes > 1) this.push(instruction("v128.any_true"));
    this.push(instruction("if", typeByte("none")));
    const name = `unlikely ${local}`;
    this.registers.set(name, local);
    this.straight([
      { kind: "set", name, value: operation("select", [e.test, e.rare, register(name, e.type, e.lanes)]) },
    ]);
    this.registers.delete(name);
    this.push(instruction("end"));
  }

  registerOf(name: string): number {
    const local = this.registers.get(name);
    if (local === undefined) throw new FoveaError(`[wasm] register ${name} is not declared`);
    return local;
  }

  // Conditions.

  branch(test: Test, type: ValueType | "none", yes: () => void, no?: () => void): void {
    if (test === true) yes();
    else if (test === false) no?.();
    else {
      this.push(...test, instruction("if", typeByte(type)));
      yes();
      if (no) {
        this.push(instruction("else"));
        no();
      }
      this.push(instruction("end"));
    }
  }

  all(tests: readonly Test[]): Test {
    if (tests.includes(false)) return false;
    const code: Code = [];
    for (const test of tests) {
      if (typeof test === "boolean") continue;
      if (code.length > 0) code.push(...test, instruction("i32.and"));
      else code.push(...test);
    }
    return code.length > 0 ? code : true;
  }

  guard(guard: Guard): Test {
    return this.all(guard.map(({ index, extent }) => this.bound(index, extent)));
  }

  /** `0 ≤ index < extent` as one unsigned comparison, hoisted out of the loops in which the index is invariant. */
  bound(index: Index, extent: number): Test {
    if (extent <= 0) return false;
    if (index.low >= 0 && index.high < extent) return true;
    const form = this.scope.form(index);
    if (form.terms.length === 0) return form.constant >= 0 && form.constant < extent;
    const compare = (): Code => [
      ...this.addresses.value(form),
      instruction("i32.const", extent),
      instruction("i32.lt_u"),
    ];
    const depth = depthOf(form.terms);
    if (depth === this.addresses.depth) return compare();
    return this.addresses.hoisted(`${form.constant}+${keyOf(form.terms)}<${extent}`, depth, compare);
  }

  // Values.

  /** Pushes the value of an expression: its temporary if it has one, else newly computed. */
  value(e: Expr): void {
    const local = this.temporaries.get(e.key);
    if (local !== undefined) this.push(instruction("local.get", local));
    else this.expressions.push(e);
  }

  isTemporary(e: Expr): boolean {
    return this.temporaries.has(e.key);
  }

  isCheap(e: Expr): boolean {
    return e.kind === "register" || e.kind === "const" || this.isTemporary(e);
  }

  inLocal(e: Expr): LocalValue {
    const known = e.kind === "register" ? this.registers.get(e.name) : this.temporaries.get(e.key);
    if (known !== undefined) return { local: known, owned: false };
    const local = this.fn.allocate(typeOf(e));
    this.value(e);
    this.push(instruction("local.set", local));
    return { local, owned: true };
  }
}
