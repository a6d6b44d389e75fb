/** Muon: momentum whose updates are orthogonalised by a few matrix products. It must not know any network. */
import { flag } from "../util/kinds.js";
import { optimizer, optimizerEntry } from "./groups.js";
import type { HyperValue } from "./hyper.js";
import { belowOne, hyper, nonNegative } from "./kinds.js";
import { chain } from "./rule.js";
import { decoupledDecay } from "./steps/decay.js";
import { averageGradients } from "./steps/momentum.js";
import { fixNorm, type OrthogonaliseOptions, orthogonalisation, orthogonalise } from "./steps/orthogonal.js";
import { scaleByRate } from "./steps/rate.js";

export interface MuonOptions extends OrthogonaliseOptions {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: HyperValue;
  /** λ, decoupled weight decay. Default 0.1, range ≥ 0. */
  readonly weightDecay?: HyperValue;
  /** μ, share of the momentum that each step keeps. Default 0.95, range 0 ≤ μ < 1. */
  readonly momentum?: HyperValue;
  /** Nesterov's form: the step looks one momentum ahead. Default true. */
  readonly nesterov?: boolean;
  /** Whether a matrix of M rows is scaled to the norm √M before each step; see `fixNorm`. Default false, as PyTorch. */
  readonly fixedNorm?: boolean;
}

const Base = optimizer<MuonOptions>(
  "Muon",
  {
    lr: hyper(nonNegative),
    weightDecay: hyper(nonNegative),
    momentum: hyper(belowOne),
    nesterov: flag,
    ...orthogonalisation,
    fixedNorm: flag,
  },
  ({ lr = 0.001, weightDecay = 0.1, momentum = 0.95, nesterov = true, fixedNorm = false, ...orthogonal }) =>
    chain(
      averageGradients(momentum, { nesterov }),
      orthogonalise(orthogonal),
      ...(fixedNorm ? [fixNorm()] : []),
      decoupledDecay(weightDecay),
      scaleByRate(lr),
    ),
);

/**
 * Muon: momentum SGD whose updates are orthogonalised, so that they have equal size in every direction. It is for the
 * matrices and filters inside a network; a filter bank `[O, C, Kh, Kw]` counts as the matrix `[O, C·Kh·Kw]`. Biases,
 * normalisations and the last layer belong to another chain: see {@link partition}.
 *
 * Formula, for the gradient G of each parameter W `[M, K]`:
 * ```text
 * B ← μ·B + (1 − μ)·G,  D = (1 − μ)·G + μ·B with nesterov, else B
 * X ← D / max(‖D‖, ε), then nsSteps times:  A = X·Xᵀ,  X ← a·X + (b·A + c·A²)·X
 * W ← √M·W / ‖W‖ with fixedNorm
 * W ← W − η·λ·W − η·s·X,  s = √max(1, M/K), or 0.2·√max(M, K) with matchRmsAdamw
 * ```
 *
 * @param params parameters of rank 2 and above, or groups `{ params, ...options }`, whose options override the common
 * ones
 * @param options learning rate `lr`, momentum, weight decay, and settings of the orthogonalisation
 * @throws ConfigError if there are no parameters, one comes twice or is no matrix, or an option is unknown or out of
 * range
 * @see Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Muon.html
 * @example
 * const matrices = model.parameters().filter(({ rank }) => rank >= 2);
 * const optimizer = new Muon(matrices, { lr: 0.02 });
 */
export class Muon extends Base {}

const run = { lr: 0.02, momentum: 0.95, weightDecay: 0.1 };
export const muon = optimizerEntry("muon", Muon, run, { matricesOnly: true });
