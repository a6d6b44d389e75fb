/**
 * Inner loops that do nothing but add to many sums: which loops those are, and in which order they add. Knows no instruction.
 */
import type { Expr, Stmt } from "../../ir/loops.js";
import { operandsOf } from "../../ir/visit.js";
import { isStraight } from "../sharing.js";

/** So many sums leave too few registers for all operands of a step at once. */
const MANY_SUMS = 6;

type Sum = Stmt & { readonly kind: "set" };
const isSum = (s: Stmt): s is Sum => s.kind === "set" && s.value.lanes > 1;

/** Whether a body sets many vector registers, each from itself and memory, and does nothing else. */
export function isTight(body: readonly Stmt[]): boolean {
  const sums = body.filter(isSum);
  const names = new Set(sums.map(({ name }) => name));
  const readsOthers = (e: Expr, own: string): boolean =>
    e.kind === "register" ? names.has(e.name) && e.name !== own : operandsOf(e).some((x) => readsOthers(x, own));
  return (
    sums.length === body.length &&
    names.size === sums.length &&
    names.size >= MANY_SUMS &&
    !sums.some(({ name, value }) => readsOthers(value, name))
  );
}

/**
 * The sums in the order that V8's scheduler keeps: it meets the sums that are stored as they are from the last store to the
 * first, or from the first to the last where conditions stand before the stores or only one side of a condition leads from
 * the loop to them, then those that are operands from the first store to the last, and adds to them in the opposite order.
 */
export function inOrderOfUse(body: readonly Stmt[], following: readonly Stmt[], fromOneSide: boolean): Stmt[] {
  const stored: Expr[] = [];
  const guarded: Expr[] = [];
  const named = new Map<string, Expr>();
  const collect = (s: Stmt, under: boolean): void => {
    if (s.kind === "store") (under || fromOneSide ? guarded : stored).push(s.value);
    else if (s.kind === "declare") named.set(s.name, s.init);
    else if (!isStraight(s)) for (const inner of s.body) collect(inner, under || s.kind === "if");
  };
  for (const s of following) collect(s, false);
  /** What stands behind the names of registers. */
  const meant = (e: Expr): Expr => {
    const init = e.kind === "register" ? named.get(e.name) : undefined;
    return init ? meant(init) : e;
  };
  const met = new Set<string>();
  const meet = (e: Expr): void => {
    const operands = operandsOf(e).map(meant);
    for (const x of operands) if (x.kind === "register") met.add(x.name);
    for (const x of operands.reverse()) if (x.kind !== "register") meet(x);
  };
  const inOrder = [...stored.map(meant).reverse(), ...guarded.map(meant)];
  for (const e of inOrder) if (e.kind === "register") met.add(e.name);
  for (const e of [...stored, ...guarded]) meet(meant(e));
  const order = [...met].reverse();
  const place = (s: Stmt): number => (s.kind === "set" ? order.indexOf(s.name) : -1);
  return [...body].sort((a, b) => place(a) - place(b));
}
