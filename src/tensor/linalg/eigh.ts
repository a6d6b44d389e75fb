/** Eigenvalues and eigenvectors of symmetric matrices. */
import { checked, takes } from "../../util/arguments.js";
import { concat, zeros } from "../create.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import {
  diagonalMatrix,
  factorize,
  identities,
  product,
  reciprocalOrZero,
  rowsOf,
  scaled,
  squareSizeOf,
  transposed,
} from "./matrices.js";

/** Eigenvalues [.., n] in ascending order, and eigenvectors as columns [.., n, n]. */
export interface EighResult {
  readonly eigenvalues: Tensor;
  readonly eigenvectors: Tensor;
}

/** −1 for rows whose element of largest magnitude is negative, else 1: [.., k, n] -> [.., k, 1]. */
export function signsOfRows(rows: Tensor): Tensor {
  const both = rows.max({ dim: -1, keepdim: true }).add(rows.min({ dim: -1, keepdim: true }));
  return both.lt(0).where(-1, both.ge(0).where(1, both));
}

/**
 * Upper bounds of the largest absolute eigenvalues [.., 1, 1], at most n^(1/16) times as large: ρ(A) ≤ |A⁸|^(1/8), where
 * the norm is the largest sum of a row. Each power is divided by its norm, so that none leaves the range of floats.
 */
function spectralBound(x: Tensor): Tensor {
  const sizeOf = (y: Tensor) => y.abs().sum({ dim: -1, keepdim: true }).max({ dim: -2, keepdim: true });
  let power = x;
  let size = sizeOf(x);
  let bound = size;
  for (const root of [1 / 2, 1 / 4, 1 / 8]) {
    const unit = power.div(size.eq(0).where(1, size));
    power = product(unit, unit);
    size = sizeOf(power);
    bound = bound.mul(size.pow(root));
  }
  return bound;
}

/** The eigenvectors as rows, and below them the eigenvalues: [.., n + 1, n], without a gradient. */
function decomposed(a: Tensor): Tensor {
  const { n, batch } = squareSizeOf("eigh", a);
  if (a.size === 0) return zeros([...batch, n + 1, n], { dtype: a.dtype });
  const symmetric = a.tril().add(transposed(a.tril({ diagonal: -1 })));
  const { matrix, scale } = scaled(symmetric);
  // With all eigenvalues positive, they are the singular values, which rotations of rows give.
  const shift = spectralBound(matrix).mul(1.01);
  const one = identities(batch, n, a.dtype);
  const positive = matrix.add(one.mul(shift));
  const rotated = factorize("jacobi", [concat([positive, one], { dim: -1 })], { length: n });
  const rows = rotated.slice(-1, n, 2 * n).flip(-2);
  // Rounded rotations change norms a little.
  const vectors = rows.div(rows.norm({ dim: -1, keepdim: true })).mul(signsOfRows(rows));
  // Rayleigh quotients do not lose the digits that the shift takes; they can differ from the order by rounding alone.
  const values = product(vectors, matrix).mul(vectors).sum({ dim: -1 }).cummax(-1).unsqueeze(-2).mul(scale);
  // Of a matrix with NaN or infinity everything is NaN.
  const missing = matrix.mul(0).sum({ dim: [-2, -1], keepdim: true });
  return concat([vectors, values], { dim: -2 }).add(missing);
}

function differentiable(x: Tensor): EighResult {
  const { n } = squareSizeOf("eigh", x);
  const unpack = (y: Tensor) => ({ vectors: transposed(rowsOf(y, 0, n)), values: y.select(-2, n) });
  const packed = customGradient({
    forward: decomposed,
    backward: (g, { output }) => {
      const { vectors, values } = unpack(output);
      const { vectors: ofVectors, values: ofValues } = unpack(g);
      const gaps = values.unsqueeze(-2).sub(values.unsqueeze(-1));
      const turns = product(transposed(vectors), ofVectors);
      const turned = turns.sub(transposed(turns)).mul(reciprocalOrZero(gaps).mul(0.5));
      return [product(vectors, turned.add(diagonalMatrix(ofValues)), transposed(vectors))];
    },
  })(x);
  const { vectors, values } = unpack(packed);
  return { eigenvalues: values, eigenvectors: vectors };
}

/**
 * Eigenvalues, ascending, and eigenvectors of symmetric matrices: `[.., n, n] -> [.., n], [.., n, n]`.
 *
 * Formula: `A V = V diag(λ)`, `Vᵀ V = 1`, by Jacobi's rotations. The lower triangle of A is read. The element of largest
 * magnitude of each eigenvector (a column of V) is positive. In f32 `|A V − V diag(λ)|` is at most `4 n ε |A|`, and
 * `|Vᵀ V − 1|` at most `4 n ε`, ε = 2⁻²⁴. The gradient of eigenvectors divides by the differences of eigenvalues; equal
 * ones do not contribute.
 *
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.eigh.html
 * @example
 * const { eigenvalues, eigenvectors } = linalg.eigh(tensor([[2, 1], [1, 2]]));
 */
export const eigh = /* @__PURE__ */ checked("eigh", takes({ x: tensorKind }), (x: Tensor): EighResult => {
  squareSizeOf("eigh", x);
  return differentiable(x);
});

/**
 * Eigenvalues of symmetric matrices, ascending: `[.., n, n] -> [.., n]`. As those of `eigh`, with a gradient that is
 * finite for equal eigenvalues too.
 *
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.eigvalsh.html
 * @example
 * const values = linalg.eigvalsh(tensor([[2, 1], [1, 2]])); // [1, 3]
 */
export const eigvalsh = /* @__PURE__ */ checked("eigvalsh", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  squareSizeOf("eigvalsh", x);
  return differentiable(x).eigenvalues;
});
