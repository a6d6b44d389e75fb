/**
 * The members of a module: those among its own fields, also inside arrays, plain objects, maps and sets, each by its
 * key. A member in a container without keys is an error, so that no parameter is lost. This file must not know the
 * classes of members, except that tensors are no containers.
 */
import { Tensor } from "../../tensor/index.js";
import { configError } from "../../util/errors.js";

/** A member with its key, and the slot of the field or container that holds it. */
export interface Held<T> {
  readonly key: string;
  readonly value: T;
  readonly container: object;
  readonly slot: unknown;
}

type Is<T> = (value: unknown) => value is T;

const HINT = "Hold it in a field, an array, a plain object, a Map with text keys or a Set, or make its holder a Module";

/**
 * The members of `owner`, in the order of its fields. Names of fields become snake case; keys of objects and maps are
 * unchanged, positions in arrays and sets count from 0; parts of a key are joined by dots.
 *
 * @throws ConfigError if a member has no key, or a key with a dot
 */
export function membersOf<T>(owner: object, is: Is<T>): Held<T>[] {
  const found: Held<T>[] = [];
  const report = (problem: string) => configError("module", `${owner.constructor.name}.${problem}`, HINT);

  const visit = (value: object, key: string, container: object, slot: unknown, inside: readonly object[]): void => {
    if (is(value)) {
      found.push({ key, value, container, slot });
      return;
    }
    if (!canHold(value) || value instanceof Tensor || inside.includes(value)) return;
    const parts = partsOf(value);
    if (!parts) {
      const lost = Object.entries(value).find(([, item]) => holds(item, is));
      if (!lost) return;
      throw report(`${key} is a ${value.constructor.name}, whose field ${lost[0]} the tree does not see`);
    }
    for (const [part, item] of parts) {
      if (!canBe(item)) continue;
      const text = typeof part === "string" || typeof part === "number" ? String(part) : undefined;
      if ((text === undefined || text === "" || text.includes(".")) && holds(item, is)) {
        const shown = text === undefined ? `a key of type ${typeof part}` : `the key "${text}"`;
        throw report(`${key} has ${shown}, which cannot be part of a path`);
      }
      visit(item, `${key}.${text}`, value, part, [...inside, value]);
    }
  };

  for (const [name, value] of Object.entries(owner)) {
    if (canBe(value)) visit(value, snakeCase(name), owner, name, []);
  }
  return found;
}

/** Replaces a member by another value. */
export function replaceMember<T>({ container, slot, value }: Held<T>, other: T): void {
  if (container instanceof Map) container.set(slot, other);
  else if (container instanceof Set) {
    const items = [...container].map((item) => (item === value ? other : item)); // sets keep the order of insertion
    container.clear();
    for (const item of items) container.add(item);
  } else Object.assign(container, { [String(slot)]: other });
}

/** The items of a container by key; undefined if the value is no container. */
function partsOf(value: object): Iterable<readonly [key: unknown, item: unknown]> | undefined {
  if (Array.isArray(value) || value instanceof Map) return value.entries();
  if (value instanceof Set) return [...value].entries();
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.entries(value) : undefined;
}

/** Whether a value can be a member or contain one: modules are functions. */
function canBe(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Whether a value can contain members. */
function canHold(value: object): boolean {
  return typeof value === "object" && !ArrayBuffer.isView(value);
}

/** Whether a value is a member or a container that holds one directly. */
function holds(value: unknown, is: Is<unknown>): boolean {
  if (is(value)) return true;
  if (!canBe(value) || !canHold(value)) return false;
  for (const [, item] of partsOf(value) ?? []) if (is(item)) return true;
  return false;
}

const snakeCases = new Map<string, string>();

/** Converts camel case to snake case: `runningMean` → `running_mean`. */
function snakeCase(name: string): string {
  const known = snakeCases.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/([a-z0-9])([A-Z])/g, (_, before, upper: string) => `${before}_${upper.toLowerCase()}`);
  snakeCases.set(name, made);
  return made;
}
