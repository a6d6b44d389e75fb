/** Norms and condition numbers of matrices. */
import { checked, takes } from "../../util/arguments.js";
import { flag, type Kind } from "../../util/kinds.js";
import { shapeError } from "../check.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { sizesOf, squareSizeOf } from "./matrices.js";
import { inv } from "./solve.js";
import { svdvals } from "./svd.js";

/**
 * A norm of matrices: `"fro"` is the root of the sum of squares, `"nuc"` the sum of singular values, 2 (−2) the largest
 * (smallest) singular value, 1 (−1) the largest (smallest) sum of a column, ∞ (−∞) that of a row.
 */
export type MatrixNorm = "fro" | "nuc" | 1 | -1 | 2 | -2 | number;

const NORMS: readonly unknown[] = ["fro", "nuc", 1, -1, 2, -2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const normKind: Kind = { name: '"fro", "nuc", ±1, ±2 or ±Infinity', accepts: (value) => NORMS.includes(value) };

/** Options of `linalg.matrixNorm`. */
export interface MatrixNormOptions {
  /** The norm; default `"fro"`. */
  readonly ord?: MatrixNorm;
  /** Keeps the axes of the matrices with size 1; default false. */
  readonly keepdim?: boolean;
}

/** The norm of every matrix [.., m, n] -> [..]. */
function normOf(x: Tensor, ord: MatrixNorm): Tensor {
  if (ord === "fro") return x.norm({ dim: [-2, -1] });
  if (ord === "nuc") return svdvals(x).sum({ dim: -1 });
  const values = ord === 2 || ord === -2 ? svdvals(x) : x.abs().sum({ dim: Math.abs(ord) === 1 ? -2 : -1 });
  return ord > 0 ? values.max({ dim: -1 }) : values.min({ dim: -1 });
}

/**
 * Norms of matrices: `[.., m, n] -> [..]`.
 *
 * @param options.ord - `"fro"`, `"nuc"`, ±1 (sums of columns), ±2 (singular values) or ±Infinity (sums of rows); default
 *   `"fro"`
 * @param options.keepdim - keeps both axes with size 1; default false
 * @throws ShapeError if a tensor is no matrix, or has no elements to choose from; DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
 * @example
 * const size = linalg.matrixNorm(tensor([[3, 0], [0, 4]])); // 5
 */
export const matrixNorm = /* @__PURE__ */ checked(
  "matrixNorm",
  takes<MatrixNormOptions>({ x: tensorKind }, { ord: normKind, keepdim: flag }),
  (x: Tensor, options: MatrixNormOptions = {}): Tensor => {
    const { ord = "fro", keepdim = false } = options;
    sizesOf("matrixNorm", x);
    const norm = normOf(x, ord);
    return keepdim ? norm.unsqueeze(-1).unsqueeze(-1) : norm;
  },
);

/** Options of `linalg.cond`. */
export interface CondOptions {
  /** The norm; default 2. */
  readonly p?: MatrixNorm;
}

/**
 * Condition numbers: `[.., m, n] -> [..]`; infinite where the smallest singular value is 0.
 *
 * Formula: the largest singular value over the smallest, or with another norm, of square matrices, `|A| |A⁻¹|`, NaN
 * where A is singular.
 *
 * @param options.p - the norm, as `ord` of `matrixNorm`; default 2
 * @throws ShapeError if a tensor is no matrix, or not square with another norm; DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.cond.html
 * @example
 * const ratio = linalg.cond(tensor([[4, 0], [0, 2]])); // 2
 */
export const cond = /* @__PURE__ */ checked(
  "cond",
  takes<CondOptions>({ x: tensorKind }, { p: normKind }),
  (x: Tensor, options: CondOptions = {}): Tensor => {
    const { p = 2 } = options;
    const { m, n } = p === 2 || p === -2 ? sizesOf("cond", x) : { m: 1, n: squareSizeOf("cond", x).n };
    if (m * n === 0) throw shapeError("cond", "matrices have no elements");
    if (p !== 2 && p !== -2) return normOf(x, p).mul(normOf(inv(x), p));
    const values = svdvals(x);
    const [largest, smallest] = [values.select(-1, 0), values.select(-1, Math.min(m, n) - 1)];
    return p === 2 ? largest.div(smallest) : smallest.div(largest);
  },
);
