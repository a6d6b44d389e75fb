/** Records of ops that pass a value on and change how gradients are computed: by a function, or from values made again. */
import type { StructuralName } from "../ir/graph.js";
import type { StructuralRecord } from "./record.js";

const customRecord: StructuralRecord<"custom"> = {
  kind: "elementwise",
  type: ([value]) => value,
  gradient: (_, g, node) => [null, ...node.attrs.gradient(g, node)],
};

const recomputeRecord: StructuralRecord<"recompute"> = {
  kind: "elementwise",
  type: ([x]) => x,
  gradient: (_, g) => [g, null],
};

export const gradientRecords = {
  custom: customRecord,
  recompute: recomputeRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
