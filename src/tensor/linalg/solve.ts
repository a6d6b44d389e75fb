/** Systems of linear equations, inverses and determinants, from one LU factorization. */
import { formatShape, sameShape } from "../../ir/graph.js";
import { checked, takes } from "../../util/arguments.js";
import { shapeError } from "../check.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import {
  diagonalMatrix,
  diagonalOf,
  epsilonOf,
  factorize,
  identities,
  product,
  sameFloats,
  squareSizeOf,
  transposed,
  withCommonBatch,
} from "./matrices.js";

/** Factors of P A = L U: L below the diagonal of `lu`, U on and above it, and the row of A at each row of P A. */
interface Factors {
  readonly lu: Tensor;
  readonly order: Tensor;
}

function factorsOf(a: Tensor): Factors {
  const n = a.shape[a.rank - 1];
  const packed = factorize("lu", [a], {});
  return { lu: packed.slice(-1, 0, n), order: packed.select(-1, n) };
}

const solveUpper = (a: Tensor, y: Tensor): Tensor => factorize("triangularSolve", [a, y], { upper: true, unit: false });
const solveLower = (a: Tensor, y: Tensor): Tensor => factorize("triangularSolve", [a, y], { upper: false, unit: true });

/** Rows y [.., n, k] in the order of the factorization. */
function permuted({ order }: Factors, y: Tensor): Tensor {
  return y.gather(-2, order.to("i32").unsqueeze(-1).expand(y.shape));
}

/** X with A X = Y, without a gradient; NaN where A is singular. */
function solveBy(factors: Factors, y: Tensor): Tensor {
  const { lu } = factors;
  const x = solveUpper(lu, solveLower(lu, permuted(factors, y)));
  const isSingular = diagonalOf(lu).eq(0).any({ dim: -1 }).unsqueeze(-1).unsqueeze(-1);
  return isSingular.where(Number.NaN, x);
}

/** X with A X = Y; both have the same leading axes. */
function system(a: Tensor, y: Tensor): Tensor {
  return customGradient({
    forward: (matrix, right) => solveBy(factorsOf(matrix), right),
    backward: (g, { inputs: [matrix], output: x }) => {
      const ofRight = system(transposed(matrix), g);
      return [product(ofRight, transposed(x)).neg(), ofRight];
    },
  })(a, y);
}

/**
 * The solution of systems of linear equations: `A [.., n, n], B [.., n, k] -> [.., n, k]`; leading axes broadcast. B may
 * be a vector `[n]`, or vectors `[.., n]` with the leading axes of A.
 *
 * Formula: `A X = B`, by LU factorization with partial pivoting. A matrix that is exactly singular gives NaN. In f32
 * `|B − A X|` is at most `8 n ε |A| |X|`, ε = 2⁻²⁴, unless elements grow in elimination.
 *
 * @throws ShapeError if the shapes do not fit, DTypeError for integers or two dtypes
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.solve.html
 * @example
 * const x = linalg.solve(tensor([[2, 1], [1, 3]]), tensor([3, 5])); // [0.8, 1.4]
 */
export const solve = /* @__PURE__ */ checked(
  "solve",
  takes({ a: tensorKind, b: tensorKind }),
  (a: Tensor, b: Tensor): Tensor => {
    const { n } = squareSizeOf("solve", a);
    sameFloats("solve", a, b);
    const isVector = b.rank === 1 || (b.rank === a.rank - 1 && sameShape(b.shape, a.shape.slice(0, -1)));
    const right = isVector ? b.unsqueeze(-1) : b;
    if (right.rank < 2 || right.shape[right.rank - 2] !== n) {
      throw shapeError("solve", `B ${formatShape(b.shape)} does not fit A ${formatShape(a.shape)}`);
    }
    const x = system(...withCommonBatch("solve", a, right));
    return isVector ? x.squeeze({ dim: -1 }) : x;
  },
);

/**
 * Inverse matrices: `[.., n, n] -> [.., n, n]`. A matrix that is exactly singular gives NaN.
 *
 * To multiply by an inverse, `solve` is quicker and more accurate.
 *
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.inv.html
 * @example
 * const y = linalg.inv(tensor([[2, 0], [0, 4]])); // [[0.5, 0], [0, 0.25]]
 */
export const inv = /* @__PURE__ */ checked("inv", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  const { n, batch } = squareSizeOf("inv", x);
  return system(x, identities(batch, n, x.dtype));
});

/** The factors with pivots of zero replaced by the rounding error of 1: those of a regular matrix nearby. */
function regular({ lu, order }: Factors): Factors {
  const isZero = diagonalOf(lu).eq(0).to(lu.dtype);
  return { lu: lu.add(diagonalMatrix(isZero.mul(epsilonOf(lu.dtype)))), order };
}

/** The sign of the permutation [..]: −1 to the power of the number of pairs in the wrong order. */
function parity({ order, lu }: Factors): Tensor {
  const wrong = order.unsqueeze(-1).gt(order.unsqueeze(-2)).to("i32").triu();
  return wrong
    .sum({ dim: [-2, -1] })
    .bitwiseAnd(1)
    .mul(-2)
    .add(1)
    .to(lu.dtype);
}

const determinant = (factors: Factors): Tensor => parity(factors).mul(diagonalOf(factors.lu).prod({ dim: -1 }));

/** Adjugates, det(A) A⁻¹: differentiable where A is regular, and right for matrices of rank n − 1 too. */
function adjugate(a: Tensor): Tensor {
  return customGradient({
    forward: (matrix) => {
      const factors = regular(factorsOf(matrix));
      const n = matrix.shape[matrix.rank - 1];
      const inverse = solveBy(factors, identities(matrix.shape.slice(0, -2), n, matrix.dtype));
      return determinant(factors).unsqueeze(-1).unsqueeze(-1).mul(inverse);
    },
    backward: (g, { inputs: [matrix], output: adj }) => {
      // d adj(A) = tr(adj dA) A⁻¹ − adj dA A⁻¹
      const inverse = transposed(inv(matrix));
      const across = transposed(adj);
      const trace = g.mul(transposed(inverse)).sum({ dim: [-2, -1], keepdim: true });
      return [across.mul(trace).sub(product(across, g, inverse))];
    },
  })(a);
}

/**
 * Determinants: `[.., n, n] -> [..]`; that of an empty matrix is 1.
 *
 * Formula: by LU factorization; the gradient is the transposed adjugate, also of singular matrices.
 *
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.det.html
 * @example
 * const d = linalg.det(tensor([[1, 2], [3, 4]])); // -2
 */
export const det = /* @__PURE__ */ checked("det", takes({ x: tensorKind }), (x: Tensor): Tensor => {
  squareSizeOf("det", x);
  return customGradient({
    forward: (matrix) => determinant(factorsOf(matrix)),
    backward: (g, { inputs: [matrix] }) => [transposed(adjugate(matrix)).mul(g.unsqueeze(-1).unsqueeze(-1))],
  })(x);
});

/**
 * Signs, and logarithms of the absolute values, of determinants: `[.., n, n] -> [..]` each; 0 and −∞ of a singular
 * matrix.
 *
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.slogdet.html
 * @example
 * const { sign, logabsdet } = linalg.slogdet(tensor([[0, 1], [1, 0]])); // -1, 0
 */
export const slogdet = /* @__PURE__ */ checked(
  "slogdet",
  takes({ x: tensorKind }),
  (x: Tensor): { readonly sign: Tensor; readonly logabsdet: Tensor } => {
    squareSizeOf("slogdet", x);
    const sign = customGradient({
      forward: (matrix) => {
        const factors = factorsOf(matrix);
        return parity(factors).mul(diagonalOf(factors.lu).sign().prod({ dim: -1 }));
      },
      backward: () => [null],
    });
    const logarithm = customGradient({
      forward: (matrix) => diagonalOf(factorsOf(matrix).lu).abs().log().sum({ dim: -1 }),
      backward: (g, { inputs: [matrix] }) => [transposed(inv(matrix)).mul(g.unsqueeze(-1).unsqueeze(-1))],
    });
    return { sign: sign(x), logabsdet: logarithm(x) };
  },
);
