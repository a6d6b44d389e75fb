/** Walks over the loop language: expressions of statements, loads of expressions. */
import type { Expr, Load, Part, Stmt } from "./loops.js";

/** The direct operands of an expression. */
export function operandsOf(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "op":
      return e.args;
    case "cast":
    case "splat":
    case "fold":
      return [e.arg];
    case "shuffle":
      return [e.a, e.b];
    case "load":
      return e.pick ? [e.pick.value] : [];
    default:
      return [];
  }
}

/** Calls `visit` once for every distinct subexpression. */
export function eachExpr(roots: readonly Expr[], visit: (e: Expr) => void): void {
  const seen = new Set<string>();
  const stack = [...roots];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (seen.has(e.key)) continue;
    seen.add(e.key);
    visit(e);
    stack.push(...operandsOf(e));
  }
}

export function loadsOf(roots: readonly Expr[]): (Expr & Load)[] {
  const loads: (Expr & Load)[] = [];
  eachExpr(roots, (e) => {
    if (e.kind === "load") loads.push(e);
  });
  return loads;
}

/** Calls `visit` for every statement, outer before inner. */
function eachStmt(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const statement of body) {
    visit(statement);
    if (statement.kind === "for" || statement.kind === "if" || statement.kind === "let")
      eachStmt(statement.body, visit);
  }
}

/** The expressions that a statement itself evaluates. */
export function exprsOf(s: Stmt): readonly Expr[] {
  if (s.kind === "declare") return [s.init];
  return s.kind === "set" || s.kind === "store" ? [s.value] : [];
}

/** Calls `visit` for every statement of every part. */
export function eachPartStmt(parts: readonly Part[], visit: (s: Stmt) => void): void {
  for (const part of parts) eachStmt(part.body, visit);
}
