/**
 * Registries: what can be chosen by name, in configurations, on the command line and in documents. Each choice is one entry,
 * which stands in the file of what it makes, and one line in its registry. Knows nothing of what is registered.
 */
import { signatures } from "./arguments.js";
import { ConfigError } from "./errors.js";
import type { Kind } from "./kinds.js";
import { nearest } from "./spelling.js";

/** One choice. */
export interface Entry {
  /** As configurations spell it. */
  readonly name: string;
  /** Its options, each with what it accepts. */
  readonly schema: Readonly<Record<string, Kind>>;
  /** Makes what was chosen. */
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
   * @param what what is chosen, for messages: `optimizer`
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
   * @throws ConfigError if there is none
   */
  get(name: string): Entries[number] {
    const found = this.entries.find((entry) => entry.name === name);
    if (found) return found;
    const meant = nearest(name, this.names);
    const hint = meant ? `Did you mean ${meant}?` : `Choose one of ${this.names.join(", ")}`;
    throw new ConfigError(`[${this.#what}] there is no ${this.#what} "${name}"`, { hint });
  }
}
