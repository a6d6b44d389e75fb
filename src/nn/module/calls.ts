/**
 * The stack of module calls in progress, and the observers of calls. This file must not know what a module is.
 */

/** A call in progress: the module called last, and the root of its tree. */
export interface Call<M extends object> {
  readonly module: M;
  readonly root: M;
}

/** A callback that receives the module and output of every call when it ends. */
export type Observer = (module: object, output: unknown) => void;

let current: Call<object> | undefined;
let observers: readonly Observer[] = [];

/** The call whose `forward` is running; undefined outside of every module. */
export function currentCall<M extends object>(is: (module: object) => module is M): Call<M> | undefined {
  if (!current) return undefined;
  const { module, root } = current;
  return is(module) && is(root) ? { module, root } : undefined;
}

/** Runs `forward` as a call, and passes its result to the observers. */
export function runCall<T>(call: Call<object>, forward: () => T): T {
  const outer = current;
  current = call;
  try {
    const output = forward();
    for (const observe of observers) observe(call.module, output);
    return output;
  } finally {
    current = outer;
  }
}

/** Runs `fn` while `observe` receives every call in it. */
export function observed<T>(observe: Observer, fn: () => T): T {
  const outer = observers;
  observers = [...outer, observe];
  try {
    return fn();
  } finally {
    observers = outer;
  }
}
