/**
 * Assigns addresses and indices to locals. Addresses that differ by a constant share one local; the constants become
 * offsets of the accesses. Two loop optimizations are done here, since V8 does few of them for WebAssembly: strength
 * reduction (an address that is affine in a loop variable is an induction variable, set in the preheader and
 * incremented in the latch) and loop-invariant code motion (everything else is computed at the start of the innermost
 * loop in which it changes). Must not know expressions.
 */
import type { LoopVar } from "../../ir/index-math.js";
import { type AffineForm, type Atom, depthOf, type IndexScope, keyOf, minOf, type Term } from "./affine-form.js";
import { type Code, type FunctionCode, instruction } from "./code.js";
import type { Instruction } from "./instructions.js";

/**
 * Bytes below which a device must place no buffer of a kernel: addresses before the start of a buffer, which are
 * computed but not accessed under a guard, then never wrap.
 */
export const LOW_BYTES = 1 << 20;

/** A use of a base local: its constant, and the instruction whose first argument becomes constant - least constant. */
interface Use {
  readonly instruction: Instruction;
  constant: number;
}
/** A local that holds the sum of some terms plus the least constant of its uses. */
interface BaseLocal {
  readonly local: number;
  readonly uses: Use[];
}
/** A base that is computed at the start of each iteration of its loop. */
interface RecomputedBase extends BaseLocal {
  /** The instruction that adds the least constant; null if `outer` includes it. */
  readonly step: Instruction | null;
  /** The use of the base of an outer loop that this one is computed from. */
  readonly outer: Use | null;
}
/** An induction variable: a base that grows by `stride` per iteration of its loop. */
interface InductionBase extends BaseLocal {
  readonly buffer: string | null;
  /** The loop-invariant terms of its start value. */
  readonly rest: readonly Term[];
  readonly stride: number;
}
/** A loop that is being emitted; level 0 is the function itself. */
interface Level {
  readonly atom: Atom;
  readonly extent: number;
  /** The local that holds the value of the variable; null if it is that of a loop. */
  readonly fixed: number | null;
  readonly preheader: Code;
  /** Code at the start of the loop body. */
  readonly bodyStart: Code;
  /** Code at the end of the loop body: increments and the branch back. */
  readonly latch: Code;
  /** Pushes whether all iterations are done. */
  readonly exitTest: Code;
  readonly bases: Map<string, BaseLocal>;
  readonly recomputed: RecomputedBase[];
  readonly induction: InductionBase[];
  /** Locals of quotients, remainders and conditions. */
  readonly values: Map<string, number>;
}

/** An address: a base local plus a constant. */
export interface Address {
  readonly base: BaseLocal;
  readonly constant: number;
}

export class AddressLocals {
  private readonly levels: Level[] = [];
  private readonly bufferLocals = new Map<string, number>();
  private readonly entry: Code = [];

  constructor(
    private readonly fn: FunctionCode,
    private readonly scope: IndexScope,
    private readonly task: number,
    /** Code that pushes the address of a buffer. */
    private readonly pushBuffer: (buffer: string) => Code,
  ) {}

  get depth(): number {
    return this.levels.length - 1;
  }

  /**
   * Enters a loop; the first call, with the variable over tasks, enters the function.
   *
   * @param fixed - the local that holds the variable's value, for a block that runs once. Default: a loop
   */
  open(variable: LoopVar, fixed: number | null = this.levels.length === 0 ? this.task : null): Level {
    const atom = this.scope.open(variable, this.levels.length);
    const level: Level = {
      atom,
      extent: variable.extent,
      fixed,
      preheader: this.levels.length === 0 ? this.entry : [],
      bodyStart: [],
      latch: [],
      exitTest: [],
      bases: new Map(),
      recomputed: [],
      induction: [],
      values: new Map(),
    };
    this.levels.push(level);
    return level;
  }

  /**
   * Leaves the innermost loop: all uses of its locals are known, so constants are distributed and increments emitted.
   */
  close(): void {
    const level = this.levels[this.levels.length - 1];
    for (const base of level.recomputed) {
      const min = foldConstants(base);
      if (base.outer) base.outer.constant = min;
      if (base.step) base.step.args[0] = min;
    }
    const starts = level.induction.map((base) => foldConstants(base));
    this.levels.pop();
    level.induction.forEach((base, i) => {
      level.preheader.push(...this.startValue(base, starts[i]), instruction("local.set", base.local));
    });
    if (level.fixed === null) this.incrementInduction(level, starts);
  }

  private startValue({ buffer, rest }: InductionBase, min: number): Code {
    if (rest.length > 0) return this.get({ base: this.base(buffer, rest), constant: min });
    if (buffer === null) return [instruction("i32.const", min)];
    return [instruction("local.get", this.bufferLocal(buffer)), instruction("i32.add_const", min)];
  }

  /** Emits the increments of the induction variables; one of them also serves as the loop counter. */
  private incrementInduction(level: Level, starts: readonly number[]): void {
    const { induction, extent, preheader, latch, exitTest } = level;
    const plain = induction.findIndex(({ buffer, rest }) => buffer === null && rest.length === 0);
    const counter: InductionBase = induction[Math.max(0, plain)] ?? { local: this.fn.local("i32"), stride: 1 };
    for (const { local, stride } of induction) {
      if (local !== counter.local) latch.push(...addTo(local, stride));
    }
    let end: Instruction;
    if (induction.length === 0) {
      preheader.push(instruction("i32.const", 0), instruction("local.set", counter.local));
      end = instruction("i32.const", extent);
    } else if (plain >= 0) {
      end = instruction("i32.const", starts[plain] + counter.stride * extent);
    } else {
      const limit = this.fn.local("i32");
      preheader.push(instruction("local.get", counter.local), instruction("i32.add_const", counter.stride * extent));
      preheader.push(instruction("local.set", limit));
      end = instruction("local.get", limit);
    }
    const compare = [instruction("local.get", counter.local), end];
    exitTest.push(...compare, instruction("i32.eq"));
    latch.push(...addTo(counter.local, counter.stride), ...compare, instruction("i32.ne"), instruction("br_if", 0));
  }

  /** The address of an element; `form` is its byte offset. */
  addressOf(buffer: string, form: AffineForm): Address {
    if (minOf(form) >= -LOW_BYTES) return { base: this.base(buffer, form.terms), constant: form.constant };
    return { base: this.base(buffer, form.terms, form.constant), constant: form.constant };
  }

  /** Code that pushes the value of a form. */
  value(form: AffineForm): Code {
    if (form.terms.length === 0) return [instruction("i32.const", form.constant)];
    return this.get({ base: this.base(null, form.terms), constant: form.constant });
  }

  private get({ base, constant }: Address): Code {
    const step = instruction("i32.add_const", 0);
    base.uses.push({ instruction: step, constant });
    return [instruction("local.get", base.local), step];
  }

  /** A value that is computed once per iteration of the loop at `depth`; `key` identifies it. */
  hoisted(key: string, depth: number, code: () => Code): Code {
    const { values, bodyStart } = this.levels[depth];
    let local = values.get(key);
    if (local === undefined) {
      const made = code();
      local = this.fn.local("i32");
      bodyStart.push(...made, instruction("local.set", local));
      values.set(key, local);
    }
    return [instruction("local.get", local)];
  }

  private bufferLocal(buffer: string): number {
    const known = this.bufferLocals.get(buffer);
    if (known !== undefined) return known;
    const local = this.fn.local("i32");
    this.entry.push(...this.pushBuffer(buffer), instruction("local.set", local));
    this.bufferLocals.set(buffer, local);
    return local;
  }

  /** The base local of a buffer (or none) plus terms. With `only`, it is not shared with uses of another constant. */
  private base(buffer: string | null, terms: readonly Term[], only: number | null = null): BaseLocal {
    const depth = depthOf(terms);
    const level = this.levels[depth];
    const key = `${buffer}+${keyOf(terms)}${only === null ? "" : `@${only}`}`;
    const known = level.bases.get(key);
    if (known) return known;
    const inThisLoop = terms.filter(({ atom }) => atom.depth === depth);
    const opaque = inThisLoop.filter(({ atom }) => level.fixed !== null || atom.kind !== "variable");
    const made =
      opaque.length > 0 || level.fixed !== null
        ? this.recomputedBase(level, buffer, terms, opaque)
        : this.inductionBase(level, buffer, terms, inThisLoop[0].coefficient);
    level.bases.set(key, made);
    return made;
  }

  private inductionBase(level: Level, buffer: string | null, terms: readonly Term[], stride: number): BaseLocal {
    const rest = terms.filter(({ atom }) => atom !== level.atom);
    const base: InductionBase = { local: this.fn.local("i32"), uses: [], buffer, rest, stride };
    level.induction.push(base);
    return base;
  }

  private recomputedBase(
    level: Level,
    buffer: string | null,
    terms: readonly Term[],
    opaque: readonly Term[],
  ): BaseLocal {
    const rest = terms.filter((term) => !opaque.includes(term));
    const parts: Code[] = opaque.map(({ atom, coefficient }) => [...this.atom(atom), ...times(coefficient)]);
    let outer: Use | null = null;
    let step: Instruction | null = null;
    if (rest.length > 0) {
      const inner = this.base(buffer, rest);
      const adjust = instruction("i32.add_const", 0);
      outer = { instruction: adjust, constant: 0 };
      inner.uses.push(outer);
      parts.unshift([instruction("local.get", inner.local), adjust]);
    } else {
      step = instruction("i32.add_const", 0);
      if (buffer !== null) parts.unshift([instruction("local.get", this.bufferLocal(buffer))]);
    }
    const base: RecomputedBase = { local: this.fn.local("i32"), uses: [], step, outer };
    level.recomputed.push(base);
    parts.forEach((part, i) => {
      level.bodyStart.push(...part);
      if (i > 0) level.bodyStart.push(instruction("i32.add"));
    });
    if (step) level.bodyStart.push(step);
    level.bodyStart.push(instruction("local.set", base.local));
    return base;
  }

  /** Code that pushes the value of an atom. */
  private atom(atom: Atom): Code {
    if (atom.kind === "variable") {
      const { fixed } = this.levels[atom.depth];
      if (fixed !== null) return [instruction("local.get", fixed)];
      return this.value({ constant: 0, terms: [{ atom, coefficient: 1 }] });
    }
    return this.hoisted(atom.key, atom.depth, () => [...this.value(atom.of), ...divided(atom.by, atom.kind)]);
  }
}

/** Finds the least constant of the uses of a base, patches the difference into every use, and returns it. */
function foldConstants({ uses }: BaseLocal): number {
  const min = uses.reduce((low, { constant }) => Math.min(low, constant), Number.POSITIVE_INFINITY);
  for (const use of uses) use.instruction.args[0] = use.constant - min;
  return min;
}

const addTo = (local: number, amount: number): Code => [
  instruction("local.get", local),
  instruction("i32.add_const", amount),
  instruction("local.set", local),
];

function times(factor: number): Code {
  if (factor === 1) return [];
  const shift = Math.log2(factor);
  if (Number.isInteger(shift)) return [instruction("i32.const", shift), instruction("i32.shl")];
  return [instruction("i32.const", factor), instruction("i32.mul")];
}

function divided(by: number, kind: "quotient" | "remainder"): Code {
  const shift = Math.log2(by);
  if (!Number.isInteger(shift))
    return [instruction("i32.const", by), instruction(kind === "quotient" ? "i32.div_u" : "i32.rem_u")];
  if (kind === "quotient") return [instruction("i32.const", shift), instruction("i32.shr_u")];
  return [instruction("i32.const", by - 1), instruction("i32.and")];
}
