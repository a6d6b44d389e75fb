/**
 * Kernels around the concatenation of many values: separate loops copy (or compute) each operand into its slice of the
 * result. So no element needs a search for its operand, and the code is linear in the number of operands.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { reshapeCoordinates } from "../../ops/index.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { positionOf } from "../layout.js";
import { addMap, operations } from "./map.js";

/** Lowers a concatenation and its epilogue. */
export function lowerConcat(builder: KernelBuilder, anchor: Node<"concat">, roots: readonly Node[]): number {
  const { axis } = anchor.attrs;
  const [root] = roots;
  const layout = builder.layoutOf(root);
  let start = 0;
  let flops = 0;
  for (const x of anchor.inputs) {
    const first = start;
    start += x.shape[axis];
    if (sizeOfShape(x.shape) === 0) continue;
    const moved = (at: readonly ix.Index[]) => at.map((index, i) => (i === axis ? ix.plus(index, first) : index));
    const value = (at: readonly ix.Index[]) => builder.lowering.value(x, at);
    const work = operations([value(x.shape.map(() => ix.zero))]);
    addMap(builder, {
      shape: x.shape,
      work,
      values: (at) => [value(at)],
      positionOf: (at) => positionOf(reshapeCoordinates(moved(at), anchor.shape, root.shape), root.shape, layout),
      // Scalar loops are as fast as scattered vector stores, and their code is much shorter.
      scattered: 2 * builder.lanes,
      stores: (at) => builder.storeEpilogue(anchor, value(at), roots, moved(at)),
    });
    flops += work * sizeOfShape(x.shape);
  }
  return flops;
}
