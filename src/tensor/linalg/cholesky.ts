/** Cholesky's factorization. */
import { checked, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { factorize, halvedTriangle, product, squareSizeOf, transposed } from "./matrices.js";
import { triangular } from "./triangular.js";

/** Options of `linalg.cholesky`. */
export interface CholeskyOptions {
  /** Gives Lᵀ in place of L; default false. */
  readonly upper?: boolean;
}

/** L; the gradient is Giles's, with respect to a symmetric matrix. */
// @__NO_SIDE_EFFECTS__
function lower(x: Tensor): Tensor {
  return customGradient({
    forward: (a) => factorize("cholesky", [a], {}),
    backward: (g, { output: l }) => {
      const across = transposed(l);
      const middle = halvedTriangle(product(across, g));
      const symmetric = middle.add(transposed(middle)).mul(0.5);
      // Lᵀ⁻¹ S L⁻¹, whose second factor acts from the right.
      const left = triangular(across, symmetric, { upper: true, unit: false });
      return [transposed(triangular(across, transposed(left), { upper: true, unit: false }))];
    },
  })(x);
}

/**
 * The Cholesky factor of symmetric positive definite matrices: `[.., n, n] -> [.., n, n]`, lower triangular.
 *
 * Formula: `A = L Lᵀ`. The lower triangle of A is read. A matrix that is not positive definite gives NaN everywhere.
 * In f32 `|A − L Lᵀ|` is at most `4 n ε |A|`, ε = 2⁻²⁴.
 *
 * @param options.upper - gives Lᵀ; default false
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html
 * @example
 * const l = linalg.cholesky(tensor([[4, 2], [2, 5]])); // [[2, 0], [1, 2]]
 */
export const cholesky = /* @__PURE__ */ checked(
  "cholesky",
  takes<CholeskyOptions>({ x: tensorKind }, { upper: flag }),
  (x: Tensor, options: CholeskyOptions = {}): Tensor => {
    const { upper = false } = options;
    squareSizeOf("cholesky", x);
    return upper ? transposed(lower(x)) : lower(x);
  },
);
