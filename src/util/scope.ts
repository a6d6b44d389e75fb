/**
 * Where in a model something is built: the path of the module whose `forward` runs, and what the value is for. Errors name
 * the path, profiles sort kernels by it. This file knows nothing of modules or graphs: it only keeps what holds now.
 */

/** What a value is computed for. */
export type Role = "forward" | "input gradient" | "weight gradient" | "update";

/** Who asked for a value: for people only, never part of what it is. */
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

/** Runs `fn` with everything that it builds said to be of `origin`. */
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

/** Of what is built now. */
export const currentOrigin = (): Origin => now;
