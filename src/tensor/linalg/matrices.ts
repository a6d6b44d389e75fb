/** What the functions of linear algebra share: checks of matrices, batches of them, and factorizations as tensors. */
import { type DType, isFloat } from "../../ir/dtype.js";
import { formatShape, type Shape, type StructuralAttrs, sizeOfShape } from "../../ir/graph.js";
import { graph, helpers } from "../../ops/index.js";
import { dtypeError, shapeError } from "../check.js";
import { eye, ones } from "../create.js";
import { Tensor } from "../tensor.js";

/** The distance of 1 to the next number of the dtype. */
export const epsilonOf = (dtype: DType): number => (dtype === "f64" ? 2 ** -52 : 2 ** -23);

/** Sizes of the matrices of the last two axes. @throws ShapeError for vectors, DTypeError for integers */
export function sizesOf(op: string, x: Tensor): { readonly m: number; readonly n: number; readonly batch: Shape } {
  if (x.rank < 2) throw shapeError(op, `needs matrices, got ${formatShape(x.shape)}`, "Use .reshape() or .unsqueeze()");
  if (!isFloat(x.dtype)) throw dtypeError(op, `needs f32 or f64, got ${x.dtype}`, 'Use .to("f32")');
  const [m, n] = x.shape.slice(-2);
  return { m, n, batch: x.shape.slice(0, -2) };
}

/** The same of square matrices. */
export function squareSizeOf(op: string, x: Tensor): { readonly n: number; readonly batch: Shape } {
  const { m, n, batch } = sizesOf(op, x);
  if (m !== n) throw shapeError(op, `needs square matrices, got ${formatShape(x.shape)}`);
  return { n, batch };
}

export function sameFloats(op: string, a: Tensor, b: Tensor): void {
  if (a.dtype === b.dtype) return;
  throw dtypeError(op, `matrices are ${a.dtype}, right-hand sides ${b.dtype}`, `Use .to("${a.dtype}")`);
}

type FactorizationName = "cholesky" | "lu" | "triangularSolve" | "qr" | "jacobi";

/** A factorization of the matrices of the last two axes; leading axes must be equal. */
export function factorize<K extends FactorizationName>(
  op: K,
  inputs: readonly Tensor[],
  attrs: StructuralAttrs[K],
): Tensor {
  const batch = inputs[0].shape.slice(0, -2);
  const count = sizeOfShape(batch);
  const nodes = inputs.map(({ node, shape }) => helpers.reshape(graph, node, [count, ...shape.slice(-2)]));
  const result = graph.make(op, nodes, attrs);
  return new Tensor(helpers.reshape(graph, result, [...batch, ...result.shape.slice(1)]));
}

export const transposed = (x: Tensor): Tensor => x.transpose(-2, -1);
export const product = (...factors: readonly Tensor[]): Tensor => factors.reduce((a, b) => a.matmul(b));
export const diagonalOf = (x: Tensor): Tensor => x.diagonal({ dim1: -2, dim2: -1 });
/** Rows [start, end) of matrices. */
export const rowsOf = (x: Tensor, start: number, end: number): Tensor => x.slice(-2, start, end);

/** [.., n] -> [.., n, n] */
export function diagonalMatrix(x: Tensor): Tensor {
  const n = x.shape[x.rank - 1];
  return x.unsqueeze(-1).mul(eye(n, { dtype: x.dtype }));
}

/** Identity matrices [.., n, n]. */
export const identities = (batch: Shape, n: number, dtype: DType): Tensor => eye(n, { dtype }).expand([...batch, n, n]);

/** The elements of a triangle, those of the diagonal halved. */
export const halvedTriangle = (x: Tensor): Tensor =>
  x
    .tril()
    .add(x.tril({ diagonal: -1 }))
    .mul(0.5);

/** 1 / x, and 0 where x is 0. */
export function reciprocalOrZero(x: Tensor): Tensor {
  const isZero = x.eq(0);
  return isZero.where(0, isZero.where(1, x).reciprocal());
}

/** Both with the same leading axes. */
export function withCommonBatch(op: string, a: Tensor, b: Tensor): readonly [Tensor, Tensor] {
  const batch = helpers.broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch) {
    throw shapeError(op, `leading axes do not broadcast: ${formatShape(a.shape)}, ${formatShape(b.shape)}`);
  }
  return [a.expand([...batch, ...a.shape.slice(-2)]), b.expand([...batch, ...b.shape.slice(-2)])];
}

/** Sizes of the largest elements between which squares neither overflow nor underflow. */
const SAFE = 2 ** 30;

/**
 * Matrices divided by a number, so that products of their elements stay in range, and that number [.., 1, 1]: 1 for
 * matrices of usual size.
 */
export function scaled(x: Tensor): { readonly matrix: Tensor; readonly scale: Tensor } {
  if (x.size === 0) return { matrix: x, scale: ones([...x.shape.slice(0, -2), 1, 1], { dtype: x.dtype }) };
  const largest = x.abs().max({ dim: [-2, -1], keepdim: true });
  const isUsual = largest
    .ge(1 / SAFE)
    .logicalAnd(largest.le(SAFE))
    .logicalOr(largest.eq(0));
  const scale = isUsual.where(1, largest);
  return { matrix: x.div(scale), scale };
}
