/**
 * Where addresses and indices are kept. What differs only by a constant shares one local, whose constant goes into the
 * instruction that uses it; a local that follows a loop variable is set before the loop and moved on by one addition per
 * step; everything else is computed once, at the start of the innermost loop in which it changes. Knows no expression.
 */
import type { LoopVar } from "../../ir/index-math.js";
import { type Code, type FunctionCode, instruction } from "./code.js";
import { type Atom, depthOf, type Form, keyOf, lowOf, type Names, type Term } from "./form.js";
import type { Instruction } from "./instructions.js";

/**
 * Bytes below which a device must place no buffer of a kernel: addresses before a buffer's start, which accesses under a
 * guard pass over, then never wrap.
 */
export const LOW_BYTES = 1 << 20;

/** The constant of a use, and the instruction whose first argument receives what remains of it. */
interface Use {
  readonly instruction: Instruction;
  constant: number;
}
/** A local that holds terms plus the least constant of its uses. */
interface Base {
  readonly local: number;
  readonly uses: Use[];
}
/** A base whose local is computed anew where its loop begins a step. */
interface Computed extends Base {
  /** The instruction that adds the least constant, where no other base takes it. */
  readonly step: Instruction | null;
  readonly via: Use | null;
}
/** A base that moves with a loop variable. */
interface Moving extends Base {
  readonly origin: string | null;
  readonly rest: readonly Term[];
  readonly stride: number;
}
interface Level {
  readonly atom: Atom;
  readonly extent: number;
  readonly before: Code;
  /** Done at the start of each step. */
  readonly head: Code;
  readonly after: Code;
  /** Tells whether all steps are done. */
  readonly ended: Code;
  readonly bases: Map<string, Base>;
  readonly computed: Computed[];
  readonly moving: Moving[];
  /** Locals of quotients, remainders and conditions. */
  readonly values: Map<string, number>;
}

/** An address: a base and what is to be added to it. */
export interface Place {
  readonly base: Base;
  readonly constant: number;
}

export class Places {
  private readonly levels: Level[] = [];
  private readonly origins = new Map<string, number>();
  private readonly entry: Code = [];

  constructor(
    private readonly fn: FunctionCode,
    private readonly names: Names,
    private readonly task: number,
    /** Puts the address of a buffer on the stack. */
    private readonly origin: (buffer: string) => Code,
  ) {}

  get depth(): number {
    return this.levels.length - 1;
  }

  /** Opens a loop, or with the variable over tasks the function itself. */
  open(variable: LoopVar): Level {
    const atom = this.names.open(variable, this.levels.length);
    const level: Level = {
      atom,
      extent: variable.extent,
      before: this.levels.length === 0 ? this.entry : [],
      head: [],
      after: [],
      ended: [],
      bases: new Map(),
      computed: [],
      moving: [],
      values: new Map(),
    };
    this.levels.push(level);
    return level;
  }

  /** Completes the innermost loop: everything that its body needs is known. */
  close(): void {
    const level = this.levels[this.levels.length - 1];
    for (const base of level.computed) {
      const least = settle(base);
      if (base.via) base.via.constant = least;
      if (base.step) base.step.args[0] = least;
    }
    const starts = level.moving.map((base) => settle(base));
    this.levels.pop();
    level.moving.forEach((base, i) => {
      level.before.push(...this.start(base, starts[i]), instruction("local.set", base.local));
    });
    if (this.levels.length > 0) this.advance(level, starts);
  }

  private start({ origin, rest }: Moving, least: number): Code {
    if (rest.length > 0) return this.get({ base: this.base(origin, rest), constant: least });
    if (origin === null) return [instruction("i32.const", least)];
    return [instruction("local.get", this.originOf(origin)), instruction("step", least)];
  }

  /** Moves all bases on; one of them tells when the loop ends. */
  private advance(level: Level, starts: readonly number[]): void {
    const { moving, extent, before, after, ended } = level;
    const plain = moving.findIndex(({ origin, rest }) => origin === null && rest.length === 0);
    const counter: Moving = moving[Math.max(0, plain)] ?? { local: this.fn.local("i32"), stride: 1 };
    for (const { local, stride } of moving) {
      if (local !== counter.local) after.push(...addTo(local, stride));
    }
    let end: Instruction;
    if (moving.length === 0) {
      before.push(instruction("i32.const", 0), instruction("local.set", counter.local));
      end = instruction("i32.const", extent);
    } else if (plain >= 0) {
      end = instruction("i32.const", starts[plain] + counter.stride * extent);
    } else {
      const limit = this.fn.local("i32");
      before.push(instruction("local.get", counter.local), instruction("step", counter.stride * extent));
      before.push(instruction("local.set", limit));
      end = instruction("local.get", limit);
    }
    const compare = [instruction("local.get", counter.local), end];
    ended.push(...compare, instruction("i32.eq"));
    after.push(...addTo(counter.local, counter.stride), ...compare, instruction("i32.ne"), instruction("br_if", 0));
  }

  /** The place of an element: `form` in bytes. */
  address(buffer: string, form: Form): Place {
    if (lowOf(form) >= -LOW_BYTES) return { base: this.base(buffer, form.terms), constant: form.constant };
    return { base: this.base(buffer, form.terms, form.constant), constant: form.constant };
  }

  /** Code that puts a form's value on the stack. */
  value(form: Form): Code {
    if (form.terms.length === 0) return [instruction("i32.const", form.constant)];
    return this.get({ base: this.base(null, form.terms), constant: form.constant });
  }

  private get({ base, constant }: Place): Code {
    const step = instruction("step", 0);
    base.uses.push({ instruction: step, constant });
    return [instruction("local.get", base.local), step];
  }

  /** A value that is computed once per step of the loop at `depth`. */
  once(key: string, depth: number, code: () => Code): Code {
    const { values, head } = this.levels[depth];
    let local = values.get(key);
    if (local === undefined) {
      const made = code();
      local = this.fn.local("i32");
      head.push(...made, instruction("local.set", local));
      values.set(key, local);
    }
    return [instruction("local.get", local)];
  }

  private originOf(buffer: string): number {
    const known = this.origins.get(buffer);
    if (known !== undefined) return known;
    const local = this.fn.local("i32");
    this.entry.push(...this.origin(buffer), instruction("local.set", local));
    this.origins.set(buffer, local);
    return local;
  }

  /** The local of some terms from an origin. With `only`, no other constant shares it. */
  private base(origin: string | null, terms: readonly Term[], only: number | null = null): Base {
    const depth = depthOf(terms);
    const level = this.levels[depth];
    const key = `${origin}+${keyOf(terms)}${only === null ? "" : `@${only}`}`;
    const known = level.bases.get(key);
    if (known) return known;
    const own = terms.filter(({ atom }) => atom.depth === depth);
    const opaque = own.filter(({ atom }) => depth === 0 || atom.kind !== "variable");
    const made =
      opaque.length > 0 || depth === 0
        ? this.compute(level, origin, terms, opaque)
        : this.move(level, origin, terms, own[0].coefficient);
    level.bases.set(key, made);
    return made;
  }

  private move(level: Level, origin: string | null, terms: readonly Term[], stride: number): Base {
    const rest = terms.filter(({ atom }) => atom !== level.atom);
    const base: Moving = { local: this.fn.local("i32"), uses: [], origin, rest, stride };
    level.moving.push(base);
    return base;
  }

  private compute(level: Level, origin: string | null, terms: readonly Term[], opaque: readonly Term[]): Base {
    const rest = terms.filter((term) => !opaque.includes(term));
    const parts: Code[] = opaque.map(({ atom, coefficient }) => [...this.atom(atom), ...times(coefficient)]);
    let via: Use | null = null;
    let step: Instruction | null = null;
    if (rest.length > 0) {
      const inner = this.base(origin, rest);
      const adjust = instruction("step", 0);
      via = { instruction: adjust, constant: 0 };
      inner.uses.push(via);
      parts.unshift([instruction("local.get", inner.local), adjust]);
    } else {
      step = instruction("step", 0);
      if (origin !== null) parts.unshift([instruction("local.get", this.originOf(origin))]);
    }
    const base: Computed = { local: this.fn.local("i32"), uses: [], step, via };
    level.computed.push(base);
    parts.forEach((part, i) => {
      level.head.push(...part);
      if (i > 0) level.head.push(instruction("i32.add"));
    });
    if (step) level.head.push(step);
    level.head.push(instruction("local.set", base.local));
    return base;
  }

  /** Code that puts an atom on the stack. */
  private atom(atom: Atom): Code {
    if (atom.kind === "variable") {
      if (atom.depth === 0) return [instruction("local.get", this.task)];
      return this.value({ constant: 0, terms: [{ atom, coefficient: 1 }] });
    }
    return this.once(atom.key, atom.depth, () => [...this.value(atom.of), ...divided(atom.by, atom.kind)]);
  }
}

/** Gives every use of a base what remains of its constant; returns the least. */
function settle({ uses }: Base): number {
  const least = uses.reduce((low, { constant }) => Math.min(low, constant), Number.POSITIVE_INFINITY);
  for (const use of uses) use.instruction.args[0] = use.constant - least;
  return least;
}

const addTo = (local: number, amount: number): Code => [
  instruction("local.get", local),
  instruction("step", amount),
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
