/** Triangular systems by substitution; each task solves for some adjacent columns of right-hand sides. */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { eachOf, Matrix, unlessBefore, zeroOf } from "./matrix.js";
import { addNest } from "./nest.js";

/** Vectors of right-hand sides of a task: a cache line of f32 for every one of them, at least. */
const VECTORS = 4;

export function lowerTriangularSolve(
  builder: KernelBuilder,
  anchor: Node<"triangularSolve">,
  roots: readonly Node[],
): number {
  const [a, y] = anchor.inputs;
  const [count, n, columns] = anchor.shape;
  const { upper, unit } = anchor.attrs;
  const { dtype } = anchor;
  const e = builder.lowering.algebra;
  const width = Math.min(columns, VECTORS * builder.lanes);
  const groups = Math.ceil(columns / width);
  const solved = new Matrix(builder, dtype, n, width);
  addNest(builder, [count, groups], n * n * solved.blocks, ([at, group]) => {
    const column = (inside: ix.Index) => ix.add(ix.scale(group, width), inside);
    /** The row of a step: from the first on, or from the last. */
    const row = (step: ix.Index) => (upper ? ix.plus(ix.scale(step, -1), n - 1) : step);
    const element = (i: ix.Index, j: ix.Index) => builder.lowering.value(a, [at, i, j]);
    const fill = solved.fill((i, inside) => {
      const exists = ix.simplifyGuard([{ index: column(inside), extent: columns }]) ?? [];
      const value = builder.lowering.value(y, [at, i, column(inside)], exists);
      return exists.length === 0 ? value : e.op("select", builder.test(exists), value, zeroOf(dtype));
    });
    const substitute = eachOf(builder, n, (step) => {
      const i = row(step);
      const known = eachOf(builder, n, (before) => {
        const j = row(before);
        const factor = builder.toRegister(element(i, j));
        const subtract = solved.eachBlock((block) => {
          const product = e.op("mul", factor.value, solved.getBlock(j, block));
          return [solved.putBlock(i, block, e.op("sub", solved.getBlock(i, block), product))];
        });
        return [unlessBefore(ix.plus(before, 1), step, n, [...factor.statements, subtract])];
      });
      if (unit) return [known];
      const pivot = builder.toRegister(element(i, i));
      const divide = solved.eachBlock((block) => [
        solved.putBlock(i, block, e.op("div", solved.getBlock(i, block), pivot.value)),
      ]);
      return [known, ...pivot.statements, divide];
    });
    const stores = solved.eachRow((i) => [
      eachOf(builder, width, (inside) => {
        const { index, within } = builder.exact(column(inside), columns);
        return within(builder.storeEpilogue(anchor, solved.get(i, inside), roots, [at, i, index]));
      }),
    ]);
    return [fill, substitute, stores];
  });
  return sizeOfShape([count, n, n, columns]);
}
