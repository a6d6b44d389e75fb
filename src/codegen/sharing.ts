/**
 * What a run of statements has in common: which expressions are worth a temporary, and before which statement each is
 * computed. Knows no target's syntax.
 */
import type { Expr, Part, Stmt } from "../ir/loops.js";
import { eachExpr, eachPartStmt, exprsOf, operandsOf } from "../ir/visit.js";

/** Statements without control flow of their own. */
export type Straight = Stmt & { readonly kind: "declare" | "set" | "store" | "prefetch" };

export const isStraight = (s: Stmt): s is Straight => s.kind !== "for" && s.kind !== "if" && s.kind !== "let";

/** A statement, and the temporaries to compute before it, in order. */
export interface Sharing {
  readonly statement: Straight;
  readonly temporaries: readonly Expr[];
}

/** The names of the registers that a part sets again after their declaration. */
export function mutableNames(part: Part): Set<string> {
  const names = new Set<string>();
  eachPartStmt([part], (s) => {
    if (s.kind === "set") names.add(s.name);
  });
  return names;
}

/** Finds the expressions that a run of statements uses more than once and that keep their value through the run. */
export function shareRun(run: readonly Straight[], mutable: ReadonlySet<string>): Sharing[] {
  const uses = new Map<string, number>();
  const counted = new Set<string>();
  const count = (e: Expr): void => {
    uses.set(e.key, (uses.get(e.key) ?? 0) + 1);
    if (counted.has(e.key)) return;
    counted.add(e.key);
    operandsOf(e).forEach(count);
  };
  for (const s of run) exprsOf(s).forEach(count);
  const stored = new Set(run.flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const changes = (e: Expr): boolean => {
    let found = false;
    eachExpr([e], (x) => {
      found ||= (x.kind === "register" && mutable.has(x.name)) || (x.kind === "load" && stored.has(x.buffer));
    });
    return found;
  };
  const shared = (e: Expr) => (uses.get(e.key) ?? 0) > 1 && e.kind !== "const" && e.kind !== "register" && !changes(e);
  const done = new Set<string>();
  return run.map((statement) => {
    const temporaries: Expr[] = [];
    const prepare = (e: Expr): void => {
      if (done.has(e.key)) return;
      done.add(e.key);
      for (const x of operandsOf(e)) prepare(x);
      if (shared(e)) temporaries.push(e);
    };
    exprsOf(statement).forEach(prepare);
    return { statement, temporaries };
  });
}
