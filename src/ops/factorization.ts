/**
 * The records of the matrix factorizations, each of many matrices at once. Their gradients are those of the functions
 * in `tensor/linalg/`, which take factors apart. Results whose matrix has no factorization are NaN, or as said.
 */
import { formatShape, type Node, type StructuralName, sizeOfShape } from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import type { StructuralRecord, Typed } from "./record.js";

type FactorizationName = "cholesky" | "lu" | "triangularSolve" | "qr" | "jacobi";

/** The record of an op whose result has the dtype of its operands, and the shape that the rule gives; null: no fit. */
function factorization<K extends FactorizationName>(
  name: K,
  shapeOf: (inputs: readonly Node[], attrs: Parameters<StructuralRecord<K>["type"]>[1]) => readonly number[] | null,
): StructuralRecord<K> {
  return {
    kind: "template",
    type: (inputs, attrs): Typed => {
      const matrices = inputs.every(({ shape, dtype }) => shape.length === 3 && dtype === inputs[0].dtype);
      const shape = matrices ? shapeOf(inputs, attrs) : null;
      if (shape) return { shape, dtype: inputs[0].dtype };
      throw new ShapeError(`[${name}] operands do not fit: ${inputs.map((x) => formatShape(x.shape)).join(", ")}`);
    },
    gradient: null,
    // Of matrices without elements; others have a template on every target.
    decompose: (e, { shape, dtype }) => e.make("const", [], { value: 0 }, { shape, dtype }),
  };
}

export const factorizationRecords = {
  cholesky: factorization("cholesky", ([x]) => (x.shape[1] === x.shape[2] ? x.shape : null)),
  lu: factorization(
    "lu",
    ([
      {
        shape: [count, n, columns],
      },
    ]) => (n === columns ? [count, n, n + 1] : null),
  ),
  triangularSolve: factorization("triangularSolve", ([a, b]) => {
    const fits = a.shape[0] === b.shape[0] && a.shape[1] === a.shape[2] && a.shape[1] === b.shape[1];
    return fits ? b.shape : null;
  }),
  qr: factorization(
    "qr",
    ([
      {
        shape: [count, n, m],
      },
    ]) => (n <= m ? [count, n, m + n] : null),
  ),
  jacobi: factorization("jacobi", ([x], { length }) => (length <= x.shape[2] ? x.shape : null)),
} satisfies { [K in StructuralName]?: StructuralRecord<K> };

/** Whether the node is a factorization of matrices that have elements. */
export const isFactorization = (node: Node): boolean =>
  Object.hasOwn(factorizationRecords, node.op) && sizeOfShape(node.shape) > 0;
