/**
 * Integer index expressions in affine normal form: a constant plus a sum of coefficient × atom, where an atom is a loop
 * variable or a quotient or remainder of another index. Ranges are tracked, so that the divisions and remainders of
 * reshapes and blocked layouts cancel. Pure data; must not know tensors or printing.
 */

/** A loop variable that runs over [0, extent). */
export interface LoopVar {
  readonly name: string;
  readonly extent: number;
}

type Atom =
  | { readonly kind: "var"; readonly variable: LoopVar; readonly key: string }
  | { readonly kind: "div" | "mod"; readonly of: Index; readonly by: number; readonly key: string };

interface Term {
  readonly atom: Atom;
  readonly coefficient: number;
}

/** `offset + Σ coefficient · atom`, terms sorted by key; `low` and `high` bound the value (inclusive). */
export interface Index {
  readonly offset: number;
  readonly terms: readonly Term[];
  readonly low: number;
  readonly high: number;
  readonly key: string;
}

/** The condition `0 ≤ index < extent`. */
export interface Bound {
  readonly index: Index;
  readonly extent: number;
}
/** A conjunction of bounds; empty means always true. */
export type Guard = readonly Bound[];

function atomRange(atom: Atom): [number, number] {
  if (atom.kind === "var") return [0, Math.max(0, atom.variable.extent - 1)];
  if (atom.kind === "mod") return [0, atom.by - 1];
  return [Math.floor(atom.of.low / atom.by), Math.floor(atom.of.high / atom.by)];
}

function make(offset: number, terms: Term[]): Index {
  const nonzero = terms.filter((term) => term.coefficient !== 0);
  nonzero.sort((a, b) => (a.atom.key < b.atom.key ? -1 : a.atom.key > b.atom.key ? 1 : 0));
  let low = offset;
  let high = offset;
  let key = String(offset);
  for (const { atom, coefficient } of nonzero) {
    const [from, to] = atomRange(atom);
    low += coefficient * (coefficient > 0 ? from : to);
    high += coefficient * (coefficient > 0 ? to : from);
    key += `+${coefficient}*${atom.key}`;
  }
  return { offset, terms: nonzero, low, high, key };
}

export const constant = (value: number): Index => make(value, []);
export const zero = constant(0);
export const variable = (of: LoopVar): Index =>
  of.extent === 1 ? zero : make(0, [{ atom: { kind: "var", variable: of, key: of.name }, coefficient: 1 }]);

export function add(a: Index, b: Index): Index {
  if (b.terms.length === 0) return b.offset === 0 ? a : make(a.offset + b.offset, [...a.terms]);
  const merged = new Map<string, Term>();
  for (const term of [...a.terms, ...b.terms]) {
    const known = merged.get(term.atom.key);
    merged.set(term.atom.key, known ? { atom: term.atom, coefficient: known.coefficient + term.coefficient } : term);
  }
  return fuseDivMod(a.offset + b.offset, merged);
}

export const scale = (a: Index, factor: number): Index =>
  factor === 1
    ? a
    : make(
        a.offset * factor,
        a.terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient * factor })),
      );

export const plus = (a: Index, value: number): Index => add(a, constant(value));
export const minus = (a: Index, b: Index): Index => add(a, scale(b, -1));

/** Simplifies (x div d) · d·c + (x mod d) · c to x · c. */
function fuseDivMod(offset: number, merged: Map<string, Term>): Index {
  for (const { atom, coefficient } of merged.values()) {
    if (atom.kind !== "mod") continue;
    const quotient = div(atom.of, atom.by);
    const [whole] = quotient.terms;
    if (quotient.offset !== 0 || quotient.terms.length !== 1 || whole.coefficient !== 1) continue;
    const partner = merged.get(whole.atom.key);
    if (partner && partner.coefficient === coefficient * atom.by) {
      merged.delete(atom.key);
      merged.delete(partner.atom.key);
      return add(make(offset, [...merged.values()]), scale(atom.of, coefficient));
    }
  }
  return make(offset, [...merged.values()]);
}

/** Splits an index into by · quotient + rest: terms whose coefficient is a multiple of `by`, and the others. */
function split(a: Index, by: number): { quotient: Index; rest: Index } {
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (const { atom, coefficient } of a.terms) {
    const multiple = Math.floor(coefficient / by);
    if (coefficient % by === 0) whole.push({ atom, coefficient: multiple });
    else rest.push({ atom, coefficient });
  }
  const multiple = Math.floor(a.offset / by);
  return { quotient: make(multiple, whole), rest: make(a.offset - multiple * by, rest) };
}

/** ⌊a / by⌋ */
export function div(a: Index, by: number): Index {
  if (by === 1) return a;
  const { quotient, rest } = split(a, by);
  if (rest.low >= 0 && rest.high < by) return quotient;
  const only = rest.terms.length === 1 && rest.offset === 0 ? rest.terms[0] : undefined;
  if (only && only.coefficient === 1 && only.atom.kind === "div") {
    return add(quotient, div(only.atom.of, only.atom.by * by));
  }
  const parts = splitByUnit(rest, by);
  if (parts) return add(quotient, div(parts.whole, by / parts.unit));
  const key = `(${rest.key})/${by}`;
  return add(quotient, make(0, [{ atom: { kind: "div", of: rest, by, key }, coefficient: 1 }]));
}

/** a − by · ⌊a / by⌋ */
export function mod(a: Index, by: number): Index {
  if (by === 1) return zero;
  const { rest } = split(a, by);
  if (rest.low >= 0 && rest.high < by) return rest;
  const parts = splitByUnit(rest, by);
  if (parts) return add(scale(mod(parts.whole, by / parts.unit), parts.unit), parts.fine);
  const key = `(${rest.key})%${by}`;
  return make(0, [{ atom: { kind: "mod", of: rest, by, key }, coefficient: 1 }]);
}

/**
 * Splits a into unit · whole + fine with 0 ≤ fine < unit, for the largest unit > 1 that divides `by`; null if there is
 * none.
 */
function splitByUnit(a: Index, by: number): { unit: number; whole: Index; fine: Index } | null {
  const units = [...new Set(a.terms.map(({ coefficient }) => gcd(by, Math.abs(coefficient))))].sort((x, y) => y - x);
  for (const unit of units) {
    if (unit === 1) return null;
    const remainder = ((a.offset % unit) + unit) % unit;
    const fine = make(
      remainder,
      a.terms.filter(({ coefficient }) => coefficient % unit !== 0),
    );
    if (fine.low < 0 || fine.high >= unit) continue;
    const terms = a.terms.filter(({ coefficient }) => coefficient % unit === 0);
    const scaled = terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient / unit }));
    return { unit, whole: make((a.offset - remainder) / unit, scaled), fine };
  }
  return null;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** True if the index contains the variable. */
export function depends(a: Index, name: string): boolean {
  return a.terms.some(({ atom }) => (atom.kind === "var" ? atom.variable.name === name : depends(atom.of, name)));
}

/** The change of the index per step of the variable; null if it is not affine in the variable. */
export function strideOf(a: Index, name: string): number | null {
  let stride = 0;
  for (const { atom, coefficient } of a.terms) {
    if (atom.kind === "var") stride += atom.variable.name === name ? coefficient : 0;
    else if (depends(atom.of, name)) return null;
  }
  return stride;
}

/** Replaces loop variables by name. */
export function substitute(a: Index, values: ReadonlyMap<string, Index>): Index {
  let sum = constant(a.offset);
  for (const { atom, coefficient } of a.terms) {
    let value: Index;
    if (atom.kind === "var") value = values.get(atom.variable.name) ?? variable(atom.variable);
    else value = (atom.kind === "div" ? div : mod)(substitute(atom.of, values), atom.by);
    sum = add(sum, scale(value, coefficient));
  }
  return sum;
}

/** Drops bounds that always hold or are implied by another bound; null if one can never hold. */
export function simplifyGuard(guard: Guard): Guard | null {
  const byKey = new Map<string, Bound>();
  for (const bound of guard) {
    if (bound.index.high < 0 || bound.index.low >= bound.extent) return null;
    if (bound.index.low >= 0 && bound.index.high < bound.extent) continue;
    byKey.set(`${bound.index.key}<${bound.extent}`, bound);
  }
  const bounds = [...byKey.values()];
  return bounds.filter((bound) => !bounds.some((other) => other !== bound && implies(other, bound)));
}

/** True if `stronger`, 0 ≤ x < n, implies `weaker`, 0 ≤ ⌊x / by⌋ < extent: if n ≤ by · extent. */
function implies(stronger: Bound, weaker: Bound): boolean {
  const [term] = weaker.index.terms;
  if (weaker.index.terms.length !== 1 || weaker.index.offset !== 0 || term.coefficient !== 1) return false;
  const { atom } = term;
  return atom.kind === "div" && atom.of.key === stronger.index.key && stronger.extent <= atom.by * weaker.extent;
}

export const guardKey = (guard: Guard): string => guard.map((bound) => `${bound.index.key}<${bound.extent}`).join("&");

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let size = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = size;
    size *= shape[axis];
  }
  return strides;
}

/** The row-major position of coordinates in a shape. */
export function flatten(coordinates: readonly Index[], shape: readonly number[]): Index {
  const strides = stridesOf(shape);
  return coordinates.reduce((sum, coordinate, axis) => add(sum, scale(coordinate, strides[axis])), zero);
}

/** The coordinates of a row-major position in a shape. */
export function unflatten(position: Index, shape: readonly number[]): Index[] {
  const strides = stridesOf(shape);
  return shape.map((extent, axis) => (extent === 1 ? zero : mod(div(position, strides[axis]), extent)));
}
