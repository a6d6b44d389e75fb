/** Observers of the states that recurrent layers compute step by step. This file must not know any layer. */
import type { RecurrentState, StateName } from "./rule.js";

/** States by layer and direction, then by time. */
export type Steps<S extends StateName> = readonly (readonly RecurrentState<S>[])[];

type Observer = (layer: object, steps: Steps<never>) => void;

let observer: Observer | undefined;

/** Passes the steps of a call to the observer, if there is one. */
export function reportSteps<S extends StateName>(layer: object, steps: Steps<S>): void {
  observer?.(layer, steps);
}

/** Runs `fn` while `observe` receives the steps of every call of a recurrent layer in it, as do outer observers. */
export function withStepObserver<T>(observe: Observer, fn: () => T): T {
  const outer = observer;
  observer = (layer, steps) => {
    outer?.(layer, steps);
    observe(layer, steps);
  };
  try {
    return fn();
  } finally {
    observer = outer;
  }
}
