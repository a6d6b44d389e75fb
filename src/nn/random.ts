/**
 * Where the random numbers of layers come from when nobody passes a generator: one seed for the process, from which
 * initialisation and every dropout layer draw streams of their own. This file knows nothing of layers.
 */
import { Generator } from "../tensor/index.js";
import { checkCount } from "./checks.js";

let seed = 0;
let initialiser: Generator | undefined;
let dropoutLayers = 0;

/**
 * Seeds the initialisation of every layer made from now on, and the masks of every dropout layer made from now on.
 *
 * The seed is 0 until this is called, so a program that never calls it makes the same model on every run. Dropout
 * layers are numbered from the call on, so that the same program makes the same masks.
 *
 * @param value the seed, a whole number ≥ 0
 * @throws ConfigError if the seed is not a whole number ≥ 0
 * @example
 * manualSeed(7);
 * const first = new Linear(2, 3);
 * manualSeed(7);
 * const second = new Linear(2, 3); // the same weights, bit for bit
 */
export function manualSeed(value: number): void {
  seed = checkCount("manualSeed", "seed", value, 0);
  initialiser = undefined;
  dropoutLayers = 0;
}

/** The generator that initialises parameters; made on first use, so that importing this file builds nothing. */
export function defaultGenerator(): Generator {
  initialiser ??= new Generator(seed, { stream: "init" });
  return initialiser;
}

/** A generator of its own for the next dropout layer. */
export function nextDropoutGenerator(): Generator {
  return new Generator(seed, { stream: `dropout.${dropoutLayers++}` });
}
