/**
 * The code of one function under construction, and its locals. Code is a tree of instruction lists, so that the encoder
 * can fill in the preheader of a loop after it has emitted the body. Must not know kernels.
 */
import { Bytes } from "./bytes.js";
import { encode, type Instruction, type Op, typeByte, type ValueType } from "./instructions.js";

export type Code = (Instruction | Code)[];

export const instruction = (op: Op | "i32.add_const", ...args: number[]): Instruction => ({ op, args });

function* flatten(code: Code): Generator<Instruction> {
  for (const entry of code) {
    if (Array.isArray(entry)) yield* flatten(entry);
    else yield entry;
  }
}

/**
 * Peephole pass: a `local.set` followed by a `local.get` of the same local becomes a `local.tee`; additions of 0 are
 * dropped.
 */
function tidy(code: Code): Instruction[] {
  const result: Instruction[] = [];
  for (const next of flatten(code)) {
    if (next.op === "i32.add_const" && next.args[0] === 0) continue;
    const last = result[result.length - 1];
    if (next.op === "local.get" && last?.op === "local.set" && last.args[0] === next.args[0]) {
      result[result.length - 1] = instruction("local.tee", last.args[0]);
    } else result.push(next);
  }
  return result;
}

export class FunctionCode {
  readonly code: Code = [];
  private readonly locals: ValueType[] = [];
  private readonly free: Readonly<Record<ValueType, number[]>> = { i32: [], f32: [], v128: [] };

  constructor(private readonly parameters: number) {}

  /** A new local that is never reused. */
  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** A local for temporary use: a released one if there is one of the type, else a new one. */
  allocate(type: ValueType): number {
    return this.free[type].pop() ?? this.local(type);
  }

  /** Makes a local available to later calls of `allocate`. */
  release(local: number): void {
    this.free[this.locals[local - this.parameters]].push(local);
  }

  /** The function's body in binary form: its locals, run-length encoded by type, then the code. */
  body(): Bytes {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs[runs.length - 1];
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const bytes = new Bytes().unsigned(runs.length);
    for (const { type, count } of runs) bytes.unsigned(count).byte(typeByte(type));
    for (const each of tidy(this.code)) encode(each, bytes);
    return bytes.byte(0x0b);
  }
}
