/**
 * What a command is: its arguments as a schema, and what it runs. Options, help, checks and documents follow from the
 * schema, so nothing about an argument is written twice. It must not know any command, nor how words are parsed.
 */
import { z } from "zod";
import { ConfigError } from "../util/errors.js";
import type { Terminal } from "./terminal.js";

/** A command, whose argument types are erased so that all commands fit one table. */
export interface Command {
  /** Names of the positional arguments, in order; every other entry of the schema is an option. */
  readonly positional: readonly string[];
  /** The arguments by name; the metadata of each is its `ArgumentHelp`. */
  readonly schema: z.ZodObject;
  /** Checks the arguments that were given, and runs the command. Returns the exit code. */
  readonly run: (terminal: Terminal, given: Readonly<Record<string, unknown>>) => Promise<number>;
}

/** A command as its file defines it. */
interface CommandSpec<Schema extends z.ZodObject> {
  readonly positional: readonly (keyof Schema["shape"] & string)[];
  readonly schema: Schema;
  /** Throws if the arguments of these names exclude each other; called before their values are checked. */
  readonly checkNames?: (given: readonly string[]) => void;
  /** Runs the command on checked arguments. Returns the exit code. */
  readonly run: (terminal: Terminal, values: z.output<Schema>) => Promise<number>;
}

/** Defines a command. */
export function defineCommand<Schema extends z.ZodObject>(spec: CommandSpec<Schema>): Command {
  const { positional, schema, checkNames, run } = spec;
  const check = (given: Readonly<Record<string, unknown>>): z.output<Schema> => {
    checkNames?.(Object.keys(given));
    const { data, error } = schema.safeParse(given);
    if (!error) return data;
    const [{ path, message }] = error.issues;
    throw new ConfigError(`[cli] ${labelOf(String(path[0]), positional)} ${message}`);
  };
  return { positional, schema, run: (terminal, given) => run(terminal, check(given)) };
}

const labelOf = (name: string, positional: readonly string[]) => (positional.includes(name) ? name : `--${name}`);

/** Metadata of an argument, set by `.meta()` of its schema. */
interface ArgumentHelp {
  /** The meaning, as a phrase. */
  readonly description: string;
  /** Placeholder of the value; default: `name`. */
  readonly value?: string;
  /** The value that is used if the argument is absent, where that is no constant of the schema. */
  readonly absent?: string;
}

/** The kind of text that an argument is given as. */
type ArgumentKind = "switch" | "number" | "text" | "list";

/** An argument as its schema describes it. */
export interface Argument extends ArgumentHelp {
  readonly name: string;
  readonly positional: boolean;
  readonly kind: ArgumentKind;
  readonly required: boolean;
  /** The names to choose from; empty if it is not a choice. */
  readonly choices: readonly string[];
}

/** The arguments of a command, in the order of its schema. */
export function argumentsOf({ positional, schema }: Command): Argument[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, type]) => {
    const { inner, fallback, required } = unwrap(type);
    const help = { description: "", ...type.meta() } as ArgumentHelp;
    const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : [];
    const isPositional = positional.includes(name);
    return { absent: fallback, ...help, name, positional: isPositional, kind: kindOf(inner), required, choices };
  });
}

/** The type without `optional` and `default`, and what these say. */
function unwrap(type: z.ZodType): { inner: z.ZodType; fallback?: string; required: boolean } {
  if (type instanceof z.ZodOptional) return { ...unwrap(type.unwrap() as z.ZodType), required: false };
  if (!(type instanceof z.ZodDefault)) return { inner: type, required: true };
  return { inner: type.unwrap() as z.ZodType, fallback: String(type.def.defaultValue), required: false };
}

function kindOf(type: z.ZodType): ArgumentKind {
  if (type instanceof z.ZodBoolean) return "switch";
  if (type instanceof z.ZodArray) return "list";
  return type instanceof z.ZodNumber ? "number" : "text";
}

/** An argument as usage lines show it: `<run>`, `[data]`, `<images...>`, `--json`, `--epochs <n>`. */
export function usageOf({ name, positional, kind, required, value = "name" }: Argument): string {
  if (!positional) return kind === "switch" ? `--${name}` : `--${name} <${value}>`;
  const text = kind === "list" ? `${name}...` : name;
  return required ? `<${text}>` : `[${text}]`;
}

/** The meaning of an argument with its choices and default, as help and documents show it. */
export function meaningOf({ description, choices, absent }: Argument): string {
  const named = choices.length > 0 ? `${description}: ${choices.join(", ")}` : description;
  return absent === undefined ? named : `${named}; default: ${absent}`;
}
