/**
 * Indices as affine forms over values that locals can hold: loop variables, quotients and remainders, each with the
 * depth of the loop in which it changes. Indices that a kernel names by `let` are expanded, so that addresses stay
 * affine in the loop variables. Must not know instructions.
 */
import type { Index, LoopVar } from "../../ir/index-math.js";

/** A summand of an index, and the depth of the innermost loop in which it changes: 0 outside all loops. */
export type Atom = { readonly key: string; readonly depth: number; readonly low: number; readonly high: number } & (
  | { readonly kind: "variable" }
  /** ⌊of / by⌋ or of mod by, where `of` is never negative. */
  | { readonly kind: "quotient" | "remainder"; readonly of: AffineForm; readonly by: number }
);
export interface Term {
  readonly atom: Atom;
  readonly coefficient: number;
}
/** `constant + Σ coefficient · atom` */
export interface AffineForm {
  readonly constant: number;
  readonly terms: readonly Term[];
}

/** The depth of the innermost loop in which the form changes. */
export const depthOf = (terms: readonly Term[]): number =>
  terms.reduce((most, { atom }) => Math.max(most, atom.depth), 0);

export const keyOf = (terms: readonly Term[]): string =>
  terms.map(({ atom, coefficient }) => `${coefficient}*${atom.key}`).join("+");

/** A lower bound of the form's value, from the ranges of its atoms; ignores guards. */
export const minOf = ({ constant, terms }: AffineForm): number =>
  terms.reduce((sum, { atom, coefficient }) => sum + coefficient * (coefficient > 0 ? atom.low : atom.high), constant);
const maxOf = ({ constant, terms }: AffineForm): number =>
  terms.reduce((sum, { atom, coefficient }) => sum + coefficient * (coefficient > 0 ? atom.high : atom.low), constant);

export const scaled = ({ constant, terms }: AffineForm, factor: number): AffineForm => ({
  constant: constant * factor,
  terms: terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient * factor })),
});

function sum(parts: readonly AffineForm[]): AffineForm {
  const merged = new Map<string, Term>();
  let constant = 0;
  for (const part of parts) {
    constant += part.constant;
    for (const { atom, coefficient } of part.terms) {
      merged.set(atom.key, { atom, coefficient: coefficient + (merged.get(atom.key)?.coefficient ?? 0) });
    }
  }
  const terms = [...merged.values()].filter(({ coefficient }) => coefficient !== 0);
  terms.sort((a, b) => (a.atom.key < b.atom.key ? -1 : a.atom.key > b.atom.key ? 1 : 0));
  return { constant, terms };
}

/** The loop variables and named indices in scope at the current position in a kernel. */
export class IndexScope {
  private readonly forms = new Map<string, AffineForm>();

  open({ name, extent }: LoopVar, depth: number): Atom {
    const atom: Atom = { kind: "variable", key: name, depth, low: 0, high: Math.max(0, extent - 1) };
    this.forms.set(name, { constant: 0, terms: [{ atom, coefficient: 1 }] });
    return atom;
  }

  bind(name: string, index: Index): void {
    this.forms.set(name, this.form(index));
  }

  form(index: Index): AffineForm {
    const parts: AffineForm[] = [{ constant: index.offset, terms: [] }];
    for (const { atom, coefficient } of index.terms) {
      if (atom.kind === "var") {
        const known = this.forms.get(atom.variable.name);
        if (known) parts.push(scaled(known, coefficient));
        continue;
      }
      const of = this.form(atom.of);
      // Unsigned division needs a non-negative dividend, so a multiple of the divisor is added first.
      const lift = Math.max(0, Math.ceil(-atom.of.low / atom.by));
      const value = atom.kind === "div" ? this.quotient(of, atom.by, lift) : this.remainder(of, atom.by, lift);
      parts.push(scaled(value, coefficient));
    }
    return sum(parts);
  }

  private quotient(of: AffineForm, by: number, lift: number): AffineForm {
    const parts = split(of, by);
    if (parts) return parts.whole;
    const lifted = { ...of, constant: of.constant + lift * by };
    const [low, high] = [minOf(of), maxOf(of)].map((bound) => Math.floor(bound / by) + lift);
    const atom: Atom = { kind: "quotient", ...shared(lifted, by, "/"), of: lifted, by, low, high };
    return { constant: -lift, terms: [{ atom, coefficient: 1 }] };
  }

  private remainder(of: AffineForm, by: number, lift: number): AffineForm {
    const parts = split(of, by);
    if (parts) return parts.rest;
    const lifted = { ...of, constant: of.constant + lift * by };
    const atom: Atom = { kind: "remainder", ...shared(lifted, by, "%"), of: lifted, by, low: 0, high: by - 1 };
    return { constant: 0, terms: [{ atom, coefficient: 1 }] };
  }
}

/**
 * Splits a form into by · whole + rest with 0 ≤ rest < by; null if its terms do not show that. Unrolled loops rely on
 * it.
 */
function split({ constant, terms }: AffineForm, by: number): { whole: AffineForm; rest: AffineForm } | null {
  const multiple = Math.floor(constant / by);
  const rest = {
    constant: constant - multiple * by,
    terms: terms.filter(({ coefficient }) => coefficient % by !== 0),
  };
  if (minOf(rest) < 0 || maxOf(rest) >= by) return null;
  const whole = terms.filter(({ coefficient }) => coefficient % by === 0);
  return { whole: { constant: multiple, terms: scaled({ constant: 0, terms: whole }, 1 / by).terms }, rest };
}

const shared = (of: AffineForm, by: number, sign: string): { key: string; depth: number } => ({
  key: `(${of.constant}+${keyOf(of.terms)})${sign}${by}`,
  depth: depthOf(of.terms),
});
