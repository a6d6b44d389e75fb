/**
 * Indices as sums over what the function's code can hold in locals: loop variables, quotients and remainders, each tied to
 * the loop in which it changes. Names that a kernel gives to indices are expanded, so that an address stays a sum of loop
 * variables wherever it is one. Knows no instruction.
 */
import type { Index, LoopVar } from "../../ir/index-math.js";

/** Something that an index adds up, and how deep the loop is in which it changes: 0 outside all loops. */
export type Atom = { readonly key: string; readonly depth: number; readonly low: number; readonly high: number } & (
  | { readonly kind: "variable" }
  /** ⌊of / by⌋ or its remainder, of a value that is not negative. */
  | { readonly kind: "quotient" | "remainder"; readonly of: Form; readonly by: number }
);
export interface Term {
  readonly atom: Atom;
  readonly coefficient: number;
}
/** `constant + Σ coefficient · atom` */
export interface Form {
  readonly constant: number;
  readonly terms: readonly Term[];
}

/** The depth of the innermost loop in which the form changes. */
export const depthOf = (terms: readonly Term[]): number =>
  terms.reduce((most, { atom }) => Math.max(most, atom.depth), 0);

export const keyOf = (terms: readonly Term[]): string =>
  terms.map(({ atom, coefficient }) => `${coefficient}*${atom.key}`).join("+");

/** The least value of the form, whatever guards say. */
export const lowOf = ({ constant, terms }: Form): number =>
  terms.reduce((sum, { atom, coefficient }) => sum + coefficient * (coefficient > 0 ? atom.low : atom.high), constant);
const highOf = ({ constant, terms }: Form): number =>
  terms.reduce((sum, { atom, coefficient }) => sum + coefficient * (coefficient > 0 ? atom.high : atom.low), constant);

export const scaled = ({ constant, terms }: Form, factor: number): Form => ({
  constant: constant * factor,
  terms: terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient * factor })),
});

function sum(parts: readonly Form[]): Form {
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

/** Loop variables and named indices by name, as seen from one place of a kernel. */
export class Names {
  private readonly forms = new Map<string, Form>();

  open({ name, extent }: LoopVar, depth: number): Atom {
    const atom: Atom = { kind: "variable", key: name, depth, low: 0, high: Math.max(0, extent - 1) };
    this.forms.set(name, { constant: 0, terms: [{ atom, coefficient: 1 }] });
    return atom;
  }

  bind(name: string, index: Index): void {
    this.forms.set(name, this.form(index));
  }

  form(index: Index): Form {
    const parts: Form[] = [{ constant: index.offset, terms: [] }];
    for (const { atom, coefficient } of index.terms) {
      if (atom.kind === "var") {
        const known = this.forms.get(atom.variable.name);
        if (known) parts.push(scaled(known, coefficient));
        continue;
      }
      const of = this.form(atom.of);
      // Instructions divide what is not negative: a multiple of the divisor is added first.
      const lift = Math.max(0, Math.ceil(-atom.of.low / atom.by));
      const value = atom.kind === "div" ? this.quotient(of, atom.by, lift) : this.remainder(of, atom.by, lift);
      parts.push(scaled(value, coefficient));
    }
    return sum(parts);
  }

  private quotient(of: Form, by: number, lift: number): Form {
    const parts = split(of, by);
    if (parts) return parts.whole;
    const lifted = { ...of, constant: of.constant + lift * by };
    const [low, high] = [lowOf(of), highOf(of)].map((bound) => Math.floor(bound / by) + lift);
    const atom: Atom = { kind: "quotient", ...shared(lifted, by, "/"), of: lifted, by, low, high };
    return { constant: -lift, terms: [{ atom, coefficient: 1 }] };
  }

  private remainder(of: Form, by: number, lift: number): Form {
    const parts = split(of, by);
    if (parts) return parts.rest;
    const lifted = { ...of, constant: of.constant + lift * by };
    const atom: Atom = { kind: "remainder", ...shared(lifted, by, "%"), of: lifted, by, low: 0, high: by - 1 };
    return { constant: 0, terms: [{ atom, coefficient: 1 }] };
  }
}

/** Writes a form as by · whole + rest with 0 ≤ rest < by, where its terms show that: as in loops of several steps at once. */
function split({ constant, terms }: Form, by: number): { whole: Form; rest: Form } | null {
  const multiple = Math.floor(constant / by);
  const rest = {
    constant: constant - multiple * by,
    terms: terms.filter(({ coefficient }) => coefficient % by !== 0),
  };
  if (lowOf(rest) < 0 || highOf(rest) >= by) return null;
  const whole = terms.filter(({ coefficient }) => coefficient % by === 0);
  return { whole: { constant: multiple, terms: scaled({ constant: 0, terms: whole }, 1 / by).terms }, rest };
}

const shared = (of: Form, by: number, sign: string): { key: string; depth: number } => ({
  key: `(${of.constant}+${keyOf(of.terms)})${sign}${by}`,
  depth: depthOf(of.terms),
});
