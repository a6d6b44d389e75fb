/**
 * Accumulation loops, the inner loops of micro-kernels: which loops they are, and the order of their additions that
 * keeps V8's scheduler from spilling registers. Must not know instructions.
 */
import type { Expr, Stmt } from "../../ir/loops.js";
import { operandsOf } from "../../ir/visit.js";
import { isStraightLine } from "../sharing.js";

/** From this number of accumulators on, too few registers remain for all operands of an iteration at once. */
const MANY_SUMS = 6;

type Sum = Stmt & { readonly kind: "set" };
const isSum = (s: Stmt): s is Sum => s.kind === "set" && s.value.lanes > 1;

/** True if a body only updates many vector accumulators, each from its previous value and memory. */
export function isAccumulation(body: readonly Stmt[]): boolean {
  const sums = body.filter(isSum);
  const names = new Set(sums.map(({ name }) => name));
  const readsOthers = (e: Expr, self: string): boolean =>
    e.kind === "register" ? names.has(e.name) && e.name !== self : operandsOf(e).some((x) => readsOthers(x, self));
  return (
    sums.length === body.length &&
    names.size === sums.length &&
    names.size >= MANY_SUMS &&
    !sums.some(({ name, value }) => readsOthers(value, name))
  );
}

/**
 * Sorts the updates of an accumulation loop into the order that V8's scheduler (scheduler.cc) keeps. The scheduler
 * visits the accumulators that are stored unchanged first: from the last store to the first, or from the first to the
 * last if the stores are conditional or control flow reaches them through one branch of a condition only. Then it
 * visits those that are operands of stored expressions, from the first store to the last. It places the updates in the
 * reverse of that order.
 *
 * @param following - statements between the loop and the end of the part
 * @param fromOneSide - whether control flow reaches `following` through one branch of a condition only
 */
export function inOrderOfUse(body: readonly Stmt[], following: readonly Stmt[], fromOneSide: boolean): Stmt[] {
  const stored: Expr[] = [];
  const guarded: Expr[] = [];
  const named = new Map<string, Expr>();
  const collect = (s: Stmt, under: boolean): void => {
    if (s.kind === "store") (under || fromOneSide ? guarded : stored).push(s.value);
    else if (s.kind === "declare") named.set(s.name, s.init);
    else if (!isStraightLine(s)) for (const inner of s.body) collect(inner, under || s.kind === "if");
  };
  for (const s of following) collect(s, false);
  /** Replaces registers by the expressions that they were declared with. */
  const resolve = (e: Expr): Expr => {
    const init = e.kind === "register" ? named.get(e.name) : undefined;
    return init ? resolve(init) : e;
  };
  const visited = new Set<string>();
  const visit = (e: Expr): void => {
    const operands = operandsOf(e).map(resolve);
    for (const x of operands) if (x.kind === "register") visited.add(x.name);
    for (const x of operands.reverse()) if (x.kind !== "register") visit(x);
  };
  const inOrder = [...stored.map(resolve).reverse(), ...guarded.map(resolve)];
  for (const e of inOrder) if (e.kind === "register") visited.add(e.name);
  for (const e of [...stored, ...guarded]) visit(resolve(e));
  const order = [...visited].reverse();
  const place = (s: Stmt): number => (s.kind === "set" ? order.indexOf(s.name) : -1);
  return [...body].sort((a, b) => place(a) - place(b));
}
