/**
 * Asking for memory ahead of time, where the hardware does not foresee what a register tile will need: filters that come
 * from beyond the second-level cache, and what the work behind a tile reads and writes.
 */
import * as ix from "../../ir/index-math.js";
import { type Expr, prefetch, type Stmt } from "../../ir/loops.js";
import { exprsOf, loadsOf } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** Vectors between what is read and what is asked for. */
const AHEAD = 16;

/** Asks for what the vectors will be some steps later, where the filters are too large for the cache. */
export function askAhead({ target, lanes }: KernelBuilder, vectors: readonly Expr[], filterBytes: number): Stmt[] {
  if (filterBytes <= target.l2Bytes) return [];
  return vectors.flatMap((v) =>
    v.kind === "load" && v.pick === null ? [prefetch(v.buffer, ix.plus(v.index, AHEAD * lanes))] : [],
  );
}

/** Asks for the memory that plain statements to come read and write: they follow a loop that is longer than the wait. */
export function askFor(statements: readonly Stmt[]): Stmt[] {
  const asked = new Map<string, Stmt>();
  const ask = (buffer: string, index: ix.Index) => asked.set(`${buffer}[${index.key}]`, prefetch(buffer, index));
  for (const s of statements) {
    if (s.kind !== "declare" && s.kind !== "store") continue;
    for (const { buffer, index, stride, pick, guard } of loadsOf(exprsOf(s))) {
      if (stride === 1 && pick === null && guard.length === 0) ask(buffer, index);
    }
    if (s.kind === "store" && s.guard.length === 0) ask(s.buffer, s.index);
  }
  return [...asked.values()];
}
