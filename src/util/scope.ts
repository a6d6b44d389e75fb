/**
 * The origin of what is built: the path of the module whose `forward` runs, and the role of the value. Errors contain
 * the path, profiles group kernels by it. This file must not know modules or graphs: it only stores the current origin.
 */

/** The purpose that a value is computed for. */
export type Role = "forward" | "input gradient" | "weight gradient" | "update";

/** The origin of a value, for messages and profiles; never part of its identity. */
export interface Origin {
  /** The module path, such as `model.head`; empty outside every module. */
  readonly path: string;
  readonly role: Role;
}

let now: Origin = { path: "", role: "forward" };

/** Runs `fn` with `name` pushed on the module path. */
export function withScope<T>(name: string, fn: () => T): T {
  const { path, role } = now;
  return withOrigin({ path: path && name ? `${path}.${name}` : path || name, role }, fn);
}

/** Runs `fn` while everything that it builds gets the given origin. */
export function withOrigin<T>(origin: Origin, fn: () => T): T {
  const outer = now;
  now = origin;
  try {
    return fn();
  } finally {
    now = outer;
  }
}

/** The current module path, such as `model.head`, or an empty string outside every module. */
export const currentScope = (): string => now.path;

/** The origin of values built now. */
export const currentOrigin = (): Origin => now;
