/**
 * Traversals of plain objects and arrays that contain tensors: arguments and results of compiled functions.
 */
import { ConfigError } from "../util/errors.js";
import { spell } from "../util/spelling.js";

/** Copies a value with every tensor (for which `is` holds) replaced; throws for anything but plain data. */
export function mapTensors<T extends object>(
  value: unknown,
  is: (x: unknown) => x is T,
  replace: (tensor: T, path: string) => unknown,
  path = "",
): unknown {
  if (is(value)) return replace(value, path);
  if (Array.isArray(value)) return value.map((item, i) => mapTensors(item, is, replace, `${path}[${i}]`));
  if (value === null || typeof value !== "object") return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw new ConfigError(`[compile] ${path || "a value"} is a ${value.constructor?.name ?? "strange object"}`, {
      hint: "Pass and return tensors, numbers, strings, or plain objects and arrays of them",
    });
  }
  const entries = Object.entries(value).map(([key, item]) => [key, mapTensors(item, is, replace, `${path}.${key}`)]);
  return Object.fromEntries(entries);
}

/** True if two values have the same structure and plain data; `same` compares tensors. */
export function sameStructure<T extends object>(
  a: unknown,
  b: unknown,
  is: (x: unknown) => x is T,
  same: (a: T, b: T) => boolean,
): boolean {
  if (is(a)) return is(b) && same(a, b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameStructure(item, b[i], is, same));
  }
  if (a === null || typeof a !== "object") return Object.is(a, b);
  if (b === null || typeof b !== "object" || Object.getPrototypeOf(b) !== Object.prototype) return false;
  const [ours, theirs] = [Object.entries(a), Object.entries(b)];
  return (
    ours.length === theirs.length &&
    ours.every(([key, item], i) => key === theirs[i][0] && sameStructure(item, theirs[i][1], is, same))
  );
}

/** Texts of all tensors and plain values in arguments, by path, such as `argument 2.mask`. */
export function describeByPath<T extends object>(
  args: readonly unknown[],
  is: (x: unknown) => x is T,
  describe: (tensor: T) => string,
): Map<string, string> {
  const texts = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (is(value)) texts.set(path, describe(value));
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) visit(item, `${path}[${i}]`);
    else if (value !== null && typeof value === "object") {
      for (const [key, item] of Object.entries(value)) visit(item, `${path}.${key}`);
    } else texts.set(path, spell(value));
  };
  for (const [i, value] of args.entries()) visit(value, `argument ${i + 1}`);
  return texts;
}
