/** Adafactor: Adam without momentum, whose state for a matrix is one row and one column. */
import { optimizer, optimizerEntry } from "./groups.js";
import { chain } from "./rule.js";
import { type AdafactorScaling, adafactorScaling, scaleByAdafactor } from "./steps/adafactor.js";

export type AdafactorOptions = AdafactorScaling;

const Base = optimizer<AdafactorOptions>("Adafactor", { ...adafactorScaling }, (options) =>
  chain(scaleByAdafactor(options)),
);

/**
 * Adafactor: divides matrices by mean squares kept as one row and one column, by a rate relative to the parameter.
 *
 * Formula, for the gradient g of each parameter θ `[M, K]` in its step t = 1, 2, …, with w = t^c and ρ = min(η, 1/√t):
 * ```text
 * R ← R + w·(mean of g² over columns − R),  C ← C + w·(mean of g² over rows − C)
 * u = g / max(√(R·C / max(mean R, ε₁)), ε₁)
 * θ ← θ − η·λ·θ − ρ · max(ε₂, RMS(θ)) · u / max(1, RMS(u)/d)
 * ```
 *
 * @param params parameters, or groups `{ params, ...options }`, whose options override the common ones
 * @param options learning rate `lr`, `beta2Decay`, `eps`, `d`, `weightDecay`
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Shazeer & Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", arXiv:1804.04235
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
 * @example
 * const optimizer = new Adafactor(model.parameters(), { lr: 0.01 });
 */
export class Adafactor extends Base {}

export const adafactor = optimizerEntry("adafactor", Adafactor, { lr: 0.01 });
