/** LU factorization with partial pivoting, a task for each matrix; rows are vectors, and are exchanged in memory. */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, type Expr, indexValue, indirectly, nameOf, registerOf, type Stmt, set } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { eachOf, Matrix, mutable, unlessBefore, zeroOf } from "./matrix.js";
import { addNest } from "./nest.js";

export function lowerLu(builder: KernelBuilder, anchor: Node<"lu">, roots: readonly Node[]): number {
  const [x] = anchor.inputs;
  const [count, n] = anchor.shape;
  const { dtype } = anchor;
  const e = builder.lowering.algebra;
  const factors = new Matrix(builder, dtype, n, n + 1);
  /** The row of the pivot, with zeros up to the pivot. */
  const behind = new Matrix(builder, dtype, 1, n);
  addNest(builder, [count], n * n * factors.blocks, ([at]) => {
    const fill = factors.fill((row, column) => {
      const isNumber = builder.test([{ index: ix.plus(column, -n), extent: 1 }]);
      const number = e.cast(indexValue(row, builder.lanes), dtype);
      const element = builder.lowering.value(x, [at, row, column], [{ index: column, extent: n }]);
      return e.op("select", isNumber, number, element);
    });
    const eliminate = eachOf(builder, n, (k) => {
      const choice = choosePivot(builder, factors, k, dtype);
      const pivot = builder.toRegister(factors.get(k, k));
      const isZero = e.op("eq", pivot.value, zeroOf(dtype));
      const copy = behind.eachBlock((block) => {
        const column = behind.columnsOf(block);
        const isBehind = builder.test([
          { index: ix.plus(ix.minus(column, k), -1), extent: n },
          // The numbers of the rows are no elements.
          { index: column, extent: n },
        ]);
        const kept = e.op("select", isBehind, factors.getBlock(k, block), zeroOf(dtype));
        return [behind.putBlock(ix.zero, block, kept)];
      });
      const below = eachOf(builder, n, (i) => {
        // Below a pivot of zero all elements are zero.
        const quotient = e.op("select", isZero, zeroOf(dtype), e.op("div", factors.get(i, k), pivot.value));
        const factor = builder.toRegister(quotient);
        const subtract = behind.eachBlock((block) => {
          const product = e.op("mul", factor.value, behind.getBlock(ix.zero, block));
          return [factors.putBlock(i, block, e.op("sub", factors.getBlock(i, block), product))];
        });
        return [unlessBefore(ix.plus(k, 1), i, n, [...factor.statements, factors.put(i, k, factor.value), subtract])];
      });
      return [...choice, ...pivot.statements, copy, below];
    });
    const stores = factors.eachRow((i) => [
      eachOf(builder, n + 1, (j) => builder.storeEpilogue(anchor, factors.get(i, j), roots, [at, i, j])),
    ]);
    return [fill, eliminate, stores];
  });
  return (2 * sizeOfShape([count, n, n, n])) / 3;
}

/** Statements that exchange row k with the row from k on that has the largest element in column k, or the first NaN. */
function choosePivot(builder: KernelBuilder, factors: Matrix, k: ix.Index, dtype: Node["dtype"]): Stmt[] {
  const e = builder.lowering.algebra;
  const n = factors.rows;
  const best = mutable(builder, constantOf(-1, registerOf(dtype)));
  const row = mutable(builder, constantOf(0, "i32"));
  const search = eachOf(builder, n, (i) => {
    const size = builder.toRegister(e.op("abs", factors.get(i, k)));
    const wins = builder.toRegister(builder.lowering.beats(size.value, best.value));
    const keep = (to: Expr, value: Expr) => set(nameOf(to), e.op("select", wins.value, value, to));
    return [
      unlessBefore(k, i, n, [
        ...size.statements,
        ...wins.statements,
        keep(best.value, size.value),
        keep(row.value, indexValue(i, builder.lanes)),
      ]),
    ];
  });
  const chosen = builder.toRegister(row.value);
  const pivot = builder.variable("p", n);
  const exchange = factors.eachBlock((block) => {
    const upper = builder.toRegister(factors.getBlock(k, block));
    const lower = builder.toRegister(factors.getBlock(ix.variable(pivot), block));
    return [
      ...upper.statements,
      ...lower.statements,
      factors.putBlock(k, block, lower.value),
      factors.putBlock(ix.variable(pivot), block, upper.value),
    ];
  });
  return [
    ...best.statements,
    ...row.statements,
    search,
    ...chosen.statements,
    indirectly(pivot, chosen.value, [exchange]),
  ];
}
