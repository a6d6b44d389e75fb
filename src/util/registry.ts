/**
 * Registries: the choices by name of configurations, command line and documents. Each choice is one entry, declared in
 * the file of the thing that it makes, and one row in its registry. It must not know what is registered.
 */
import { signatures } from "./arguments.js";
import { ConfigError } from "./errors.js";
import type { Kind } from "./kinds.js";
import { nearest } from "./spelling.js";

/** One choice of a registry. */
export interface Entry {
  /** Name, as in configurations. */
  readonly name: string;
  /** The options, each with its kind. */
  readonly schema: Readonly<Record<string, Kind>>;
  /** Constructs the chosen thing. */
  readonly make: (...args: never[]) => unknown;
}

/** The entry of a function that is declared through `checked`: its name, and all of its arguments by name. */
// @__NO_SIDE_EFFECTS__
export function entryOf<Make extends Entry["make"]>(make: Make): Entry & { readonly make: Make } {
  const signature = signatures.get(make.name);
  return { name: make.name, schema: { ...signature?.positional, ...signature?.options }, make };
}

/** Entries by name. */
export class Registry<const Entries extends readonly [Entry, ...Entry[]]> {
  readonly #what: string;
  readonly entries: Entries;
  readonly names: readonly [Entries[number]["name"], ...Entries[number]["name"][]];

  /**
   * @param what the noun for an entry in messages, such as `optimizer`
   * @param entries in the order in which documents list them
   */
  constructor(what: string, entries: Entries) {
    this.#what = what;
    this.entries = entries;
    const [first, ...others] = entries;
    this.names = [first.name, ...others.map(({ name }) => name)];
  }

  /**
   * The entry of a name.
   *
   * @throws ConfigError if there is no entry of this name
   */
  get(name: string): Entries[number] {
    const found = this.entries.find((entry) => entry.name === name);
    if (found) return found;
    const meant = nearest(name, this.names);
    const hint = meant ? `Did you mean ${meant}?` : `Choose one of ${this.names.join(", ")}`;
    throw new ConfigError(`[${this.#what}] there is no ${this.#what} "${name}"`, { hint });
  }
}
