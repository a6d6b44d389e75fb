/**
 * Kinds of arguments: the values that a parameter accepts, and the phrase for them in messages. A kind is plain data,
 * so that signatures (`arguments.ts`) can be listed, compared and swept by tests. It must not know tensors or
 * functions.
 */
import { ConfigError, type FoveaError, ShapeError } from "./errors.js";

/** The values that one parameter accepts. */
export interface Kind {
  /** The phrase of messages, with its article: `a whole number ≥ 1`. */
  readonly name: string;
  readonly accepts: (value: unknown) => boolean;
  /** Returns the probable correct spelling of a refused value, such as `"f32"` for "float32". */
  readonly meant?: (value: unknown) => string | undefined;
  /** Class of the error; default ConfigError. */
  readonly error?: new (
    message: string,
    options: { readonly hint?: string },
  ) => FoveaError;
  /** The kind of an array's items, so that a single item in place of an array is recognised. */
  readonly items?: Kind | undefined;
  /** Whether it is a required option. */
  readonly needed?: boolean;
  /** Whether the parameter takes all further positional arguments, each of this kind. */
  readonly repeats?: boolean;
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isWhole = (value: unknown): value is number => Number.isInteger(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** Any value; for arguments that the function itself checks. */
export const anything: Kind = { name: "a value", accepts: (value) => value !== undefined };
/** A number, NaN and infinities included. */
export const number: Kind = { name: "a number", accepts: isNumber };
export const finite: Kind = { name: "a finite number", accepts: Number.isFinite };
export const nonZero: Kind = {
  name: "a finite number other than 0",
  accepts: (value) => Number.isFinite(value) && value !== 0,
};
export const whole: Kind = { name: "a whole number", accepts: isWhole };
export const flag: Kind = { name: "true or false", accepts: (value) => typeof value === "boolean" };
export const text: Kind = { name: "a string", accepts: (value) => typeof value === "string" };
export const callback: Kind = { name: "a function", accepts: (value) => typeof value === "function" };
/** A plain object: a literal, or one without a prototype. */
export const record: Kind = { name: "a plain object", accepts: isPlain };

/** A whole number of at least `minimum`. */
export const count = (minimum = 1): Kind => ({
  name: `a whole number ≥ ${minimum}`,
  accepts: (value) => isWhole(value) && value >= minimum,
});

/** A finite number from `low` to `high`, both included; `high` may be infinite. */
export const range = (low: number, high: number): Kind => ({
  name: high === Number.POSITIVE_INFINITY ? `a finite number ≥ ${low}` : `a number between ${low} and ${high}`,
  accepts: (value) => isNumber(value) && value >= low && value <= high && Number.isFinite(value),
});

/** One of several strings; `aliases` are the spellings of other libraries. */
export const word = (words: readonly string[], aliases: Readonly<Record<string, string>> = {}): Kind => ({
  name: `one of ${words.map((each) => `"${each}"`).join(", ")}`,
  accepts: (value) => (words as readonly unknown[]).includes(value),
  meant: (value) => {
    if (typeof value !== "string") return undefined;
    const lower = value.toLowerCase();
    const found = Object.hasOwn(aliases, lower) ? aliases[lower] : words.find((each) => each.toLowerCase() === lower);
    return found && `"${found}"`;
  },
});

/** An array whose items are all of one kind. */
export const list = (of: Kind, name: string): Kind => ({
  name,
  accepts: (value) => isList(value) && value.every(of.accepts),
  items: of,
});
/** The sizes of the axes. The function checks that they are whole and not negative: it knows the meaning of −1. */
export const shape: Kind = { ...list(number, "an array of sizes"), error: ShapeError };
/** One size for all of `rank` axes, or one for each, each at least `minimum`. */
export const sizes = (rank: number, minimum = 1): Kind => ({
  name: `a whole number ≥ ${minimum}${["", "", " or a pair of them", " or three of them"][rank]}`,
  accepts: (value) => {
    const items = isList(value) ? value : new Array<unknown>(rank).fill(value);
    return items.length === rank && items.every((n) => isWhole(n) && n >= minimum);
  },
});
/** One size for both axes of an image, or [height, width], each at least `minimum`. */
export const size2d = (minimum = 1): Kind => sizes(2, minimum);

/** The bytes of a file. */
export const bytes: Kind = { name: "a Uint8Array", accepts: (value) => value instanceof Uint8Array };
/** A required option. */
export const needed = (kind: Kind): Kind => ({ ...kind, needed: true });
/** An object that has the listed members, of the listed kinds, and possibly others. */
export const shaped = (name: string, members: Readonly<Record<string, Kind>>): Kind => ({
  name,
  accepts: (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(members).every(([member, kind]) => kind.accepts((value as Record<string, unknown>)[member])),
});
/** Numbers in an array or a typed array. */
export const indices: Kind = {
  name: "an array of numbers",
  accepts: (value) =>
    (Array.isArray(value) || (ArrayBuffer.isView(value) && Symbol.iterator in value)) &&
    Array.from(value as Iterable<unknown>).every(isNumber),
};

/** A value that any of the kinds accepts. */
export const either = (...kinds: readonly Kind[]): Kind => ({
  name: kinds.map(({ name }) => name).join(" or "),
  accepts: (value) => kinds.some((kind) => kind.accepts(value)),
  // A number was meant for the kind that accepts numbers, whose range it is out of.
  meant: (value) =>
    typeof value === "number" ? undefined : kinds.map(({ meant }) => meant?.(value)).find((text) => text !== undefined),
  error: kinds[0].error ?? ConfigError,
  items: kinds.find(({ items }) => items)?.items,
});
/** A value of the kind, or null. */
export const nullable = (kind: Kind): Kind => ({
  ...kind,
  name: `${kind.name} or null`,
  accepts: (value) => value === null || kind.accepts(value),
});
/** A positional parameter that may be left out; options are optional unless needed. */
export const optional = (kind: Kind): Kind => ({
  ...kind,
  accepts: (value) => value === undefined || kind.accepts(value),
});
/** All further positional arguments, each of the kind. */
export const repeated = (kind: Kind): Kind => ({ ...kind, repeats: true });
/** An instance of a class. */
export const instance = (type: abstract new (...args: never[]) => object, name: string): Kind => ({
  name,
  accepts: (value) => value instanceof type,
});

/** Whether a value is an object literal, or an object without a prototype. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
