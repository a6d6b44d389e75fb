/**
 * How many steps an inner loop makes at once: where addresses hold quotients or remainders of its variable, so many that
 * each becomes a plain multiple of the loop's count. Knows no instruction.
 */
import type { Guard, Index, LoopVar } from "../../ir/index-math.js";
import type { Stmt } from "../../ir/loops.js";
import { eachExpr, exprsOf } from "../../ir/visit.js";
import { isStraight, type Straight } from "../sharing.js";

/** More copies of a body cost more than divisions. */
const MOST_STEPS = 8;
const MOST_STATEMENTS = 4;

/** The indices that statements evaluate. */
function indicesOf(body: readonly Straight[]): Index[] {
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

/** The steps after which the quotients and remainders in an index have moved by a whole number. */
function periodOf({ terms }: Index, name: string): number {
  return terms.reduce((period, { atom }) => {
    if (atom.kind === "var") return period;
    const moves = atom.of.terms.filter((term) => term.atom.kind === "var" && term.atom.variable.name === name);
    const own = moves.reduce(
      (most, { coefficient }) => leastCommon(most, atom.by / gcd(atom.by, Math.abs(coefficient))),
      1,
    );
    return leastCommon(leastCommon(period, own), periodOf(atom.of, name));
  }, 1);
}

/** Steps to make at once; 1 where nothing is gained. */
export function stepsTogether(variable: LoopVar, body: readonly Stmt[]): number {
  const straight = body.filter(isStraight);
  if (straight.length < body.length || straight.length > MOST_STATEMENTS) return 1;
  const steps = indicesOf(straight).reduce((period, index) => leastCommon(period, periodOf(index, variable.name)), 1);
  return steps <= MOST_STEPS && variable.extent % steps === 0 ? steps : 1;
}
