/** Walks over the loop language: expressions of statements, loads of expressions. */
import * as ix from "./index-math.js";
import {
  castTo,
  type Expr,
  extractFirst,
  foldLanes,
  indexValue,
  type Load,
  load,
  operation,
  type Part,
  type Stmt,
  shuffle,
  splat,
  testOf,
  unlikely,
} from "./loops.js";

/** The direct operands of an expression. */
export function operandsOf(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "op":
      return e.args;
    case "cast":
    case "splat":
    case "fold":
    case "extract":
      return [e.arg];
    case "shuffle":
      return [e.a, e.b];
    case "unlikely":
      return [e.test, e.usual, e.rare];
    case "load":
      return e.pick ? [e.pick.value] : [];
    default:
      return [];
  }
}

/**
 * Every distinct subexpression, operands before what uses them, in the order of a depth-first search. Iterative, so that
 * long chains do not exhaust the stack.
 *
 * @param operands - what is below an expression
 * @param skip - expressions to leave out with all that is below them
 */
export function operandsFirst(
  roots: readonly Expr[],
  operands: (e: Expr) => readonly Expr[] = operandsOf,
  skip: (e: Expr) => boolean = () => false,
): Expr[] {
  const found: Expr[] = [];
  const seen = new Set<string>();
  const way: { readonly e: Expr; readonly below: readonly Expr[]; next: number }[] = [];
  const enter = (e: Expr): void => {
    if (seen.has(e.key) || skip(e)) return;
    seen.add(e.key);
    way.push({ e, below: operands(e), next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (way.length > 0) {
      const last = way[way.length - 1];
      if (last.next < last.below.length) {
        enter(last.below[last.next++]);
        continue;
      }
      found.push(last.e);
      way.pop();
    }
  }
  return found;
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

/** The expression with loop variables replaced by indices, except where `known` has another expression for a load. */
export function substituteExpr(
  root: Expr,
  values: ReadonlyMap<string, ix.Index>,
  width: number,
  known: (e: Expr & Load) => Expr | null,
): Expr {
  const index = (of: ix.Index) => ix.substitute(of, values);
  const guard = (of: ix.Guard) => of.map((bound) => ({ index: index(bound.index), extent: bound.extent }));
  const done = new Map<string, Expr>();
  const visit = (e: Expr): Expr => {
    const made = done.get(e.key) ?? rebuilt(e);
    done.set(e.key, made);
    return made;
  };
  const rebuilt = (e: Expr): Expr => {
    switch (e.kind) {
      case "index":
        return indexValue(index(e.index), width);
      case "test":
        return testOf(guard(e.guard), width);
      case "load": {
        const pick = e.pick && { ...e.pick, value: visit(e.pick.value) };
        return known(e) ?? load(e.buffer, e.memory, index(e.index), guard(e.guard), width, pick);
      }
      case "op":
        return operation(e.op, e.args.map(visit));
      case "cast":
        return castTo(visit(e.arg), e.type);
      case "splat":
        return splat(visit(e.arg), e.lanes);
      case "fold":
        return foldLanes(e.reduce, visit(e.arg));
      case "extract":
        return extractFirst(visit(e.arg));
      case "unlikely":
        return unlikely(visit(e.test), visit(e.rare), visit(e.usual));
      case "shuffle":
        return shuffle(visit(e.a), visit(e.b), e.mask);
      default:
        return e;
    }
  };
  return visit(root);
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
