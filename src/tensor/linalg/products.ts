/** Powers of matrices, and products of several. */
import { formatShape } from "../../ir/graph.js";
import { checked, takes } from "../../util/arguments.js";
import { list, whole } from "../../util/kinds.js";
import { shapeError } from "../check.js";
import { type Tensor, tensorKind } from "../tensor.js";
import { identities, product, squareSizeOf } from "./matrices.js";
import { inv } from "./solve.js";

/**
 * Powers of square matrices: `[.., n, n] -> [.., n, n]`, by squaring; negative ones are powers of the inverse.
 *
 * @param exponent - a whole number; 0 gives the identity
 * @throws ShapeError if the matrices are not square, DTypeError for integers
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html
 * @example
 * const y = linalg.matrixPower(tensor([[1, 1], [0, 1]]), 5); // [[1, 5], [0, 1]]
 */
export const matrixPower = /* @__PURE__ */ checked(
  "matrixPower",
  takes({ x: tensorKind, exponent: whole }),
  (x: Tensor, exponent: number): Tensor => {
    const { n, batch } = squareSizeOf("matrixPower", x);
    if (exponent === 0) return identities(batch, n, x.dtype);
    let square = exponent < 0 ? inv(x) : x;
    let result: Tensor | null = null;
    for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) result = result ? product(result, square) : square;
      if (rest > 1) square = product(square, square);
    }
    return result ?? square;
  },
);

/**
 * The product of matrices in the order of multiplications that needs the least work: `[a, b], [b, c], … -> [a, z]`. The
 * first and the last may be vectors, a row and a column, whose axis the result lacks.
 *
 * @throws ShapeError if the shapes do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.multi_dot.html
 * @example
 * const y = linalg.multiDot([ones([10, 100]), ones([100, 5]), ones([5, 50])]); // shape [10, 50]
 */
export const multiDot = /* @__PURE__ */ checked(
  "multiDot",
  takes({ tensors: list(tensorKind, "an array of tensors") }),
  (tensors: readonly Tensor[]): Tensor => {
    const end = tensors.length - 1;
    if (end < 1) throw shapeError("multiDot", `needs two matrices or more, got ${tensors.length}`);
    const matrices = tensors.map((x, i) => {
      const isVector = x.rank === 1 && (i === 0 || i === end);
      if (!isVector && x.rank !== 2) throw shapeError("multiDot", `tensor ${i} is no matrix: ${formatShape(x.shape)}`);
      return isVector ? x.unsqueeze(i === 0 ? 0 : 1) : x;
    });
    matrices.slice(1).forEach((x, i) => {
      if (x.shape[0] === matrices[i].shape[1]) return;
      const shapes = `${formatShape(tensors[i].shape)}, ${formatShape(tensors[i + 1].shape)}`;
      throw shapeError("multiDot", `tensors ${i} and ${i + 1} do not fit: ${shapes}`);
    });
    const result = inBestOrder(matrices);
    const last = tensors[end].rank === 1 ? result.squeeze({ dim: 1 }) : result;
    return tensors[0].rank === 1 ? last.squeeze({ dim: 0 }) : last;
  },
);

/** The product of a chain of matrices, by dynamic programming over its parts. */
function inBestOrder(matrices: readonly Tensor[]): Tensor {
  const sizes = [matrices[0].shape[0], ...matrices.map(({ shape }) => shape[1])];
  const count = matrices.length;
  /** Multiplications for the matrices from `i` to `j`, and the last one of the left factor. */
  const cost = matrices.map(() => new Array<number>(count).fill(0));
  const cut = matrices.map(() => new Array<number>(count).fill(0));
  for (let length = 1; length < count; length++) {
    for (let i = 0; i + length < count; i++) {
      const j = i + length;
      cost[i][j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const work = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1];
        if (work >= cost[i][j]) continue;
        cost[i][j] = work;
        cut[i][j] = k;
      }
    }
  }
  const chain = (i: number, j: number): Tensor =>
    i === j ? matrices[i] : product(chain(i, cut[i][j]), chain(cut[i][j] + 1, j));
  return chain(0, count - 1);
}
