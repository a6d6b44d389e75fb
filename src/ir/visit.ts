/** Traversals of the loop language: over statements, expressions and loads. */
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
      return e.indirect ? [e.indirect.value] : [];
    default:
      return [];
  }
}

/**
 * All distinct subexpressions, operands before users (depth-first post-order). Iterative, so that long chains do not
 * overflow the stack.
 *
 * @param operands - the operands to follow. Default: all
 * @param skip - expressions to omit together with their operands. Default: none
 */
export function operandsFirst(
  roots: readonly Expr[],
  operands: (e: Expr) => readonly Expr[] = operandsOf,
  skip: (e: Expr) => boolean = () => false,
): Expr[] {
  const found: Expr[] = [];
  const seen = new Set<string>();
  const path: { readonly e: Expr; readonly below: readonly Expr[]; next: number }[] = [];
  const enter = (e: Expr): void => {
    if (seen.has(e.key) || skip(e)) return;
    seen.add(e.key);
    path.push({ e, below: operands(e), next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (path.length > 0) {
      const last = path[path.length - 1];
      if (last.next < last.below.length) {
        enter(last.below[last.next++]);
        continue;
      }
      found.push(last.e);
      path.pop();
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

/** Replaces loop variables by indices; where `known` returns an expression for a load, that replaces the load. */
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
    const result = done.get(e.key) ?? rebuilt(e);
    done.set(e.key, result);
    return result;
  };
  const rebuilt = (e: Expr): Expr => {
    switch (e.kind) {
      case "index":
        return indexValue(index(e.index), width);
      case "test":
        return testOf(guard(e.guard), width);
      case "load": {
        const indirect = e.indirect && { ...e.indirect, value: visit(e.indirect.value) };
        return known(e) ?? load(e.buffer, e.memory, index(e.index), guard(e.guard), width, indirect);
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

/** A statement that holds others. */
export type Block = Stmt & { readonly kind: "for" | "if" | "let" | "indirect" };

export const isBlock = (s: Stmt): s is Block =>
  s.kind === "for" || s.kind === "if" || s.kind === "let" || s.kind === "indirect";

/** Calls `visit` for every statement, outer before inner. */
function eachStmt(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const statement of body) {
    visit(statement);
    if (isBlock(statement)) eachStmt(statement.body, visit);
  }
}

/** The expressions that a statement evaluates, not those of nested statements. */
export function exprsOf(s: Stmt): readonly Expr[] {
  if (s.kind === "declare") return [s.init];
  return s.kind === "set" || s.kind === "store" || s.kind === "indirect" ? [s.value] : [];
}

/** The names of the buffers and scratch arrays that a part accesses. */
export function memoryOf(part: Part): ReadonlySet<string> {
  const names = new Set<string>();
  eachPartStmt([part], (s) => {
    if (s.kind === "store" || s.kind === "prefetch") names.add(s.buffer);
    for (const { buffer } of loadsOf(exprsOf(s))) names.add(buffer);
  });
  return names;
}

/** Calls `visit` for every statement of every part. */
export function eachPartStmt(parts: readonly Part[], visit: (s: Stmt) => void): void {
  for (const part of parts) eachStmt(part.body, visit);
}
