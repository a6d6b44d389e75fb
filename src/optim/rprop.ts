/** Rprop: steps whose length follows the signs of gradients; for gradients of the whole data set. */
import { optimizer, optimizerEntry } from "./groups.js";
import { chain } from "./rule.js";
import { type RpropScaling, rpropScaling, stepBySigns } from "./steps/rprop.js";

export type RpropOptions = RpropScaling;

const Base = optimizer<RpropOptions>("Rprop", { ...rpropScaling }, (options) => chain(stepBySigns(options)));

/**
 * Rprop: moves each element by a length of its own, which grows while the sign of its gradient stays.
 *
 * Formula, for the gradient g of each parameter θ, where h is the gradient that the step before kept:
 * ```text
 * l ← l·η₊ if g·h > 0, l·η₋ if g·h < 0, between its limits; at first η
 * g ← 0 if g·h < 0
 * θ ← θ − sign(g)·l,  h ← g
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `etas`, `stepSizes`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html
 * @example
 * const optimizer = new Rprop(model.parameters(), { lr: 0.1 });
 */
export class Rprop extends Base {}

export const rprop = optimizerEntry("rprop", Rprop, { lr: 1e-3 });
