/** Singular value decomposition. */
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import { concat, zeros } from "../create.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { signsOfRows } from "./eigh.js";
import {
  diagonalMatrix,
  diagonalOf,
  factorize,
  identities,
  product,
  reciprocalOrZero,
  rowsOf,
  scaled,
  sizesOf,
  transposed,
} from "./matrices.js";
import { factorsOfRows } from "./qr.js";

/** Options of `linalg.svd`. */
export interface SvdOptions {
  /** U and Vᵀ as square matrices, completed by orthonormal vectors that have no gradient; default true. */
  readonly fullMatrices?: boolean;
}

/** A = U diag(S) Vᵀ. */
export interface SvdResult {
  /** [.., m, k], or [.., m, m]. */
  readonly u: Tensor;
  /** [.., k], descending. */
  readonly s: Tensor;
  /** [.., k, n], or [.., n, n]. */
  readonly vh: Tensor;
}

/** Orthonormal rows beside given ones [.., k, m] that are orthonormal or zero, which get a direction: [.., count, m]. */
function completed(rows: Tensor, count: number): Tensor {
  const k = rows.shape[rows.rank - 2];
  const { q, r } = factorsOfRows(
    rows.pad([...rows.shape.slice(0, -2).map(() => [0, 0] as const), [0, count - k], [0, 0]]),
  );
  return q.mul(diagonalOf(r).lt(0).where(-1, 1).to(rows.dtype).unsqueeze(-1));
}

/** Rows of Uᵀ, then columns of V, then S, of matrices with no more columns than rows: [.., k, m + n + 1]. */
function decomposed(a: Tensor): Tensor {
  const { m, n, batch } = sizesOf("svd", a);
  if (a.size === 0) return zeros([...batch, n, m + n + 1], { dtype: a.dtype });
  const { matrix, scale } = scaled(a);
  const start = concat([transposed(matrix), identities(batch, n, a.dtype)], { dim: -1 });
  const rotated = factorize("jacobi", [start], { length: m });
  const rows = rotated.slice(-1, 0, m);
  const right = rotated.slice(-1, m, m + n);
  // Rounded rotations change norms a little, those of both parts of a row alike.
  const lengths = right.norm({ dim: -1, keepdim: true });
  const norms = rows.norm({ dim: -1, keepdim: true });
  // Norms are in order but for the rounding of their sums.
  const values = norms.div(lengths).cummin(-2).mul(scale);
  const left = completed(rows.mul(reciprocalOrZero(norms)), n);
  const signs = signsOfRows(left);
  const missing = matrix.mul(0).sum({ dim: [-2, -1], keepdim: true });
  return concat([left.mul(signs), right.div(lengths).mul(signs), values], { dim: -1 }).add(missing);
}

/** The reduced decomposition. */
export function thinSvd(op: string, x: Tensor): SvdResult {
  const { m, n } = sizesOf(op, x);
  if (m < n) {
    const { u, s, vh } = thinSvd(op, transposed(x));
    return { u: transposed(vh), s, vh: transposed(u) };
  }
  const unpack = (y: Tensor) => ({
    u: transposed(y.slice(-1, 0, m)),
    v: transposed(y.slice(-1, m, m + n)),
    s: y.select(-1, m + n),
  });
  const packed = customGradient({
    forward: decomposed,
    backward: (g, { output }) => {
      const { u, v, s } = unpack(output);
      const { u: ofU, v: ofV, s: ofS } = unpack(g);
      const squares = s.mul(s);
      const gaps = reciprocalOrZero(squares.unsqueeze(-2).sub(squares.unsqueeze(-1)));
      const skew = (y: Tensor) => y.sub(transposed(y)).mul(gaps);
      const across = skew(product(transposed(u), ofU)).mul(s.unsqueeze(-2));
      const along = skew(product(transposed(v), ofV)).mul(s.unsqueeze(-1));
      const inner = product(u, across.add(along).add(diagonalMatrix(ofS)), transposed(v));
      if (m === n) return [inner];
      const outside = ofU.sub(product(u, transposed(u), ofU)).mul(reciprocalOrZero(s).unsqueeze(-2));
      return [inner.add(product(outside, transposed(v)))];
    },
  })(x);
  const { u, v, s } = unpack(packed);
  return { u, s, vh: transposed(v) };
}

/** Orthonormal rows as given, followed by others, which have no gradient. */
function square(rows: Tensor): Tensor {
  const [k, n] = rows.shape.slice(-2);
  return k === n ? rows : concat([rows, rowsOf(completed(rows.detach(), n), k, n)], { dim: -2 });
}

/**
 * The singular value decomposition: `[.., m, n] -> U [.., m, m], S [.., k], Vᵀ [.., n, n], k = min(m, n)`; with
 * `fullMatrices: false` U is `[.., m, k]` and Vᵀ `[.., k, n]`.
 *
 * Formula: `A = U diag(S) Vᵀ`, by one-sided Jacobi rotations; S descends, also of dependent columns U and V are
 * orthonormal. The element of largest magnitude of each column of U (of V, if m < n) is positive. In f32
 * `|A − U diag(S) Vᵀ|` is at most `4 k ε |A|`, and `|Uᵀ U − 1|` at most `4 k ε`, ε = 2⁻²⁴. The gradient of U and V
 * divides by differences of squares of singular values, and of rectangular matrices by singular values; equal ones and
 * zeros do not contribute.
 *
 * @param options.fullMatrices - square U and Vᵀ; default true
 * @throws ShapeError if a tensor is no matrix, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.svd.html
 * @example
 * const { u, s, vh } = linalg.svd(tensor([[3, 0], [0, 4], [0, 0]]), { fullMatrices: false }); // s is [4, 3]
 */
export const svd = /* @__PURE__ */ checked(
  "svd",
  takes<SvdOptions>({ x: tensorKind }, { fullMatrices: flag }),
  (x: Tensor, options: SvdOptions = {}): SvdResult => {
    const { fullMatrices = true } = options;
    const { u, s, vh } = thinSvd("svd", x);
    return fullMatrices ? { u: transposed(square(transposed(u))), s, vh: square(vh) } : { u, s, vh };
  },
);

/**
 * Singular values, descending: `[.., m, n] -> [.., min(m, n)]`.
 *
 * @throws ShapeError if a tensor is no matrix, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.svdvals.html
 * @example
 * const s = linalg.svdvals(tensor([[3, 0], [0, 4]])); // [4, 3]
 */
export const svdvals = /* @__PURE__ */ checked(
  "svdvals",
  takes({ x: tensorKind }),
  (x: Tensor): Tensor => thinSvd("svdvals", x).s,
);
