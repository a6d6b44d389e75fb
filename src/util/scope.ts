/**
 * The path of the module whose `forward` is being built, so that errors can say where in a model they happened.
 * This file knows nothing of modules: it only keeps a stack of names.
 */

const path: string[] = [];

/** Runs `fn` with `name` pushed on the module path. */
export function withScope<T>(name: string, fn: () => T): T {
  path.push(name);
  try {
    return fn();
  } finally {
    path.pop();
  }
}

/** The current module path, such as `model.head`, or an empty string outside every module. */
export function currentScope(): string {
  return path.filter((part) => part !== "").join(".");
}
