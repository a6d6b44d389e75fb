/** Muon: momentum whose steps are made orthogonal by a few matrix products. It must not know any network. */
import type { Tensor } from "../tensor/index.js";
import { checkCount, checkDecay, checkNonNegative, configError } from "./checks.js";
import { Optimizer, type ParamsOrGroups, type Rule } from "./optimizer.js";

/** How a step's size follows from the shape of a matrix; see {@link Muon}. */
export type MuonScale = "original" | "matchRmsAdamw";

/** What a Muon group may set. */
export interface MuonSettings {
  /** λ, decoupled weight decay. Default 0.1, range ≥ 0. */
  readonly weightDecay: number;
  /** μ, share of the momentum that is kept. Default 0.95, range 0 ≤ μ < 1. */
  readonly momentum: number;
  /** Nesterov's form: the step looks one momentum ahead. Default true. */
  readonly nesterov: boolean;
  /** a, b, c of the Newton-Schulz iteration. Default 3.4445, −4.775, 2.0315. */
  readonly nsCoefficients: readonly [a: number, b: number, c: number];
  /** Number of Newton-Schulz steps. Default 5, range ≥ 1. */
  readonly nsSteps: number;
  /** ε, smallest norm that is divided by. Default 1e-7, range ≥ 0. */
  readonly eps: number;
  /** `original` for Keller Jordan's scale, `matchRmsAdamw` for steps as large as AdamW's. Default `original`. */
  readonly adjustLr: MuonScale;
  /**
   * Whether a matrix of M rows is brought to the norm √M before each step, for those whose scale does not matter because
   * a normalisation follows: then the learning rate is the share of it that a step replaces. Default false, as PyTorch.
   */
  readonly fixedNorm: boolean;
}

export interface MuonOptions extends Partial<MuonSettings> {
  /** η, learning rate. Default 0.001, range ≥ 0. */
  readonly lr?: number;
}

const scales: Readonly<Record<MuonScale, (rows: number, columns: number) => number>> = {
  original: (rows, columns) => Math.sqrt(Math.max(1, rows / columns)),
  matchRmsAdamw: (rows, columns) => 0.2 * Math.sqrt(Math.max(rows, columns)),
};

const muon: Rule<MuonSettings> = {
  name: "muon",
  defaults: {
    weightDecay: 0.1,
    momentum: 0.95,
    nesterov: true,
    nsCoefficients: [3.4445, -4.775, 2.0315],
    nsSteps: 5,
    eps: 1e-7,
    adjustLr: "original",
    fixedNorm: false,
  },

  check({ weightDecay, momentum, nsCoefficients, nsSteps, eps, adjustLr }) {
    checkNonNegative("muon", "weightDecay", weightDecay);
    checkDecay("muon", "momentum", momentum);
    checkNonNegative("muon", "eps", eps);
    checkCount("muon", "nsSteps", nsSteps);
    if (!Array.isArray(nsCoefficients) || nsCoefficients.length !== 3 || !nsCoefficients.every(Number.isFinite)) {
      throw configError("muon", `nsCoefficients must be three numbers, got ${String(nsCoefficients)}`);
    }
    if (!Object.hasOwn(scales, adjustLr)) {
      throw configError("muon", `adjustLr must be original or matchRmsAdamw, got ${String(adjustLr)}`);
    }
  },

  refuse: ({ rank }) =>
    rank < 2 ? { problem: "is no matrix", hint: "Give it to SGD, in a JointOptimizer" } : undefined,

  state: () => ({ momentum_buffer: "parameter" }),

  update({ parameter, gradient, lr, state, settings }) {
    const { momentum, nesterov, weightDecay, adjustLr, fixedNorm } = settings;
    const lerp = (from: Tensor, to: Tensor, share: number) => from.mul(1 - share).add(to.mul(share));
    const buffer = lerp(state.momentum_buffer, gradient, 1 - momentum);
    const aim = nesterov ? lerp(gradient, buffer, momentum) : buffer;
    const [rows] = parameter.shape;
    const columns = parameter.size / rows;
    const step = orthogonalise(aim.reshape([rows, columns]), settings).reshape(parameter.shape);
    const norm = fixedNorm ? parameter.square().sum().sqrt().maximum(settings.eps) : undefined;
    const start = norm ? parameter.mul(norm.reciprocal().mul(Math.sqrt(rows))) : parameter;
    const kept = weightDecay === 0 ? start : start.mul(lr.mul(-weightDecay).add(1));
    return {
      parameter: kept.sub(step.mul(lr.mul(scales[adjustLr](rows, columns)))),
      state: { momentum_buffer: buffer },
    };
  },
};

/**
 * Nearly the orthogonal factor U·Vᵀ of `G = U·S·Vᵀ`: a polynomial of odd degree, applied to all singular values at once,
 * moves them to about 0.7 to 1.2. `[M, K] -> [M, K]`
 */
function orthogonalise(
  G: Tensor,
  { nsCoefficients: [a, b, c], nsSteps, eps }: Pick<MuonSettings, "nsCoefficients" | "nsSteps" | "eps">,
): Tensor {
  const [M, K] = G.shape;
  const tall = M > K; // the products are of the shorter side
  const wide = tall ? G.transpose() : G;
  let X = wide.div(wide.square().sum().sqrt().maximum(eps)); // no singular value is above 1
  for (let step = 0; step < nsSteps; step++) {
    const A = X.matmul(X.transpose());
    const B = A.mul(b).add(A.matmul(A).mul(c));
    X = X.mul(a).add(B.matmul(X));
  }
  return tall ? X.transpose() : X;
}

/**
 * Muon: momentum SGD whose steps are made orthogonal, so that every direction of a matrix moves as far as any other. For
 * the matrices and filters inside a network; a filter bank `[O, C, Kh, Kw]` counts as the matrix `[O, C·Kh·Kw]`. Biases,
 * normalisations and the last layer belong to another optimizer: see {@link JointOptimizer}.
 *
 * Formula, for the gradient G of each parameter W `[M, K]`:
 * ```text
 * B ← μ·B + (1 − μ)·G,  D = (1 − μ)·G + μ·B with nesterov, else B
 * X ← D / max(‖D‖, ε), then nsSteps times:  A = X·Xᵀ,  X ← a·X + (b·A + c·A²)·X
 * W ← √M·W / ‖W‖ with fixedNorm
 * W ← W − η·λ·W − η·s·X,  s = √max(1, M/K), or 0.2·√max(M, K) with matchRmsAdamw
 * ```
 *
 * @param params parameters of rank 2 and above, or groups `{ params, lrFactor, ...settings }`
 * @param options learning rate `lr` and the settings of all groups
 * @throws ConfigError if there are no parameters, one comes twice or is no matrix, or an option is unknown or out of range
 * @see Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Muon.html
 * @example
 * const matrices = model.parameters().filter(({ rank }) => rank >= 2);
 * const optimizer = new Muon(matrices, { lr: 0.02 });
 */
export class Muon extends Optimizer<MuonSettings> {
  constructor(params: ParamsOrGroups<MuonSettings>, { lr = 0.001, ...settings }: MuonOptions = {}) {
    super(muon, params, lr, settings);
  }
}
