/** QR factorization. */
import { checked, takes } from "../../util/arguments.js";
import { concat } from "../create.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { diagonalMatrix, diagonalOf, factorize, product, rowsOf, scaled, sizesOf, transposed } from "./matrices.js";
import { triangular } from "./triangular.js";

/** Q and R of a QR factorization. */
export interface QrResult {
  /** [.., m, k], orthonormal columns. */
  readonly q: Tensor;
  /** [.., k, n], upper triangular. */
  readonly r: Tensor;
}

/** Qᵀ [.., n, m] and Rᵀ [.., n, n] of m × n matrices whose transposes are given, without a gradient; n ≤ m. */
export function factorsOfRows(rows: Tensor): { readonly q: Tensor; readonly r: Tensor } {
  const m = rows.shape[rows.rank - 1];
  const n = rows.shape[rows.rank - 2];
  const packed = factorize("qr", [rows], {});
  return { q: packed.slice(-1, 0, m), r: packed.slice(-1, m, m + n) };
}

/** The factors of matrices with no more columns than rows; the gradient is that of Roberts and Roberts. */
function tall(x: Tensor): QrResult {
  const { m, n } = sizesOf("qr", x);
  const unpack = (y: Tensor): QrResult => ({ q: rowsOf(y, 0, m), r: rowsOf(y, m, m + n) });
  const packed = customGradient({
    forward: (a) => {
      const { matrix, scale } = scaled(a);
      const { q, r } = factorsOfRows(transposed(matrix));
      return concat([transposed(q), transposed(r).mul(scale)], { dim: -2 });
    },
    backward: (g, { output }) => {
      const { q, r } = unpack(output);
      const { q: ofQ, r: ofR } = unpack(g);
      const inner = product(ofR, transposed(r))
        .sub(product(transposed(q), ofQ))
        .triu();
      const symmetric = inner.add(transposed(inner)).sub(diagonalMatrix(diagonalOf(inner)));
      const left = ofQ.add(product(q, symmetric));
      return [transposed(triangular(r, transposed(left), { upper: true, unit: false }))];
    },
  })(x);
  return unpack(packed);
}

/**
 * The reduced QR factorization: `[.., m, n] -> Q [.., m, k], R [.., k, n], k = min(m, n)`.
 *
 * Formula: `A = Q R`, `Qᵀ Q = 1`, by Householder's reflections, with the signs of LAPACK. Q is orthonormal also where
 * the columns of A are dependent; the gradient needs the first k columns to be independent. In f32 `|A − Q R|` is at
 * most `4 n ε |A|` and `|Qᵀ Q − 1|` at most `4 n ε`, ε = 2⁻²⁴.
 *
 * @throws ShapeError if a tensor is no matrix, DTypeError for integers
 * @see Roberts and Roberts 2020, "QR and LQ Decomposition Matrix Backpropagation Algorithms", arXiv:2009.10071
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.qr.html
 * @example
 * const { q, r } = linalg.qr(tensor([[3, 1], [4, 2]]));
 */
export const qr = /* @__PURE__ */ checked("qr", takes({ x: tensorKind }), (x: Tensor): QrResult => {
  const { m, n } = sizesOf("qr", x);
  if (n <= m) return tall(x);
  const { q, r } = tall(x.slice(-1, 0, m));
  return { q, r: concat([r, product(transposed(q), x.slice(-1, m, n))], { dim: -1 }) };
});
