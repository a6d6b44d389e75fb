/**
 * Records of the ops that address by computed indices: gather; scatter, which is its adjoint; and the order of
 * elements.
 */
import { formatShape, isOp, type Node, type ScatterKind, type StructuralName, sizeOfShape } from "../ir/graph.js";
import { DTypeError, ShapeError } from "../util/errors.js";
import { reshape } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

const gatherRecord: StructuralRecord<"gather"> = {
  kind: "gather",
  type: ([x, indices], { axis }) => {
    checkIndices("gather", indices);
    if (x.shape.length !== indices.shape.length || x.shape.some((n, i) => i !== axis && indices.shape[i] > n)) {
      throw new ShapeError(`[gather] indices ${formatShape(indices.shape)} do not fit ${formatShape(x.shape)}`);
    }
    return { shape: indices.shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const [x, indices] = node.inputs;
    const { axis } = node.attrs;
    // Entries may cover only part of the other axes.
    const covered = indices.shape.map((n, i) => (i === axis ? x.shape[i] : n));
    const sum = scatterAlong(e, "sum", zeros(e, g, covered), g, indices, axis);
    return [e.make("pad", [sum], { before: covered.map(() => 0), value: 0 }, { shape: x.shape }), null];
  },
};

function checkIndices(op: string, indices: Node): void {
  if (indices.dtype !== "i32") {
    throw new DTypeError(`[${op}] indices are ${indices.dtype}`, { hint: 'Use .to("i32")' });
  }
}

const zeros = (e: Builder, like: Node, shape: readonly number[]): Node =>
  e.make("const", [], { value: 0 }, { shape, dtype: like.dtype });

/** Scatters along one axis of tensors whose other axes are equal. */
export function scatterAlong(e: Builder, kind: ScatterKind, base: Node, x: Node, indices: Node, axis: number): Node {
  const rows = (y: Node): Node => {
    const [head, tail] = [y.shape.slice(0, axis), y.shape.slice(axis + 1)];
    return reshape(e, y, [sizeOfShape(head), y.shape[axis], sizeOfShape(tail)]);
  };
  return reshape(e, e.make("scatter", [rows(base), rows(x), rows(indices)], { kind }), base.shape);
}

/** The numbers of the entries, [H, C, T]. */
const numbers = (e: Builder, like: Node): Node => e.make("iota", [], { axis: 1 }, { shape: like.shape });

const scatterRecord: StructuralRecord<"scatter"> = {
  kind: "template",
  type: ([base, x, rows]) => {
    checkIndices("scatter", rows);
    const [h, , t] = base.shape;
    const fits = [base, x, rows].every(({ shape }) => shape.length === 3 && shape[0] === h && shape[2] === t);
    if (!fits || x.shape[1] !== rows.shape[1] || x.dtype !== base.dtype) {
      throw new ShapeError(
        `[scatter] ${x.dtype} ${formatShape(x.shape)} at ${formatShape(rows.shape)} does not fit ${base.dtype} ` +
          formatShape(base.shape),
      );
    }
    return base;
  },
  gradient: (e, g, node) => {
    const [base, x, rows] = node.inputs;
    const { kind } = node.attrs;
    /** The value of each entry's row; zero for those that were ignored. */
    const atRows = (y: Node): Node => {
      const inside = e.op(
        "and",
        e.op("le", e.constant(0, rows), rows),
        e.op("lt", rows, e.constant(base.shape[1], rows)),
      );
      return e.op("select", inside, e.make("gather", [y, rows], { axis: 1 }), e.typed(0, y.dtype, rows));
    };
    const none = e.constant(0, g);
    if (kind === "sum") return [g, atRows(g), null];
    if (kind === "set") {
      const first = e.typed(-1, "i32", base);
      const last = e.make("scatter", [first, numbers(e, x), rows], { kind: "max" });
      const wins = e.op("eq", e.make("gather", [last, rows], { axis: 1 }), numbers(e, x));
      return [
        e.op("select", e.op("eq", last, first), g, none),
        e.op("select", wins, atRows(g), e.constant(0, x)),
        null,
      ];
    }
    const sum = (ofBase: Node, ofX: Node) => e.make("scatter", [ofBase, ofX, rows], { kind: "sum" });
    if (kind === "prod") return [...productGradients(e, g, node, atRows, sum), null];
    // Shared evenly between ties.
    const [hit, hits] = [e.op("eq", base, node), e.op("eq", x, atRows(node))];
    const share = e.op("div", g, sum(e.cast(hit, g.dtype), e.cast(hits, g.dtype)));
    return [e.op("select", hit, share, none), e.op("select", hits, atRows(share), e.constant(0, x)), null];
  },
  decompose: (e, { inputs: [base, x, rows], attrs: { kind }, shape }) => {
    if (sizeOfShape(shape) === 0) return base;
    const [h, , t] = shape;
    const row = e.make("iota", [], { axis: 1 }, { shape });
    let y = base;
    for (let c = 0; c < x.shape[1]; c++) {
      const at = (z: Node): Node => {
        const entry = e.make("slice", [z], { start: [0, c, 0], step: [1, 1, 1] }, { shape: [h, 1, t] });
        return e.make("expand", [entry], {}, { shape });
      };
      const [value, hit] = [at(x), e.op("eq", row, at(rows))];
      if (kind === "sum") {
        const term = e.op("select", hit, value, e.constant(0, value));
        y = isOp(y, "const") && y.attrs.value === 0 ? term : e.op("add", y, term);
      } else {
        const joined = kind === "set" ? value : e.op(kind === "prod" ? "mul" : kind, y, value);
        y = e.op("select", hit, joined, y);
      }
    }
    return y;
  },
};

/** Gradients of products: the product of the other factors of the row, also where one of them is zero. */
function productGradients(
  e: Builder,
  g: Node,
  { inputs: [base, x, rows] }: Node<"scatter">,
  atRows: (y: Node) => Node,
  sum: (ofBase: Node, ofX: Node) => Node,
): [Node, Node] {
  const isZero = (y: Node) => e.op("eq", y, e.constant(0, y));
  const filled = (y: Node) => e.op("select", isZero(y), e.constant(1, y), y);
  const product = e.make("scatter", [filled(base), filled(x), rows], { kind: "prod" });
  const zerosIn = sum(e.cast(isZero(base), g.dtype), e.cast(isZero(x), g.dtype));
  const gradient = (y: Node, at: (z: Node) => Node): Node => {
    const count = at(zerosIn);
    const others = e.op("sub", count, e.cast(isZero(y), g.dtype));
    const rest = e.op("div", at(e.op("mul", g, product)), filled(y));
    return e.op("select", isZero(others), rest, e.constant(0, y));
  };
  return [gradient(base, (z) => z), gradient(x, atRows)];
}

const argsortRecord: StructuralRecord<"argsort"> = {
  kind: "template",
  type: ([x]) => {
    if (x.shape.length !== 2) throw new ShapeError(`[argsort] needs rows, got ${formatShape(x.shape)}`);
    return { shape: x.shape, dtype: "i32" };
  },
  gradient: null,
  // For rows of at most one element; longer ones have a template on every target.
  decompose: (e, node) => e.make("iota", [], { axis: 1 }, { shape: node.shape }),
};

export const indexingRecords = {
  gather: gatherRecord,
  scatter: scatterRecord,
  argsort: argsortRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
