/**
 * Code for the parts of a kernel: statements and expressions of the loop language as instructions of a stack machine.
 * `address-locals.ts` assigns addresses to locals, `memory.ts` emits loads and stores.
 */
import type { Guard, Index, LoopVar } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, type Kernel, LANE, operation, type Part, register, type Stmt, TASK } from "../../ir/loops.js";
import { type ScalarName, scalarOps } from "../../ir/scalar/index.js";
import { FoveaError } from "../../util/errors.js";
import { isStraightLine, mutableNames, type StraightLine, shareSubexpressions } from "../sharing.js";
import { inOrderOfUse, isAccumulation } from "./accumulation.js";
import { AddressLocals } from "./address-locals.js";
import { depthOf, IndexScope, keyOf } from "./affine-form.js";
import { type Code, FunctionCode, instruction } from "./code.js";
import { isOp, typeByte, type ValueType } from "./instructions.js";
import { MemoryCode } from "./memory.js";
import { unrollFactor } from "./unroll.js";
import { at, type Emitter, LANES, type LocalValue, type Test, typeOf } from "./values.js";

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

type Operation = Expr & { readonly kind: "op" };
/** An operand of an operation. */
interface Operand {
  readonly type: ValueType;
  readonly push: () => void;
  /** True if the operand is in a local or a constant, so that it may be pushed more than once. */
  readonly free: boolean;
}

const loopStart = instruction("loop", typeByte("none"));
const end = instruction("end");

/** The bytes of a vector of four 32-bit numbers. */
function vectorBytes(values: readonly number[], type: "f32" | "i32"): number[] {
  const view = new DataView(new ArrayBuffer(16));
  values.forEach((value, lane) => {
    if (type === "f32") view.setFloat32(4 * lane, value, true);
    else view.setInt32(4 * lane, value, true);
  });
  return [...new Uint8Array(view.buffer)];
}

export class PartEmitter implements Emitter {
  readonly fn = new FunctionCode(PARAMETERS);
  readonly scope = new IndexScope();
  readonly addresses: AddressLocals;
  private readonly memory = new MemoryCode(this);
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
          this.expression(e);
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

  private registerOf(name: string): number {
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

  // Expressions: each method pushes the value.

  /** Pushes the value of an expression: its temporary if it has one, else newly computed. */
  value(e: Expr): void {
    const local = this.temporaries.get(e.key);
    if (local !== undefined) this.push(instruction("local.get", local));
    else this.expression(e);
  }

  inLocal(e: Expr): LocalValue {
    const known = e.kind === "register" ? this.registers.get(e.name) : this.temporaries.get(e.key);
    if (known !== undefined) return { local: known, owned: false };
    const local = this.fn.allocate(typeOf(e));
    this.value(e);
    this.push(instruction("local.set", local));
    return { local, owned: true };
  }

  private expression(e: Expr): void {
    const type = typeOf(e);
    switch (e.kind) {
      case "const":
        this.push(instruction(type === "f32" ? "f32.const" : "i32.const", e.value));
        break;
      case "register":
        this.push(instruction("local.get", this.registerOf(e.name)));
        break;
      case "index":
        if (e.lanes === 1) this.push(...this.addresses.value(this.scope.form(e.index)));
        else this.ramp(e.index);
        break;
      case "test":
        if (e.lanes === 1) this.pushTest(this.guard(e.guard));
        else this.guardMask(e.guard);
        break;
      case "load":
        this.memory.load(e);
        break;
      case "cast":
        this.cast(e);
        break;
      case "splat":
        this.splat(e);
        break;
      case "fold":
        this.fold(e);
        break;
      case "extract":
        this.value(e.arg);
        this.push(instruction(type === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", 0));
        if (e.type === "bool") this.push(instruction("i32.const", 1), instruction("i32.and"));
        break;
      case "unlikely":
        throw new FoveaError("[wasm] an `unlikely` expression has no temporary");
      case "shuffle":
        this.value(e.a);
        this.value(e.b);
        this.push(
          instruction("i8x16.shuffle", ...e.mask.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))),
        );
        break;
      case "op":
        this.operation(e);
        break;
    }
  }

  private pushTest(test: Test): void {
    if (typeof test === "boolean") this.push(instruction("i32.const", Number(test)));
    else this.push(...test);
  }

  vector(values: readonly number[], type: "f32" | "i32"): void {
    this.push(instruction("v128.const", ...vectorBytes(values, type)));
  }
  splatConstant(value: number, type: "f32" | "i32" = "i32"): void {
    this.vector([value, value, value, value], type);
  }

  /** Pushes a vector with the value of an index in each lane. */
  private ramp(index: Index): void {
    const stride = ix.strideOf(index, LANE);
    this.push(...this.addresses.value(this.scope.form(at(index, 0))), instruction("i32x4.splat"));
    for (let lane = 1; lane < LANES && stride === null; lane++)
      this.push(...this.addresses.value(this.scope.form(at(index, lane))), instruction("i32x4.replace_lane", lane));
    if (stride === null || stride === 0) return;
    this.vector([0, stride, 2 * stride, 3 * stride], "i32");
    this.push(instruction("i32x4.add"));
  }

  private guardMask(guard: Guard): void {
    guard.forEach(({ index, extent }, i) => {
      if (ix.depends(index, LANE)) {
        this.ramp(index);
        this.splatConstant(extent);
        this.push(instruction("i32x4.lt_u"));
      } else this.broadcastMask(() => this.pushTest(this.bound(index, extent)));
      if (i > 0) this.push(instruction("v128.and"));
    });
  }

  /** Broadcasts a truth value, 0 or 1, to a mask whose lanes are 0 or -1. */
  private broadcastMask(push: () => void): void {
    this.push(instruction("i32.const", 0));
    push();
    this.push(instruction("i32.sub"), instruction("i32x4.splat"));
  }

  private splat({ arg, type }: Expr & { kind: "splat" }): void {
    const known = this.temporaries.has(arg.key);
    if (arg.kind === "const" && type === "bool") this.splatConstant(-arg.value);
    else if (arg.kind === "const") this.splatConstant(arg.value, type === "f32" ? "f32" : "i32");
    else if (arg.kind === "load" && !known && this.memory.loadSplat(arg)) return;
    else if (type === "bool") this.broadcastMask(() => this.value(arg));
    else {
      this.value(arg);
      this.push(instruction(type === "f32" ? "f32x4.splat" : "i32x4.splat"));
    }
  }

  private cast({ arg, type, lanes }: Expr & { kind: "cast" }): void {
    const from = arg.type;
    this.value(arg);
    if (type === "bool") {
      if (lanes > 1) this.splatConstant(0);
      else this.push(instruction(from === "f32" ? "f32.const" : "i32.const", 0));
      const suffix = from === "f32" ? "f32" : "i32";
      this.push(instruction(lanes > 1 ? `${suffix}x4.ne` : `${suffix}.ne`));
      return;
    }
    if (from === "bool" && lanes > 1) this.push(instruction("i32x4.neg"));
    if (type === "f32" && from !== "f32")
      this.push(instruction(lanes > 1 ? "f32x4.convert_i32x4_s" : "f32.convert_i32_s"));
    if (type === "i32" && from === "f32")
      this.push(instruction(lanes > 1 ? "i32x4.trunc_sat_f32x4_s" : "i32.trunc_sat_f32_s"));
  }

  /** Reduces the lanes of a vector pairwise, first lanes i and i + 2, then i and i + 1: the order of all targets. */
  private fold({ arg, reduce, type }: Expr & { kind: "fold" }): void {
    const op: ScalarName = reduce === "sum" ? "add" : reduce === "prod" ? "mul" : reduce;
    const context = { lanes: LANES, type: type === "f32" ? ("f32" as const) : ("i32" as const) };
    const text = scalarOps[op].wasm?.({ ...context, constants: [null, null], uniform: false });
    if (!text) throw new FoveaError(`[wasm] there are no instructions to fold lanes by ${reduce}`);
    const local = this.fn.allocate("v128");
    const half: Operand = { type: "v128", free: true, push: () => this.push(instruction("local.get", local)) };
    this.value(arg);
    this.push(instruction("local.set", local));
    for (const width of [2, 1]) {
      const other = this.fn.allocate("v128");
      half.push();
      half.push();
      const lanes = [0, 1, 2, 3].map((lane) => (lane + width) % LANES);
      this.push(instruction("i8x16.shuffle", ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))));
      this.push(instruction("local.set", other));
      this.template(
        text,
        [half, { type: "v128", free: true, push: () => this.push(instruction("local.get", other)) }],
        "v128",
      );
      this.push(instruction("local.set", local));
      this.fn.release(other);
    }
    half.push();
    this.push(instruction(type === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", 0));
    this.fn.release(local);
  }

  // Operations.

  private operation(e: Operation): void {
    if (this.tryFused(e)) return;
    const { wasm } = scalarOps[e.op];
    const { type } = e.args[e.args.length - 1];
    if (!wasm) throw new FoveaError(`[wasm] ${e.op} has no instructions: it must be decomposed`);
    if (type === "f64") throw new FoveaError(`[wasm] there is no code for f64 (in ${e.op})`);
    const scalars = e.args.map((arg) => (arg.kind === "splat" ? arg.arg : arg));
    const constants = scalars.map((arg) => (arg.kind === "const" ? arg.value : null));
    const last = e.args[e.args.length - 1];
    const text = wasm({ lanes: e.lanes, type, constants, uniform: last.kind === "splat" });
    if (text === null) {
      this.laneByLane(e, wasm({ lanes: 1, type, constants, uniform: false }));
      return;
    }
    const operands = e.args.map((arg) => ({
      type: typeOf(arg),
      free: arg.kind === "register" || arg.kind === "const" || this.temporaries.has(arg.key),
      push: () => this.value(arg),
    }));
    this.template(text, operands, typeOf(e), () => this.value(scalars[scalars.length - 1]));
  }

  /**
   * Emits a · b + x or x - a · b as one instruction; false if `e` has neither form. Scalars are fused in the same cases
   * and by the same instruction as vectors, and a product with other uses is fused too: otherwise a result would depend
   * on whether its element belongs to a full vector or to the scalar remainder.
   */
  private tryFused(e: Operation): boolean {
    if (!this.options.relaxed || e.type !== "f32" || (e.op !== "add" && e.op !== "sub")) return false;
    const [first, second] = e.args;
    const product = (x: Expr): Operation | null => {
      if (x.kind === "splat") return product(x.arg);
      return x.kind === "op" && x.op === "mul" ? x : null;
    };
    const operand = (x: Expr): void => {
      if (x.lanes > 1) this.value(x);
      else this.splat({ kind: "splat", arg: x, type: x.type, lanes: LANES, key: x.key });
    };
    const fuse = (mul: Operation, other: Expr): true => {
      for (const x of [...mul.args, other]) operand(x);
      this.push(instruction(e.op === "add" ? "f32x4.relaxed_madd" : "f32x4.relaxed_nmadd"));
      if (e.lanes === 1) this.push(instruction("f32x4.extract_lane", 0));
      return true;
    };
    const mul = product(second);
    if (mul) return fuse(mul, first);
    const other = e.op === "add" ? product(first) : null;
    return other ? fuse(other, second) : false;
  }

  private laneByLane(e: Operation, text: string | null): void {
    if (text === null) throw new FoveaError(`[wasm] ${e.op} has no instructions for scalars`);
    const inLocal = e.args.map((arg) => this.inLocal(arg));
    const prefix = e.type === "f32" ? "f32x4" : "i32x4";
    this.splatConstant(0);
    for (let lane = 0; lane < LANES; lane++) {
      const operands = e.args.map((arg, i): Operand => {
        const type = arg.type === "f32" ? "f32" : "i32";
        const push = () =>
          this.push(instruction("local.get", inLocal[i].local), instruction(`${type}x4.extract_lane`, lane));
        return { type, free: false, push };
      });
      this.template(text, operands, e.type === "f32" ? "f32" : "i32");
      this.push(instruction(`${prefix}.replace_lane`, lane));
    }
    for (const { local, owned } of inLocal) if (owned) this.fn.release(local);
  }

  /**
   * Emits the instruction template of an operation (`wasm` in its scalar record). Operands `a`, `b`, `c` that the
   * template reads more than once are saved in locals.
   *
   * @param scalar - pushes the last operand as a scalar (`b0` in a template)
   */
  private template(
    text: string,
    operands: readonly Operand[],
    result: ValueType,
    scalar: (() => void) | null = null,
  ): void {
    const words = text.split(" ");
    const saved = new Map<string, number>();
    for (let i = 0; i < words.length; ) {
      const word = words[i++];
      const operand = operands["abc".indexOf(word)];
      const local = saved.get(word);
      if (local !== undefined) this.push(instruction("local.get", local));
      else if (operand && word.length === 1) {
        operand.push();
        if (!operand.free && words.includes(word, i)) {
          const copy = this.fn.allocate(operand.type);
          this.push(instruction("local.tee", copy));
          saved.set(word, copy);
        }
      } else if (word === "b0") scalar?.();
      else if (word.startsWith("=")) {
        const name = word.slice(1);
        const copy = saved.get(name) ?? this.fn.allocate(result);
        this.push(instruction("local.set", copy));
        saved.set(name, copy);
      } else if (isOp(word)) {
        const args: number[] = [];
        while (i < words.length && /^-?\d+$/.test(words[i])) args.push(Number(words[i++]));
        this.push(instruction(word, ...args));
      } else throw new FoveaError(`[wasm] unknown instruction ${word} (in "${text}")`);
    }
    for (const local of saved.values()) this.fn.release(local);
  }
}
