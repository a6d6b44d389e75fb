/**
 * Code for expressions: pushes the value of constants, registers, indices, conditions, conversions, broadcasts and
 * folds. `operations.ts` emits scalar ops, `memory.ts` loads. It must not know statements.
 */
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE } from "../../ir/loops.js";
import { type ScalarName, scalarOps } from "../../ir/scalar/index.js";
import { FoveaError } from "../../util/errors.js";
import { instruction } from "./code.js";
import type { MemoryCode } from "./memory.js";
import { type Operand, OperationCode } from "./operations.js";
import { at, type Emitter, LANES, splatConstant, type Test, typeOf, vectorConstant } from "./values.js";

export class ExpressionCode {
  private readonly operations: OperationCode;

  /** @param relaxed - true if multiply-adds are fused */
  constructor(
    private readonly emitter: Emitter,
    private readonly memory: MemoryCode,
    relaxed: boolean,
  ) {
    this.operations = new OperationCode(emitter, (e) => this.splat(e), relaxed);
  }

  /** Pushes the value of an expression, newly computed. */
  push(e: Expr): void {
    const type = typeOf(e);
    switch (e.kind) {
      case "const":
        this.emitter.push(instruction(type === "f32" ? "f32.const" : "i32.const", e.value));
        break;
      case "register":
        this.emitter.push(instruction("local.get", this.emitter.registerOf(e.name)));
        break;
      case "index":
        if (e.lanes === 1) this.emitter.push(...this.emitter.addresses.value(this.emitter.scope.form(e.index)));
        else this.ramp(e.index);
        break;
      case "test":
        if (e.lanes === 1) this.test(this.emitter.guard(e.guard));
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
        this.emitter.value(e.arg);
        this.emitter.push(instruction(type === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", 0));
        if (e.type === "bool") this.emitter.push(instruction("i32.const", 1), instruction("i32.and"));
        break;
      case "unlikely":
        throw new FoveaError("[wasm] an `unlikely` expression has no temporary");
      case "shuffle":
        this.emitter.value(e.a);
        this.emitter.value(e.b);
        this.emitter.push(
          instruction("i8x16.shuffle", ...e.mask.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))),
        );
        break;
      case "op":
        this.operations.push(e);
        break;
    }
  }

  private test(test: Test): void {
    if (typeof test === "boolean") this.emitter.push(instruction("i32.const", Number(test)));
    else this.emitter.push(...test);
  }

  /** Pushes a vector with the value of an index in each lane. */
  private ramp(index: Index): void {
    const stride = ix.strideOf(index, LANE);
    this.emitter.push(
      ...this.emitter.addresses.value(this.emitter.scope.form(at(index, 0))),
      instruction("i32x4.splat"),
    );
    for (let lane = 1; lane < LANES && stride === null; lane++)
      this.emitter.push(
        ...this.emitter.addresses.value(this.emitter.scope.form(at(index, lane))),
        instruction("i32x4.replace_lane", lane),
      );
    if (stride === null || stride === 0) return;
    this.emitter.push(vectorConstant([0, stride, 2 * stride, 3 * stride], "i32"));
    this.emitter.push(instruction("i32x4.add"));
  }

  private guardMask(guard: Guard): void {
    guard.forEach(({ index, extent }, i) => {
      if (ix.depends(index, LANE)) {
        this.ramp(index);
        this.emitter.push(splatConstant(extent));
        this.emitter.push(instruction("i32x4.lt_u"));
      } else this.broadcastMask(() => this.test(this.emitter.bound(index, extent)));
      if (i > 0) this.emitter.push(instruction("v128.and"));
    });
  }

  /** Broadcasts a truth value, 0 or 1, to a mask whose lanes are 0 or -1. */
  private broadcastMask(push: () => void): void {
    this.emitter.push(instruction("i32.const", 0));
    push();
    this.emitter.push(instruction("i32.sub"), instruction("i32x4.splat"));
  }

  splat({ arg, type }: Expr & { kind: "splat" }): void {
    const known = this.emitter.isTemporary(arg);
    if (arg.kind === "const" && type === "bool") this.emitter.push(splatConstant(-arg.value));
    else if (arg.kind === "const") this.emitter.push(splatConstant(arg.value, type === "f32" ? "f32" : "i32"));
    else if (arg.kind === "load" && !known && this.memory.loadSplat(arg)) return;
    else if (type === "bool") this.broadcastMask(() => this.emitter.value(arg));
    else {
      this.emitter.value(arg);
      this.emitter.push(instruction(type === "f32" ? "f32x4.splat" : "i32x4.splat"));
    }
  }

  private cast({ arg, type, lanes }: Expr & { kind: "cast" }): void {
    const from = arg.type;
    this.emitter.value(arg);
    if (type === "bool") {
      if (lanes > 1) this.emitter.push(splatConstant(0));
      else this.emitter.push(instruction(from === "f32" ? "f32.const" : "i32.const", 0));
      const suffix = from === "f32" ? "f32" : "i32";
      this.emitter.push(instruction(lanes > 1 ? `${suffix}x4.ne` : `${suffix}.ne`));
      return;
    }
    if (from === "bool" && lanes > 1) this.emitter.push(instruction("i32x4.neg"));
    if (type === "f32" && from !== "f32")
      this.emitter.push(instruction(lanes > 1 ? "f32x4.convert_i32x4_s" : "f32.convert_i32_s"));
    if (type === "i32" && from === "f32")
      this.emitter.push(instruction(lanes > 1 ? "i32x4.trunc_sat_f32x4_s" : "i32.trunc_sat_f32_s"));
  }

  /** Reduces the lanes of a vector pairwise, first lanes i and i + 2, then i and i + 1: the order of all targets. */
  private fold({ arg, reduce, type }: Expr & { kind: "fold" }): void {
    const op: ScalarName = reduce === "sum" ? "add" : reduce === "prod" ? "mul" : reduce;
    const context = { lanes: LANES, type: type === "f32" ? ("f32" as const) : ("i32" as const) };
    const text = scalarOps[op].wasm?.({ ...context, constants: [null, null], uniform: false });
    if (!text) throw new FoveaError(`[wasm] there are no instructions to fold lanes by ${reduce}`);
    const local = this.emitter.fn.allocate("v128");
    const half: Operand = { type: "v128", free: true, push: () => this.emitter.push(instruction("local.get", local)) };
    this.emitter.value(arg);
    this.emitter.push(instruction("local.set", local));
    for (const width of [2, 1]) {
      const other = this.emitter.fn.allocate("v128");
      half.push();
      half.push();
      const lanes = [0, 1, 2, 3].map((lane) => (lane + width) % LANES);
      this.emitter.push(
        instruction("i8x16.shuffle", ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))),
      );
      this.emitter.push(instruction("local.set", other));
      this.operations.template(
        text,
        [half, { type: "v128", free: true, push: () => this.emitter.push(instruction("local.get", other)) }],
        "v128",
      );
      this.emitter.push(instruction("local.set", local));
      this.emitter.fn.release(other);
    }
    half.push();
    this.emitter.push(instruction(type === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", 0));
    this.emitter.fn.release(local);
  }
}
