/**
 * Common-subexpression elimination within straight-line code: which expressions become temporaries, and before which
 * statement each is computed. Must not know the syntax of a target.
 */
import type { Expr, Part, Stmt } from "../ir/loops.js";
import { eachPartStmt, exprsOf, isBlock, operandsFirst, operandsOf } from "../ir/visit.js";

/** Statements without nested statements. */
export type StraightLine = Stmt & { readonly kind: "declare" | "set" | "store" | "prefetch" };

export const isStraightLine = (s: Stmt): s is StraightLine => !isBlock(s);

/** A statement, and the expressions to compute into temporaries before it, in order. */
export interface SharedStatement {
  readonly statement: StraightLine;
  readonly temporaries: readonly Expr[];
}

/** The names of the registers that a part assigns after their declaration. */
export function mutableNames(part: Part): Set<string> {
  const names = new Set<string>();
  eachPartStmt([part], (s) => {
    if (s.kind === "set") names.add(s.name);
  });
  return names;
}

/** The operands that are evaluated unconditionally; `rare` is computed in a conditional block. */
const evaluated = (e: Expr): readonly Expr[] => (e.kind === "unlikely" ? [e.test, e.usual] : operandsOf(e));

/** Limit of nested operations in one printed expression: C compilers limit the depth of brackets (clang: 256). */
const MAX_NESTING = 32;

/**
 * Finds the expressions that straight-line statements use more than once and whose value does not change between them,
 * and those that would nest too deep. An `unlikely` expression always becomes a temporary, because only statements can
 * compute it.
 *
 * @param known - keys of expressions that already have a temporary
 * @param fuses - true if the target fuses a · b + c: an addition then reads the factors, so each addition counts as a
 *   use
 */
export function shareSubexpressions(
  run: readonly StraightLine[],
  mutable: ReadonlySet<string>,
  known: ReadonlyMap<string, unknown>,
  fuses: boolean,
): SharedStatement[] {
  const uses = countUses(run, known, fuses);
  const changing = findChanging(run, mutable);
  /** Nesting depth of the text of an expression, by key; temporaries have depth 0. */
  const depths = new Map<string, number>();
  const needsTemporary = (e: Expr): boolean => {
    const depth = evaluated(e).reduce((most, { key }) => Math.max(most, depths.get(key) ?? 0), 0) + 1;
    const leaf = e.kind === "const" || e.kind === "register";
    const worth = (uses.get(e.key) ?? 0) > 1 || depth > MAX_NESTING;
    const temporary = e.kind === "unlikely" || (worth && !leaf && !changing.has(e.key));
    depths.set(e.key, temporary ? 0 : depth);
    return temporary;
  };
  const done = new Set<string>();
  return run.map((statement) => {
    const found = operandsFirst(exprsOf(statement), evaluated, ({ key }) => known.has(key) || done.has(key));
    // An expression whose value changes is recomputed for every statement that reads it.
    for (const { key } of found) if (!changing.has(key)) done.add(key);
    return { statement, temporaries: found.filter(needsTemporary) };
  });
}

/** The number of reads of each expression, by key. */
function countUses(
  run: readonly StraightLine[],
  known: ReadonlyMap<string, unknown>,
  fuses: boolean,
): ReadonlyMap<string, number> {
  const references = new Map<string, number>();
  const count = ({ key }: Expr): void => {
    references.set(key, (references.get(key) ?? 0) + 1);
  };
  const roots = run.flatMap(exprsOf).filter(({ key }) => !known.has(key));
  const found = operandsFirst(roots, evaluated, ({ key }) => known.has(key));
  roots.forEach(count);
  for (const e of found) evaluated(e).forEach(count);
  if (!fuses) return references;
  const uses = new Map(references);
  for (const e of found) {
    if (e.kind !== "op" || e.op !== "mul") continue;
    const more = (references.get(e.key) ?? 1) - 1;
    for (const { key } of e.args) uses.set(key, (uses.get(key) ?? 0) + more);
  }
  return uses;
}

/** Keys of the expressions whose value changes between the statements. */
function findChanging(run: readonly StraightLine[], mutable: ReadonlySet<string>): ReadonlySet<string> {
  const stored = new Set(run.flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const changing = new Set<string>();
  for (const e of operandsFirst(run.flatMap(exprsOf))) {
    const itself = (e.kind === "register" && mutable.has(e.name)) || (e.kind === "load" && stored.has(e.buffer));
    if (itself || operandsOf(e).some(({ key }) => changing.has(key))) changing.add(e.key);
  }
  return changing;
}
