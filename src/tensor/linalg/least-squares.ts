/** Least squares, pseudo-inverses and ranks, from singular values. */
import { formatShape } from "../../ir/graph.js";
import { checked, takes } from "../../util/arguments.js";
import { range } from "../../util/kinds.js";
import { shapeError } from "../check.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { epsilonOf, product, reciprocalOrZero, sameFloats, sizesOf, transposed } from "./matrices.js";
import { svdvals, thinSvd } from "./svd.js";

/** Which singular values count as zero. */
export interface RankOptions {
  /** Those up to this number; default 0. */
  readonly atol?: number;
  /** Those up to this share of the largest one; default max(m, n) times the distance of 1 to the next number. */
  readonly rtol?: number;
}

const tolerances = { atol: range(0, Number.POSITIVE_INFINITY), rtol: range(0, Number.POSITIVE_INFINITY) };

/** Whether each of the singular values [.., k] of m × n matrices counts as more than zero. */
function areNonzero(s: Tensor, size: number, { atol = 0, rtol }: RankOptions): Tensor {
  if (s.size === 0) return s.gt(0);
  const share = rtol ?? (atol > 0 ? 0 : size * epsilonOf(s.dtype));
  const limit = s.max({ dim: -1, keepdim: true }).mul(share).maximum(atol);
  return s.gt(limit);
}

/** Pseudo-inverses; the gradient is that of matrices of constant rank (Golub and Pereyra 1973). */
function pseudoInverse(op: string, x: Tensor, options: RankOptions): Tensor {
  const { m, n } = sizesOf(op, x);
  return customGradient({
    forward: (a) => {
      const { u, s, vh } = thinSvd(op, a);
      const inverse = reciprocalOrZero(areNonzero(s, Math.max(m, n), options).where(s, s.mul(0)));
      return product(transposed(vh).mul(inverse.unsqueeze(-2)), transposed(u));
    },
    backward: (gradient, { inputs: [a], output: p }) => {
      const g = transposed(gradient);
      const across = transposed(p);
      if (m <= n) {
        const k = product(g, p);
        const inside = product(k, across);
        const direct = inside.sub(transposed(product(p, k))).sub(product(a, p, inside));
        return [direct.add(product(across, p, g.sub(product(k, a))))];
      }
      const k = product(p, g);
      const inside = product(across, k);
      const direct = inside.sub(transposed(product(k, p))).sub(product(inside, p, a));
      return [direct.add(product(g.sub(product(a, k)), p, across))];
    },
  })(x);
}

/**
 * Pseudo-inverses (Moore and Penrose): `[.., m, n] -> [.., n, m]`.
 *
 * Formula: `V diag(1 / S) Uᵀ`, without the singular values that count as zero.
 *
 * @param options.atol - singular values up to it count as zero; default 0
 * @param options.rtol - the same as a share of the largest one; default max(m, n) ε, or 0 if `atol` is given
 * @throws ShapeError if a tensor is no matrix, DTypeError for integers
 * @see Golub and Pereyra 1973, "The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems Whose
 *   Variables Separate"
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.pinv.html
 * @example
 * const p = linalg.pinv(tensor([[2, 0], [0, 4], [0, 0]])); // [[0.5, 0, 0], [0, 0.25, 0]]
 */
export const pinv = /* @__PURE__ */ checked(
  "pinv",
  takes<RankOptions>({ x: tensorKind }, tolerances),
  (x: Tensor, options: RankOptions = {}): Tensor => pseudoInverse("pinv", x, options),
);

/**
 * Ranks, as i32: `[.., m, n] -> [..]`, the number of singular values that do not count as zero.
 *
 * @param options.atol - singular values up to it count as zero; default 0
 * @param options.rtol - the same as a share of the largest one; default max(m, n) ε, or 0 if `atol` is given
 * @throws ShapeError if a tensor is no matrix, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_rank.html
 * @example
 * const rank = linalg.matrixRank(tensor([[1, 2], [2, 4]])); // 1
 */
export const matrixRank = /* @__PURE__ */ checked(
  "matrixRank",
  takes<RankOptions>({ x: tensorKind }, tolerances),
  (x: Tensor, options: RankOptions = {}): Tensor => {
    const { m, n } = sizesOf("matrixRank", x);
    return areNonzero(svdvals(x), Math.max(m, n), options).to("i32").sum({ dim: -1 });
  },
);

/** Options of `linalg.lstsq`. */
export interface LstsqOptions {
  /** Singular values up to this share of the largest one count as zero; default max(m, n) ε. */
  readonly rcond?: number;
}

/** The solution of a least squares problem, and what else is known of it. */
export interface LstsqResult {
  /** [.., n, k] */
  readonly solution: Tensor;
  /** Sums of squares of A X − B for each column [.., k]. */
  readonly residuals: Tensor;
  /** Ranks of A, as i32 [..]. */
  readonly rank: Tensor;
  /** Singular values of A, descending [.., min(m, n)]. */
  readonly singularValues: Tensor;
}

/**
 * The solution of least squares problems: `A [.., m, n], B [.., m, k] -> X [.., n, k]`; leading axes broadcast.
 *
 * Formula: of all X that minimise `|A X − B|` the one of least norm, by singular values, so that A may be rank
 * deficient.
 *
 * @param options.rcond - singular values up to this share of the largest one count as zero; default max(m, n) ε
 * @throws ShapeError if the shapes do not fit, DTypeError for integers or two dtypes
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
 * @example
 * const { solution } = linalg.lstsq(tensor([[1, 0], [0, 2], [0, 0]]), tensor([[1], [2], [3]]));
 */
export const lstsq = /* @__PURE__ */ checked(
  "lstsq",
  takes<LstsqOptions>({ a: tensorKind, b: tensorKind }, { rcond: range(0, Number.POSITIVE_INFINITY) }),
  (a: Tensor, b: Tensor, options: LstsqOptions = {}): LstsqResult => {
    const { rcond } = options;
    const { m, n } = sizesOf("lstsq", a);
    sameFloats("lstsq", a, b);
    if (sizesOf("lstsq", b).m !== m) {
      throw shapeError("lstsq", `B ${formatShape(b.shape)} does not fit A ${formatShape(a.shape)}`);
    }
    const tolerance = rcond === undefined ? {} : { rtol: rcond };
    const solution = product(pseudoInverse("lstsq", a, tolerance), b);
    const singularValues = svdvals(a);
    return {
      solution,
      residuals: product(a, solution).sub(b).square().sum({ dim: -2 }),
      rank: areNonzero(singularValues, Math.max(m, n), tolerance).to("i32").sum({ dim: -1 }),
      singularValues,
    };
  },
);
