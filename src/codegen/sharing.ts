/**
 * What a run of statements has in common: which expressions are worth a temporary, and before which statement each is
 * computed. Knows no target's syntax.
 */
import type { Expr, Part, Stmt } from "../ir/loops.js";
import { eachPartStmt, exprsOf, operandsFirst, operandsOf } from "../ir/visit.js";

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

/** Operations inside one another that are printed as one text: compilers limit the depth of brackets (clang: 256). */
const MOST_NESTED = 32;

/**
 * Finds the expressions that a run of statements uses more than once and that keep their value through the run, and
 * those that would nest too deep. An expression with a condition always becomes a temporary, since it takes statements
 * to compute it.
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
  const uses = countUses(run, known, fuses);
  const changing = findChanging(run, mutable);
  /** How deep the text of an expression nests, from the temporaries in it. */
  const depths = new Map<string, number>();
  const isNamed = (e: Expr): boolean => {
    const depth = evaluated(e).reduce((most, { key }) => Math.max(most, depths.get(key) ?? 0), 0) + 1;
    const leaf = e.kind === "const" || e.kind === "register";
    const worth = (uses.get(e.key) ?? 0) > 1 || depth > MOST_NESTED;
    const named = e.kind === "unlikely" || (worth && !leaf && !changing.has(e.key));
    depths.set(e.key, named ? 0 : depth);
    return named;
  };
  const done = new Set<string>();
  return run.map((statement) => {
    const found = operandsFirst(exprsOf(statement), evaluated, ({ key }) => known.has(key) || done.has(key));
    // A condition in what changes is evaluated again for every statement that reads it.
    for (const { key } of found) if (!changing.has(key)) done.add(key);
    return { statement, temporaries: found.filter(isNamed) };
  });
}

/** How often the statements read each expression, by key. */
function countUses(
  run: readonly Straight[],
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

/** Keys of the expressions whose value changes within the run. */
function findChanging(run: readonly Straight[], mutable: ReadonlySet<string>): ReadonlySet<string> {
  const stored = new Set(run.flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const changing = new Set<string>();
  for (const e of operandsFirst(run.flatMap(exprsOf))) {
    const itself = (e.kind === "register" && mutable.has(e.name)) || (e.kind === "load" && stored.has(e.buffer));
    if (itself || operandsOf(e).some(({ key }) => changing.has(key))) changing.add(e.key);
  }
  return changing;
}
