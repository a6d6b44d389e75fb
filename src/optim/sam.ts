/** SAM: SGD by the gradient at the nearby point of the largest loss. */
import { optimizer, optimizerEntry } from "./groups.js";
import { chain } from "./rule.js";
import { type SGDOptions, sgdChain, sgdSchema } from "./sgd.js";
import { type SharpnessOptions, sharpness, sharpnessAware } from "./steps/sharpness.js";

export interface SAMOptions extends SGDOptions, SharpnessOptions {}

const Base = optimizer<SAMOptions>(
  "SAM",
  { ...sgdSchema, ...sharpness },
  ({ rho = 0.05, adaptive = false, ...options }) => chain(sharpnessAware({ rho, adaptive }), sgdChain(options)),
);

/**
 * SAM: SGD whose gradients are those at the nearby point of the largest loss, which prefers flat minima. `step` needs a
 * closure and calls it twice. {@link sharpnessAware} gives the same to any other chain.
 *
 * Formula, for the gradient g of each parameter θ, with the norm over all parameters:
 * ```text
 * e = ρ·g/‖g‖, or ρ·θ²·g/‖|θ|·g‖ with adaptive
 * g ← gradient at θ + e
 * θ ← SGD's step with g
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones; each group has a
 * norm of its own
 * @param options `rho`, `adaptive`, and those of SGD: `lr`, momentum, dampening, `weightDecay`, `nesterov`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving Generalization", arXiv:2010.01412
 * @example
 * const optimizer = new SAM(model.parameters(), { lr: 0.1, momentum: 0.9, rho: 0.05 });
 * optimizer.step(() => {
 *   const loss = model(images).square().mean();
 *   loss.backward();
 *   return loss;
 * });
 */
export class SAM extends Base {}

export const sam = optimizerEntry("sam", SAM, { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 });
