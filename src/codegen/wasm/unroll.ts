/**
 * The unroll factor of an inner loop. A loop whose addresses contain quotients or remainders of its variable is
 * unrolled so far that each of them becomes a multiple of the new loop variable plus a constant. Must not know
 * instructions.
 */
import type { Guard, Index, LoopVar } from "../../ir/index-math.js";
import type { Stmt } from "../../ir/loops.js";
import { eachExpr, exprsOf } from "../../ir/visit.js";
import { isStraightLine, type StraightLine } from "../sharing.js";

/** Above these limits, the copies of the body cost more than the divisions that they save. */
const MAX_STEPS = 8;
const MAX_STATEMENTS = 4;

/** The indices that statements evaluate. */
function indicesOf(body: readonly StraightLine[]): Index[] {
  const found: Index[] = [];
  const guard = (bounds: Guard) => found.push(...bounds.map(({ index }) => index));
  for (const s of body) {
    if (s.kind === "store") {
      found.push(s.index);
      guard(s.guard);
    }
    eachExpr(exprsOf(s), (e) => {
      if (e.kind === "load" || e.kind === "index") found.push(e.index);
      if (e.kind === "load" || e.kind === "test") guard(e.guard);
    });
  }
  return found;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const leastCommon = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** The least number of iterations by which every quotient and remainder of `name` in an index changes by a constant. */
function periodOf({ terms }: Index, name: string): number {
  return terms.reduce((period, { atom }) => {
    if (atom.kind === "var") return period;
    const moves = atom.of.terms.filter((term) => term.atom.kind === "var" && term.atom.variable.name === name);
    const direct = moves.reduce(
      (most, { coefficient }) => leastCommon(most, atom.by / gcd(atom.by, Math.abs(coefficient))),
      1,
    );
    return leastCommon(leastCommon(period, direct), periodOf(atom.of, name));
  }, 1);
}

/** Iterations per step of the unrolled loop; 1 if unrolling would simplify no index, or would copy too much code. */
export function unrollFactor(variable: LoopVar, body: readonly Stmt[]): number {
  const straight = body.filter(isStraightLine);
  if (straight.length < body.length || straight.length > MAX_STATEMENTS) return 1;
  const steps = indicesOf(straight).reduce((period, index) => leastCommon(period, periodOf(index, variable.name)), 1);
  return steps <= MAX_STEPS && variable.extent % steps === 0 ? steps : 1;
}
