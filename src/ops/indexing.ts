/**
 * Records of the ops that address by computed indices: gather, and its adjoint scatterAdd.
 */
import { formatShape, type StructuralName } from "../ir/graph.js";
import { DTypeError, ShapeError } from "../util/errors.js";
import { reduceSum, reshape } from "./helpers.js";
import type { StructuralRecord } from "./record.js";

const gatherRecord: StructuralRecord<"gather"> = {
  kind: "gather",
  type: ([x, indices], { axis }) => {
    if (indices.dtype !== "i32")
      throw new DTypeError(`[gather] indices are ${indices.dtype}`, { hint: 'Use .to("i32")' });
    if (x.shape.length !== indices.shape.length || x.shape.some((n, i) => i !== axis && indices.shape[i] > n)) {
      throw new ShapeError(`[gather] indices ${formatShape(indices.shape)} do not fit ${formatShape(x.shape)}`);
    }
    return { shape: indices.shape, dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const [x, indices] = node.inputs;
    return [e.make("scatterAdd", [g, indices], node.attrs, { shape: x.shape }), null];
  },
};

const scatterAddRecord: StructuralRecord<"scatterAdd"> = {
  kind: "template",
  type: ([x], _, wanted) => ({ shape: wanted.shape ?? x.shape, dtype: x.dtype }),
  gradient: (e, g, node) => [e.make("gather", [g, node.inputs[1]], node.attrs), null],
  // Every result element sums the entries that name it: no race, a fixed order, no atomics.
  decompose: (e, node) => {
    const [x, indices] = node.inputs;
    const { axis } = node.attrs;
    const rows = node.shape[axis];
    const counts = indices.shape[axis];
    const head = x.shape.slice(0, axis);
    const tail = x.shape.slice(axis + 1);
    const shape = [...head, rows, counts, ...tail];
    const widen = (y: typeof x) => e.make("expand", [reshape(e, y, [...head, 1, counts, ...tail])], {}, { shape });
    const row = e.make("iota", [], { axis }, { shape });
    const value = widen(x);
    const chosen = e.op("select", e.op("eq", row, widen(indices)), value, e.constant(0, value));
    const sum = reduceSum(e, chosen, [axis + 1]);
    // Entries may cover only part of the other axes.
    return e.make("pad", [sum], { before: sum.shape.map(() => 0), value: 0 }, { shape: node.shape });
  },
};

export const indexingRecords = {
  gather: gatherRecord,
  scatterAdd: scatterAddRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
