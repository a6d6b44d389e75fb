/**
 * Signatures as data, and the check of a call against them. TypeScript checks calls only where it is used; in plain
 * JavaScript, and with runners that only strip types, a stray argument or a misspelled option would be ignored.
 *
 * A function is declared through {@link checked}, the methods of a class are wrapped once by {@link checkMethods}, and
 * a constructor calls the function that {@link checkedConstructor} returns. Required arguments are positional; all
 * others are in one options object, which comes last. It must not know tensors, nor any function that it describes.
 */
import { ConfigError } from "./errors.js";
import { isPlain, type Kind } from "./kinds.js";
import { currentScope } from "./scope.js";
import { nearest, spell } from "./spelling.js";

/** Parameters of a function: the positional ones in order, and the options, each with its kind. */
export interface Parameters {
  readonly positional: Readonly<Record<string, Kind>>;
  /** Null if the function takes no options. */
  readonly options: Readonly<Record<string, Kind>> | null;
}

/** A function of the public surface and its parameters. */
export interface Signature extends Parameters {
  /** Name of the function, the method or the class, with which messages begin. */
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** Names of the options that have no default. */
  readonly needs: readonly string[];
  readonly form: "function" | "method" | "constructor";
}

/**
 * Parameters as data. With the type of the options as type argument, the compiler refuses a table in which an option is
 * missing or unknown.
 */
// @__NO_SIDE_EFFECTS__
export function takes<Options extends object = never>(
  positional: Readonly<Record<string, Kind>> = {},
  options: { readonly [Name in keyof Options]-?: Kind } | null = null,
): Parameters {
  return { positional, options: options as Parameters["options"] };
}

/** Every declared signature, by `name`, or `Class.name` for a method: for tests that sweep the public surface. */
export const signatures = new Map<string, Signature>();

function declare(key: string, name: string, form: Signature["form"], parameters: Parameters): Signature {
  const { positional, options } = parameters;
  const needs = Object.keys(options ?? {}).filter((option) => options?.[option].needed);
  const signature = { name, form, ...parameters, kinds: Object.values(positional), needs };
  signatures.set(key, signature);
  return signature;
}

/**
 * Wraps a function so that its arguments are checked at each call.
 *
 * @param name - the name that messages begin with
 */
// @__NO_SIDE_EFFECTS__
export function checked<F extends (...args: never[]) => unknown>(name: string, parameters: Parameters, fn: F): F {
  return wrap(declare(name, name, "function", parameters), fn);
}

/**
 * Wraps methods so that their arguments are checked. The wrappers lie on the prototype of the class, also those of
 * inherited methods.
 */
export function checkMethods<Instance extends object>(
  type: abstract new (...args: never[]) => Instance,
  methods: { readonly [Name in Exclude<keyof Instance, "toString" | symbol>]?: Parameters },
): void {
  for (const [name, parameters] of Object.entries<Parameters | undefined>(methods)) {
    if (!parameters) continue;
    const property = descriptorOf(type.prototype, name) as TypedPropertyDescriptor<() => unknown>;
    const signature = declare(`${type.name}.${name}`, name, "method", parameters);
    Object.defineProperty(type.prototype, name, {
      ...property,
      value: wrap(signature, property.value as () => unknown),
    });
  }
}

/** The descriptor of a property of an object or of the nearest of its prototypes that has it. */
function descriptorOf(object: object, name: string): PropertyDescriptor | undefined {
  let holder: object | null = object;
  while (holder !== null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object | null;
  return holder === null ? undefined : Object.getOwnPropertyDescriptor(holder, name);
}

/**
 * Returns the check of a constructor, which calls it with its arguments, options last. It cannot check arguments after
 * the options: without decorators, no other way preserves the types of the constructor.
 *
 * @param name - the name of the class
 */
// @__NO_SIDE_EFFECTS__
export function checkedConstructor(name: string, parameters: Parameters): (args: readonly unknown[]) => void {
  const signature = declare(name, name, "constructor", parameters);
  return function check(args) {
    if (!fits(signature, args)) throw refusal(signature, args, check);
  };
}

function wrap<F extends (...args: never[]) => unknown>(signature: Signature, fn: F): F {
  // An asynchronous function rejects rather than throws, so that one `catch` handles all its errors.
  const rejects = Object.prototype.toString.call(fn) === "[object AsyncFunction]";
  function call(this: unknown, ...args: never[]): unknown {
    if (fits(signature, args)) return fn.apply(this, args);
    const error = refusal(signature, args, call);
    if (rejects) return Promise.reject(error);
    throw error;
  }
  Object.defineProperty(call, "name", { value: signature.name });
  return call as unknown as F;
}

/** Whether the arguments are valid. It runs at every call that builds a graph, so it allocates almost nothing. */
function fits({ kinds, options, needs }: Signature, args: readonly unknown[]): boolean {
  let at = 0;
  for (let k = 0; k < kinds.length; k++) {
    const kind = kinds[k];
    if (!kind.repeats) {
      if (!kind.accepts(args[at++])) return false;
    } else while (at < args.length) if (!kind.accepts(args[at++])) return false;
  }
  if (args.length <= at) return needs.length === 0;
  if (options === null) return onlyUndefined(args, at);
  const given = args[at];
  return (given === undefined ? needs.length === 0 : fitOptions(options, needs, given)) && onlyUndefined(args, at + 1);
}

function fitOptions(options: Readonly<Record<string, Kind>>, needs: readonly string[], given: unknown): boolean {
  if (!isPlain(given)) return false;
  for (const name of needs) if (given[name] === undefined) return false;
  for (const name of Object.keys(given)) {
    const kind = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!kind) return false;
    const value = given[name];
    if (value !== undefined && !kind.accepts(value)) return false;
  }
  return true;
}

function onlyUndefined(args: readonly unknown[], from: number): boolean {
  for (let i = from; i < args.length; i++) if (args[i] !== undefined) return false;
  return true;
}

/** The error that names the invalid argument and the probable correct spelling. */
function refusal(signature: Signature, args: readonly unknown[], caller: (...args: never[]) => unknown): Error {
  const { error = ConfigError, problem, hint } = faultOf(signature, args);
  const scope = currentScope();
  const thrown = new error(`[${signature.name}] ${problem}${scope ? ` (in ${scope})` : ""}`, hint ? { hint } : {});
  // The stack trace then begins at the caller.
  Error.captureStackTrace?.(thrown, caller);
  return thrown;
}

interface Fault {
  readonly problem: string;
  readonly hint?: string | undefined;
  readonly error?: Kind["error"];
}

function faultOf(signature: Signature, args: readonly unknown[]): Fault {
  const { positional, options } = signature;
  let at = 0;
  for (const [name, kind] of Object.entries(positional)) {
    const last = kind.repeats ? Math.max(at, args.length) : at + 1;
    for (; at < last; at++) {
      if (at < args.length || !kind.repeats) {
        if (!kind.accepts(args[at])) return positionalFault(signature, args, at, name, kind);
      }
    }
  }
  const given = args[at];
  if (options !== null && (given === undefined || isPlain(given))) {
    for (const [name, value] of Object.entries(given ?? {})) {
      const fault = optionFault(signature, options, args, name, value);
      if (fault) return fault;
    }
    const missing = signature.needs.find((name) => given?.[name] === undefined);
    if (missing !== undefined) {
      const { name, error } = options[missing];
      return { problem: `needs the option ${missing}, ${name}`, hint: `Write ${usage(signature)}`, error };
    }
    at++;
  }
  return strayFault(signature, args, at);
}

function positionalFault(signature: Signature, args: readonly unknown[], at: number, name: string, kind: Kind): Fault {
  const value = args[at];
  const { error } = kind;
  const rest = args.slice(at);
  if (at >= args.length) {
    const got = args.length === 1 ? "1 argument" : `${args.length} arguments`;
    return { problem: `got ${got}, but needs ${name}, ${kind.name}`, hint: `Write ${usage(signature)}`, error };
  }
  if (isPlain(value) && Object.hasOwn(value, name)) {
    return {
      problem: `${name} is no option but the ${ordinal(at)} argument`,
      hint: `Write ${usage(signature)}`,
      error,
    };
  }
  if (rest.length > 1 && kind.items && rest.every(kind.items.accepts)) {
    const call = spellCall(signature, [...args.slice(0, at), rest]);
    return {
      problem: `${name} must be ${kind.name}, got ${rest.length} arguments`,
      hint: `Did you mean ${call}?`,
      error,
    };
  }
  const spread = kind.repeats && Array.isArray(value) && value.length > 0 && value.every(kind.accepts);
  const hint = spread ? `Write ${usage(signature)}` : hintFor(value, kind);
  return { problem: `${name} must be ${kind.name}, got ${spell(value)}`, hint, error };
}

function hintFor(value: unknown, kind: Kind): string | undefined {
  if (value instanceof Promise) return "Is an await missing?";
  if (value === undefined) return "Is a variable not set, or a return missing?";
  if (kind.items?.accepts(value))
    return typeof value === "object" ? "Put it into an array" : `Did you mean ${spell([value])}?`;
  const meant = kind.meant?.(value);
  return meant && `Did you mean ${meant}?`;
}

function optionFault(
  signature: Signature,
  options: Readonly<Record<string, Kind>>,
  args: readonly unknown[],
  name: string,
  value: unknown,
): Fault | undefined {
  if (Object.hasOwn(options, name)) {
    const kind = options[name];
    if (value === undefined || kind.accepts(value)) return undefined;
    return {
      problem: `${name} must be ${kind.name}, got ${spell(value)}`,
      hint: hintFor(value, kind),
      error: kind.error,
    };
  }
  const problem = `unknown option ${spell(name)}`;
  const at = Object.keys(signature.positional).indexOf(name);
  if (at >= 0) return { problem: `${name} is no option but the ${ordinal(at)} argument`, hint: usage(signature) };
  const meant = nearest(name, Object.keys(options));
  if (meant) return { problem, hint: `Did you mean ${meant}?` };
  const position = nearest(name, Object.keys(signature.positional));
  if (position) return { problem, hint: `${position} is positional: ${spellCall(signature, args)}` };
  return { problem, hint: `Options are ${Object.keys(options).join(", ")}` };
}

/** The fault of positional arguments from index `at` on, for which there is no parameter. */
function strayFault(signature: Signature, args: readonly unknown[], at: number): Fault {
  const { options } = signature;
  const place = at + args.slice(at).findIndex((value) => value !== undefined);
  const value = args[place];
  const problem = `got ${spell(value)} as its ${ordinal(place)} argument`;
  if (value instanceof Promise) return { problem, hint: "Is an await missing?" };
  if (typeof args[1] === "number" && Array.isArray(args[2]) && place === 1) {
    return { problem, hint: `In map, write (x) => ${usage(signature)}` };
  }
  const named = options && place === signature.kinds.length ? nameValues(options, args.slice(place)) : [];
  if (options && named.length > 0) {
    const call = spellCall(signature, args.slice(0, place), `{ ${named.join(", ")} }`);
    return { problem, hint: `Did you mean ${call}?` };
  }
  return { problem, hint: `Write ${usage(signature)}` };
}

/** Spells positional values as options, `name: value`: options are declared in PyTorch's order. */
function nameValues(options: Readonly<Record<string, Kind>>, values: readonly unknown[]): string[] {
  const named: string[] = [];
  const left = Object.entries(options);
  for (const value of values) {
    if (value === undefined) left.shift();
    else {
      const found = left.findIndex(([, kind]) => kind.accepts(value));
      if (found < 0) break;
      named.push(`${left[found][0]}: ${spell(value)}`);
      left.splice(0, found + 1);
    }
  }
  return named;
}

/** Spells the call with its actual values; values that are no plain data by the names of their parameters. */
function spellCall(signature: Signature, args: readonly unknown[], options?: string): string {
  const names = Object.keys(signature.positional);
  const isData = (value: unknown): boolean =>
    Array.isArray(value) ? value.every(isData) : value === null || /^(number|string|boolean)$/.test(typeof value);
  const shown = args.slice(0, names.length).map((value, i) => (isData(value) ? spell(value) : names[i]));
  return form(signature, [...shown, ...(options === undefined ? [] : [options])]);
}

/** The correct form of a call: `slice(dim, start, end, { step })`. */
function usage(signature: Signature): string {
  const names = Object.entries(signature.positional).map(([name, { repeats }]) => (repeats ? `...${name}` : name));
  const options = Object.keys(signature.options ?? {});
  return form(signature, [...names, ...(options.length > 0 ? [`{ ${options.join(", ")} }`] : [])]);
}

const form = ({ name, form }: Signature, shown: readonly string[]): string =>
  `${form === "constructor" ? "new " : ""}${name}(${shown.join(", ")})`;

const ordinal = (at: number): string => ["first", "second", "third", "fourth", "fifth", "sixth"][at] ?? `${at + 1}th`;
