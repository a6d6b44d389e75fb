/**
 * Records of the ops without operands (leaf, const, iota), and of the structural ops that work element by element
 * (cast, detach, contiguous).
 */
import { isFloat } from "../ir/dtype.js";
import type { StructuralName } from "../ir/graph.js";
import { FoveaError } from "../util/errors.js";
import type { StructuralRecord, Typed } from "./record.js";

function stated(op: string, wanted: Partial<Typed>): Typed {
  if (!wanted.shape || !wanted.dtype) throw new FoveaError(`[${op}] needs a shape and a dtype`);
  return { shape: wanted.shape, dtype: wanted.dtype };
}

export const sourceRecords = {
  leaf: { kind: "source", type: (_, __, wanted) => stated("leaf", wanted), gradient: null } as StructuralRecord<"leaf">,
  const: {
    kind: "source",
    type: (_, __, wanted) => stated("const", wanted),
    gradient: null,
  } as StructuralRecord<"const">,
  iota: {
    kind: "source",
    type: (_, __, wanted) => ({ shape: stated("iota", { dtype: "i32", ...wanted }).shape, dtype: "i32" }),
    gradient: null,
  } as StructuralRecord<"iota">,
  cast: {
    kind: "elementwise",
    type: ([x], _, wanted) => ({ shape: x.shape, dtype: wanted.dtype ?? x.dtype }),
    gradient: (e, g, node) => [isFloat(node.inputs[0].dtype) ? e.cast(g, node.inputs[0].dtype) : null],
  } as StructuralRecord<"cast">,
  detach: { kind: "elementwise", type: ([x]) => x, gradient: null } as StructuralRecord<"detach">,
  contiguous: { kind: "elementwise", type: ([x]) => x, gradient: (_, g) => [g] } as StructuralRecord<"contiguous">,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
