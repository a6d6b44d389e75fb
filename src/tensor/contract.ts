/** Matmul on nodes: argument checks, and the conversion from operands of any rank to the primitive op. */
import { type DType, promote } from "../ir/dtype.js";
import { formatShape, type Node, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { dtypeError, shapeError } from "./check.js";

/** Batched product with broadcasting over leading axes; vectors are rows on the left and columns on the right. */
export function matmul(a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw shapeError(
      "matmul",
      `needs at least one axis on each side: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`,
      "Use mul for scalars",
    );
  }
  sameDType("matmul", { a, b });
  // As for sums, since products of small integers would overflow their dtype.
  const dtype = a.dtype === "bool" || a.dtype === "u8" ? "i32" : a.dtype;
  const left = graph.cast(a.shape.length === 1 ? helpers.reshape(graph, a, [1, ...a.shape]) : a, dtype);
  const right = graph.cast(b.shape.length === 1 ? helpers.reshape(graph, b, [...b.shape, 1]) : b, dtype);
  const [m, k] = left.shape.slice(-2);
  const [inner, n] = right.shape.slice(-2);
  if (k !== inner) {
    const hint =
      right.shape.at(-1) === k
        ? "Did you mean b.transpose()?"
        : left.shape.at(-2) === inner
          ? "Did you mean a.transpose()?"
          : "The last axis of a must equal the last but one of b";
    throw shapeError(
      "matmul",
      `inner sizes differ: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}: ${k} ≠ ${inner}`,
      hint,
    );
  }
  const batch = helpers.broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (!batch)
    throw shapeError("matmul", `leading axes do not broadcast: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`);
  const result =
    right.shape.length === 2 && left.shape.length > 2 ? rowsTimes(left, right) : batched(left, right, batch, m, k, n);
  const kept = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return helpers.reshape(graph, result, kept);
}

/** Throws for operands of different dtypes: the caller must choose the dtype of the products. */
export function sameDType(op: string, operands: Readonly<Record<string, { readonly dtype: DType }>>): void {
  const [[first, a], [second, b]] = Object.entries(operands);
  if (a.dtype === b.dtype) return;
  const [narrow, wide] = promote(a.dtype, b.dtype) === b.dtype ? [first, b.dtype] : [second, a.dtype];
  const problem = `dtypes differ: ${first} is ${a.dtype}, ${second} is ${b.dtype}`;
  throw dtypeError(op, problem, `Convert one, such as ${narrow}.to("${wide}")`);
}

/** [.., M, K] · [K, N] as one matrix product. */
function rowsTimes(left: Node, right: Node): Node {
  const rows = sizeOfShape(left.shape.slice(0, -1));
  const [k, n] = right.shape;
  return graph.make(
    "matmul",
    [helpers.reshape(graph, left, [1, rows, k]), helpers.reshape(graph, right, [1, k, n])],
    {},
  );
}

function batched(left: Node, right: Node, batch: readonly number[], m: number, k: number, n: number): Node {
  const count = sizeOfShape(batch);
  const wide = (x: Node, rows: number, columns: number) =>
    helpers.reshape(graph, helpers.broadcast(graph, x, [...batch, rows, columns]), [count, rows, columns]);
  return graph.make("matmul", [wide(left, m, k), wide(right, k, n)], {});
}
