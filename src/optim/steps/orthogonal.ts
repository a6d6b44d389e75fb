/** Steps of Muon that treat a parameter as a matrix: orthogonalised updates, and matrices of a fixed norm. */
import type { Tensor, Variable } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { count, type Kind, word } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";

/** The rule that scales an update by the shape of its matrix; see {@link orthogonalise}. */
export type MuonScale = "original" | "matchRmsAdamw";

/** The options of {@link orthogonalise}. */
export interface OrthogonaliseOptions {
  /** a, b, c of the Newton-Schulz iteration; cannot change later. Default 3.4445, −4.775, 2.0315. */
  readonly nsCoefficients?: readonly [a: number, b: number, c: number];
  /** Number of Newton-Schulz iterations; cannot change later. Default 5, range ≥ 1. */
  readonly nsSteps?: number;
  /** ε, lower limit of the norm that is divided by, the hyper-parameter of that name. Default 1e-7, range ≥ 0. */
  readonly eps?: HyperValue;
  /** Scale: `original` for Keller Jordan's, `matchRmsAdamw` for updates as large as AdamW's. Default `original`. */
  readonly adjustLr?: MuonScale;
}

const scales: Readonly<Record<MuonScale, (rows: number, columns: number) => number>> = {
  original: (rows, columns) => Math.sqrt(Math.max(1, rows / columns)),
  matchRmsAdamw: (rows, columns) => 0.2 * Math.sqrt(Math.max(rows, columns)),
};

const threeNumbers: Kind = {
  name: "three numbers",
  accepts: (value) => Array.isArray(value) && value.length === 3 && value.every(Number.isFinite),
};

/** The kinds of the options of {@link orthogonalise}. */
export const orthogonalisation = {
  nsCoefficients: threeNumbers,
  nsSteps: count(),
  eps: hyper(nonNegative),
  adjustLr: word(["original", "matchRmsAdamw"]),
};

const refuse = ({ rank }: Variable) =>
  rank < 2 ? { problem: "is no matrix", hint: "Give it to another chain, in a partition" } : undefined;

/** Rows and columns of a parameter: a filter bank `[O, C, Kh, Kw]` is the matrix `[O, C·Kh·Kw]`. */
const matrixOf = ({ shape, size }: Tensor): [rows: number, columns: number] => [shape[0], size / shape[0]];

/**
 * Replaces an update by an approximation of the nearest matrix with orthogonal rows or columns, so that it has equal
 * size in every direction. A filter bank `[O, C, Kh, Kw]` counts as the matrix `[O, C·Kh·Kw]`.
 *
 * Formula, for an update `[M, K]`: `X ← u / max(‖u‖, ε)`, then nsSteps times `A = X·Xᵀ`, `X ← a·X + (b·A + c·A²)·X`;
 * `u ← s·X`, `s = √max(1, M/K)`, or `0.2·√max(M, K)` with matchRmsAdamw.
 *
 * @param options coefficients and number of steps, `eps`, and the scale
 * @throws ConfigError if an option is out of range; from the optimizer if a parameter is no matrix
 * @see Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
 * @example
 * const matrices = model.parameters().filter(({ rank }) => rank >= 2);
 * new Optimizer(matrices, chain(averageGradients(0.95), orthogonalise(), scaleByRate(0.02))).step();
 */
export const orthogonalise = checked(
  "orthogonalise",
  takes<OrthogonaliseOptions>({}, orthogonalisation),
  (options: OrthogonaliseOptions = {}): ChainStep => {
    const { nsCoefficients = [3.4445, -4.775, 2.0315], nsSteps = 5, eps = 1e-7, adjustLr = "original" } = options;
    return step({
      name: "orthogonalise",
      hypers: { eps: { value: eps, range: nonNegative } },
      refuse,
      update({ update, hypers }) {
        const [rows, columns] = matrixOf(update);
        const tall = rows > columns; // transposed, so that the products have the size of the shorter side
        const matrix = update.reshape([rows, columns]);
        const wide = tall ? matrix.transpose() : matrix;
        const factor = newtonSchulz(wide, nsCoefficients, nsSteps, hypers.eps);
        const turned = (tall ? factor.transpose() : factor).reshape(update.shape);
        return { update: turned.mul(scales[adjustLr](rows, columns)) };
      },
    });
  },
);

/**
 * Approximates the orthogonal factor U·Vᵀ of `G = U·S·Vᵀ`: a polynomial of odd degree, applied to all singular values
 * at once, moves them to about 0.7 to 1.2. `[M, K] -> [M, K]`
 */
function newtonSchulz(G: Tensor, [a, b, c]: readonly [number, number, number], steps: number, eps: Tensor): Tensor {
  let X = G.div(G.square().sum().sqrt().maximum(eps)); // no singular value is above 1
  for (let i = 0; i < steps; i++) {
    const A = X.matmul(X.transpose());
    const B = A.mul(b).add(A.matmul(A).mul(c));
    X = X.mul(a).add(B.matmul(X));
  }
  return X;
}

/**
 * Scales a matrix of M rows to the norm √M before its update, for matrices followed by a normalisation, whose scale has
 * no effect: the learning rate then is the share of the matrix that an update replaces.
 *
 * Formula: `θ ← √M·θ / max(‖θ‖, 1e-7)`.
 *
 * @throws ConfigError from the optimizer if a parameter is no matrix
 * @example
 * const matrices = model.parameters().filter(({ rank }) => rank >= 2);
 * new Optimizer(matrices, chain(orthogonalise(), fixNorm(), scaleByRate(0.1))).step();
 */
export const fixNorm = checked("fixNorm", takes(), (): ChainStep => {
  return step({
    name: "fixNorm",
    refuse,
    update({ parameter }) {
      const norm = parameter.square().sum().sqrt().maximum(1e-7);
      return { parameter: parameter.mul(norm.reciprocal().mul(Math.sqrt(parameter.shape[0]))) };
    },
  });
});
