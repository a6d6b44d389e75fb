/**
 * The default random numbers of layers: one seed for each context, from which initialisation and every dropout layer
 * draw streams of their own. This file must not know layers.
 */
import { Generator, perContext } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { count } from "../util/kinds.js";

/** The streams under one seed. */
interface Seeded {
  readonly seed: number;
  readonly initialiser: Generator;
  dropoutLayers: number;
}

const under = (seed: number): Seeded => ({
  seed,
  initialiser: new Generator(seed, { stream: "init" }),
  dropoutLayers: 0,
});
/** The streams of each context. */
const seeded = perContext(() => ({ now: under(0) }));

/**
 * Seeds the initialisation and the dropout masks of all layers constructed from now on in the current context.
 *
 * The seed is 0 until this is called, so a program that never calls it builds the same model on every run. Dropout
 * layers are numbered from the call on, so that the same program draws the same masks.
 *
 * @param seed a whole number ≥ 0
 * @throws ConfigError if the seed is not a whole number ≥ 0
 * @example
 * manualSeed(7);
 * const first = new Linear(2, 3);
 * manualSeed(7);
 * const second = new Linear(2, 3); // the same weights, bit for bit
 */
export const manualSeed = checked("manualSeed", takes({ seed: count(0) }), (seed: number): void => {
  seeded().now = under(seed);
});

/** The generator that initialises parameters. */
export const defaultGenerator = (): Generator => seeded().now.initialiser;

/** A generator with its own stream for the next dropout layer. */
export function nextDropoutGenerator(): Generator {
  const { now } = seeded();
  return new Generator(now.seed, { stream: `dropout.${now.dropoutLayers++}` });
}
