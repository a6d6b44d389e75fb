/**
 * What a run of statements has in common: which expressions are worth a temporary, and before which statement each is
 * computed. Knows no target's syntax.
 */
import type { Expr, Part, Stmt } from "../ir/loops.js";
import { eachPartStmt, exprsOf, operandsOf } from "../ir/visit.js";

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

/** The operands that are evaluated wherever the expression is: what is behind a condition has statements of its own. */
const evaluated = (e: Expr): readonly Expr[] => (e.kind === "unlikely" ? [e.test, e.usual] : operandsOf(e));

/**
 * Finds the expressions that a run of statements uses more than once and that keep their value through the run. An
 * expression with a condition always becomes a temporary, since it takes statements to compute it.
 *
 * @param known - keys of expressions that have a temporary already
 * @param fuses - whether sums take the factors of a product instead of the product, so that both may be read
 */
export function shareRun(
  run: readonly Straight[],
  mutable: ReadonlySet<string>,
  known: ReadonlyMap<string, unknown>,
  fuses: boolean,
): Sharing[] {
  const uses = new Map<string, number>();
  const counted = new Set<string>();
  const count = (e: Expr): void => {
    if (known.has(e.key)) return;
    const add = (x: Expr) => uses.set(x.key, (uses.get(x.key) ?? 0) + 1);
    add(e);
    if (counted.has(e.key)) {
      if (fuses && e.kind === "op" && e.op === "mul") e.args.forEach(add);
      return;
    }
    counted.add(e.key);
    evaluated(e).forEach(count);
  };
  for (const s of run) exprsOf(s).forEach(count);
  const stored = new Set(run.flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const changing = new Map<string, boolean>();
  const changes = (e: Expr): boolean => {
    const known = changing.get(e.key);
    if (known !== undefined) return known;
    const itself = (e.kind === "register" && mutable.has(e.name)) || (e.kind === "load" && stored.has(e.buffer));
    const found = itself || operandsOf(e).some(changes);
    changing.set(e.key, found);
    return found;
  };
  const shared = (e: Expr) => (uses.get(e.key) ?? 0) > 1 && e.kind !== "const" && e.kind !== "register" && !changes(e);
  const done = new Set<string>();
  return run.map((statement) => {
    const temporaries: Expr[] = [];
    const visited = new Set<string>();
    const collect = (e: Expr): void => {
      if (known.has(e.key) || done.has(e.key) || visited.has(e.key)) return;
      visited.add(e.key);
      for (const x of evaluated(e)) collect(x);
      if (e.kind === "unlikely" || shared(e)) temporaries.push(e);
      // A condition in what changes is evaluated again for every statement that reads it.
      if (!changes(e)) done.add(e.key);
    };
    exprsOf(statement).forEach(collect);
    return { statement, temporaries };
  });
}
