/**
 * A square transposition in registers: V vectors in, V vectors out, by log₂ V rounds of two-vector shuffles (Eklundh 1972).
 */
import { declare, type Expr, register, type Stmt, shuffle, splat } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** Statements that transpose, and the registers that hold the result. */
export function transposed(builder: KernelBuilder, rows: readonly Expr[]): { statements: Stmt[]; rows: Expr[] } {
  const lanes = builder.lanes;
  const statements: Stmt[] = [];
  const named = (e: Expr): Expr => {
    const name = builder.fresh("x");
    statements.push(declare(name, splat(e, lanes)));
    return register(name, e.type, lanes);
  };
  let current = rows.map(named);
  for (let step = 1; step < lanes; step *= 2) {
    const low = Array.from({ length: lanes }, (_, lane) => ((lane & step) === 0 ? lane : lanes + lane - step));
    const high = Array.from({ length: lanes }, (_, lane) => ((lane & step) === 0 ? lane + step : lanes + lane));
    const next = [...current];
    for (let i = 0; i < lanes; i++) {
      if ((i & step) !== 0) continue;
      next[i] = named(shuffle(current[i], current[i + step], low));
      next[i + step] = named(shuffle(current[i], current[i + step], high));
    }
    current = next;
  }
  return { statements, rows: current };
}
