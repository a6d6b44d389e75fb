/** Systems of equations with triangular matrices. */
import { formatShape } from "../../ir/graph.js";
import { checked, takes } from "../../util/arguments.js";
import { flag, needed } from "../../util/kinds.js";
import { shapeError } from "../check.js";
import { customGradient } from "../custom.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { factorize, product, sameFloats, sizesOf, squareSizeOf, transposed, withCommonBatch } from "./matrices.js";

interface Triangle {
  readonly upper: boolean;
  /** Whether the diagonal counts as ones. */
  readonly unit: boolean;
}

/** The solution X of A X = Y; both have the same leading axes. */
export function triangular(a: Tensor, y: Tensor, { upper, unit }: Triangle): Tensor {
  return customGradient({
    forward: (matrix, right) => factorize("triangularSolve", [matrix, right], { upper, unit }),
    backward: (g, { inputs: [matrix], output: x }) => {
      const ofRight = triangular(transposed(matrix), g, { upper: !upper, unit });
      const ofMatrix = product(ofRight, transposed(x)).neg();
      const diagonal = unit ? 1 : 0;
      return [upper ? ofMatrix.triu({ diagonal }) : ofMatrix.tril({ diagonal: -diagonal }), ofRight];
    },
  })(a, y);
}

/** Options of `linalg.solveTriangular`. */
export interface SolveTriangularOptions {
  /** Whether the matrices are upper triangular; the other triangle is not read. */
  readonly upper: boolean;
  /** Solves A X = B; if false, X A = B. Default true. */
  readonly left?: boolean;
  /** Takes the diagonal as ones, without reading it; default false. */
  readonly unitriangular?: boolean;
}

/**
 * The solution of systems with triangular matrices: `A [.., n, n], B [.., n, k] -> [.., n, k]`; leading axes broadcast.
 *
 * Formula: `A X = B`, or `X A = B` of `B [.., k, n]` with `left: false`. A zero on the diagonal divides by zero, as in
 * PyTorch.
 *
 * @param options.upper - whether A is upper triangular; the other triangle is not read
 * @param options.left - solves A X = B; default true
 * @param options.unitriangular - takes the diagonal as ones; default false
 * @throws ShapeError if the shapes do not fit, DTypeError for integers or two dtypes
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
 * @example
 * const x = linalg.solveTriangular(tensor([[2, 0], [1, 1]]), tensor([[2], [3]]), { upper: false }); // [[1], [2]]
 */
export const solveTriangular = /* @__PURE__ */ checked(
  "solveTriangular",
  takes<SolveTriangularOptions>(
    { a: tensorKind, b: tensorKind },
    { upper: needed(flag), left: flag, unitriangular: flag },
  ),
  (a: Tensor, b: Tensor, options: SolveTriangularOptions): Tensor => {
    const { upper, left = true, unitriangular = false } = options;
    const { n } = squareSizeOf("solveTriangular", a);
    const { m: rows, n: columns } = sizesOf("solveTriangular", b);
    sameFloats("solveTriangular", a, b);
    if ((left ? rows : columns) !== n) {
      throw shapeError("solveTriangular", `B ${formatShape(b.shape)} does not fit A ${formatShape(a.shape)}`);
    }
    const [matrix, right] = withCommonBatch("solveTriangular", a, b);
    if (left) return triangular(matrix, right, { upper, unit: unitriangular });
    return transposed(triangular(transposed(matrix), transposed(right), { upper: !upper, unit: unitriangular }));
  },
);
