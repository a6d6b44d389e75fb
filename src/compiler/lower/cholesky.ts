/** Cholesky's factorization, a task for each matrix: row by row, each element a product of two rows of the factor. */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, registerOf } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { dots, eachOf, Matrix, unlessBefore, zeroOf } from "./matrix.js";
import { addNest } from "./nest.js";

export function lowerCholesky(builder: KernelBuilder, anchor: Node<"cholesky">, roots: readonly Node[]): number {
  const [x] = anchor.inputs;
  const [count, n] = anchor.shape;
  const { dtype } = anchor;
  const e = builder.lowering.algebra;
  const missing = constantOf(Number.NaN, registerOf(dtype));
  const factor = new Matrix(builder, dtype, n, n);
  addNest(builder, [count], n * n * factor.blocks, ([at]) => {
    // Elements that are not computed yet are zero, so products of whole rows are those of their first elements.
    const columns = eachOf(builder, n, (j) => {
      const below = eachOf(builder, n, (i) => {
        const { values, statements } = dots(builder, dtype, factor.blocks, (block) => [
          [factor.getBlock(i, block), factor.getBlock(j, block)],
        ]);
        const rest = builder.toRegister(e.op("sub", builder.lowering.value(x, [at, i, j]), values[0]));
        const onDiagonal = builder.test([{ index: ix.minus(i, j), extent: 1 }]);
        const isPositive = e.op("lt", zeroOf(dtype), rest.value);
        const pivot = e.op("select", isPositive, e.op("sqrt", rest.value), missing);
        const element = e.op("select", onDiagonal, pivot, e.op("div", rest.value, factor.get(j, j)));
        const { value, statements: computes } = builder.toRegister(element);
        return [unlessBefore(j, i, n, [...statements, ...rest.statements, ...computes, factor.put(i, j, value)])];
      });
      return [below];
    });
    // The last pivot depends on all others.
    const last = builder.toRegister(factor.get(ix.constant(n - 1), ix.constant(n - 1)));
    const exists = e.op("eq", last.value, last.value);
    const stores = factor.eachRow((i) => [
      eachOf(builder, n, (j) => {
        const value = e.op("select", exists, factor.get(i, j), missing);
        return builder.storeEpilogue(anchor, value, roots, [at, i, j]);
      }),
    ]);
    return [factor.fillWithZeros(), columns, ...last.statements, stores];
  });
  return sizeOfShape([count, n, n, n]) / 3;
}
