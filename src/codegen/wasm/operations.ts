/**
 * Code for scalar ops: instruction templates of their records, fused multiply-adds, and ops without vector instructions
 * lane by lane. It must not know other expressions.
 */
import type { Expr } from "../../ir/loops.js";
import { scalarOps } from "../../ir/scalar/index.js";
import { FoveaError } from "../../util/errors.js";
import { instruction } from "./code.js";
import { isOp, type ValueType } from "./instructions.js";
import { type Emitter, LANES, splatConstant, typeOf } from "./values.js";

type Operation = Expr & { readonly kind: "op" };
type Splat = Expr & { readonly kind: "splat" };

/** An operand of an operation. */
export interface Operand {
  readonly type: ValueType;
  readonly push: () => void;
  /** True if the operand is in a local or a constant, so that it may be pushed more than once. */
  readonly free: boolean;
}

export class OperationCode {
  /**
   * @param splat - pushes a scalar broadcast to all lanes
   * @param relaxed - true if multiply-adds are fused
   */
  constructor(
    private readonly emitter: Emitter,
    private readonly splat: (e: Splat) => void,
    private readonly relaxed: boolean,
  ) {}

  /** Pushes the result of an operation. */
  push(e: Operation): void {
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
      free: this.emitter.isCheap(arg),
      push: () => this.emitter.value(arg),
    }));
    this.template(text, operands, typeOf(e), () => this.emitter.value(scalars[scalars.length - 1]));
  }

  /**
   * Emits a · b + x or x - a · b as one instruction; false if `e` has neither form. Scalars are fused in the same cases
   * and by the same instruction as vectors, and a product with other uses is fused too: otherwise a result would depend
   * on whether its element belongs to a full vector or to the scalar remainder.
   */
  private tryFused(e: Operation): boolean {
    if (!this.relaxed || e.type !== "f32" || (e.op !== "add" && e.op !== "sub")) return false;
    const [first, second] = e.args;
    const product = (x: Expr): Operation | null => {
      if (x.kind === "splat") return product(x.arg);
      return x.kind === "op" && x.op === "mul" ? x : null;
    };
    const operand = (x: Expr): void => {
      if (x.lanes > 1) this.emitter.value(x);
      else this.splat({ kind: "splat", arg: x, type: x.type, lanes: LANES, key: x.key });
    };
    const fuse = (mul: Operation, other: Expr): true => {
      for (const x of [...mul.args, other]) operand(x);
      this.emitter.push(instruction(e.op === "add" ? "f32x4.relaxed_madd" : "f32x4.relaxed_nmadd"));
      if (e.lanes === 1) this.emitter.push(instruction("f32x4.extract_lane", 0));
      return true;
    };
    const mul = product(second);
    if (mul) return fuse(mul, first);
    const other = e.op === "add" ? product(first) : null;
    return other ? fuse(other, second) : false;
  }

  private laneByLane(e: Operation, text: string | null): void {
    if (text === null) throw new FoveaError(`[wasm] ${e.op} has no instructions for scalars`);
    const inLocal = e.args.map((arg) => this.emitter.inLocal(arg));
    const prefix = e.type === "f32" ? "f32x4" : "i32x4";
    this.emitter.push(splatConstant(0));
    for (let lane = 0; lane < LANES; lane++) {
      const operands = e.args.map((arg, i): Operand => {
        const type = arg.type === "f32" ? "f32" : "i32";
        const push = () =>
          this.emitter.push(instruction("local.get", inLocal[i].local), instruction(`${type}x4.extract_lane`, lane));
        return { type, free: false, push };
      });
      this.template(text, operands, e.type === "f32" ? "f32" : "i32");
      this.emitter.push(instruction(`${prefix}.replace_lane`, lane));
    }
    for (const { local, owned } of inLocal) if (owned) this.emitter.fn.release(local);
  }

  /**
   * Emits the instruction template of an operation (`wasm` in its scalar record). Operands `a`, `b`, `c` that the
   * template reads more than once are saved in locals.
   *
   * @param scalar - pushes the last operand as a scalar (`b0` in a template)
   */
  template(text: string, operands: readonly Operand[], result: ValueType, scalar: (() => void) | null = null): void {
    const words = text.split(" ");
    const saved = new Map<string, number>();
    for (let i = 0; i < words.length; ) {
      const word = words[i++];
      const operand = operands["abc".indexOf(word)];
      const local = saved.get(word);
      if (local !== undefined) this.emitter.push(instruction("local.get", local));
      else if (operand && word.length === 1) {
        operand.push();
        if (!operand.free && words.includes(word, i)) {
          const copy = this.emitter.fn.allocate(operand.type);
          this.emitter.push(instruction("local.tee", copy));
          saved.set(word, copy);
        }
      } else if (word === "b0") scalar?.();
      else if (word.startsWith("=")) {
        const name = word.slice(1);
        const copy = saved.get(name) ?? this.emitter.fn.allocate(result);
        this.emitter.push(instruction("local.set", copy));
        saved.set(name, copy);
      } else if (isOp(word)) {
        const args: number[] = [];
        while (i < words.length && /^-?\d+$/.test(words[i])) args.push(Number(words[i++]));
        this.emitter.push(instruction(word, ...args));
      } else throw new FoveaError(`[wasm] unknown instruction ${word} (in "${text}")`);
    }
    for (const local of saved.values()) this.emitter.fn.release(local);
  }
}
