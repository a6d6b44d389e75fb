/**
 * Code of one function while it grows: a tree of instruction lists, so that what belongs before a loop can be filled in
 * when the loop's body is known, and the function's locals. Knows no kernel.
 */
import { Bytes } from "./bytes.js";
import { encode, type Instruction, type Op, typeByte, type ValueType } from "./instructions.js";

export type Code = (Instruction | Code)[];

export const instruction = (op: Op | "step", ...args: number[]): Instruction => ({ op, args });

function* flatten(code: Code): Generator<Instruction> {
  for (const entry of code) {
    if (Array.isArray(entry)) yield* flatten(entry);
    else yield entry;
  }
}

/** Sets that are read at once become tees, empty steps vanish. */
function tidy(code: Code): Instruction[] {
  const result: Instruction[] = [];
  for (const next of flatten(code)) {
    if (next.op === "step" && next.args[0] === 0) continue;
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

  /** A local of its own, never given back. */
  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** A local for a while, perhaps one that was given back. */
  borrow(type: ValueType): number {
    return this.free[type].pop() ?? this.local(type);
  }

  giveBack(local: number): void {
    this.free[this.locals[local - this.parameters]].push(local);
  }

  /** The function's body in binary form: its locals in runs of one type, then the code. */
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
