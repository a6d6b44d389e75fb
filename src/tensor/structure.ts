/**
 * Walks over plain objects and arrays that contain tensors: arguments and results of compiled functions.
 */
import { ConfigError } from "../util/errors.js";
import { spell } from "../util/spelling.js";

/** Rebuilds a value with every tensor (as told by `is`) replaced; anything but plain data is refused. */
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

/** Whether two values have the same structure, with the same plain data in it; of two tensors `same` tells. */
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

/** Every tensor and plain value in arguments, by its place, such as `argument 2.mask`. */
export function placesOf<T extends object>(
  args: readonly unknown[],
  is: (x: unknown) => x is T,
  tell: (tensor: T) => string,
): Map<string, string> {
  const places = new Map<string, string>();
  const walk = (value: unknown, path: string): void => {
    if (is(value)) places.set(path, tell(value));
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`);
    else if (value !== null && typeof value === "object") {
      for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
    } else places.set(path, spell(value));
  };
  for (const [i, value] of args.entries()) walk(value, `argument ${i + 1}`);
  return places;
}
