/**
 * QR factorization by Householder's reflections, a task for each matrix. Columns lie in rows of memory, so that
 * reflections are products and sums of whole vectors. Signs are those of LAPACK: a diagonal element of R has the sign
 * opposite to that of the element that it replaces, and stays where all below it are zero.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, type Expr, registerOf, type Stmt } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { dots, eachOf, Matrix, unlessBefore, zeroOf } from "./matrix.js";
import { addNest } from "./nest.js";

export function lowerQr(builder: KernelBuilder, anchor: Node<"qr">, roots: readonly Node[]): number {
  const [x] = anchor.inputs;
  const [count, n, m] = x.shape;
  const { dtype } = anchor;
  const one = constantOf(1, registerOf(dtype));
  const e = builder.lowering.algebra;
  const columns = new Matrix(builder, dtype, n, m);
  const reflectors = new Matrix(builder, dtype, n, m);
  const factors = new Matrix(builder, dtype, n, 1);
  const q = new Matrix(builder, dtype, n, m);
  addNest(builder, [count], 8 * n * n * columns.blocks, ([at]) => {
    /** Statements that reflect a row: y − τ v (v · y). */
    const reflect = (rows: Matrix, row: ix.Index, j: ix.Index, factor: Expr): Stmt[] => {
      const { values, statements } = dots(builder, dtype, rows.blocks, (block) => [
        [reflectors.getBlock(j, block), rows.getBlock(row, block)],
      ]);
      const scale = builder.toRegister(e.op("mul", factor, values[0]));
      const subtract = rows.eachBlock((block) => {
        const product = e.op("mul", scale.value, reflectors.getBlock(j, block));
        return [rows.putBlock(row, block, e.op("sub", rows.getBlock(row, block), product))];
      });
      return [...statements, ...scale.statements, subtract];
    };
    const triangle = eachOf(builder, n, (j) => {
      const { factor, statements } = reflectorOf(builder, dtype, columns, reflectors, j);
      const others = eachOf(builder, n, (i) => [unlessBefore(ix.plus(j, 1), i, n, reflect(columns, i, j, factor))]);
      return [...statements, factors.put(j, ix.zero, factor), others];
    });
    const identity = q.fill((i, j) => {
      const onDiagonal = builder.test([{ index: ix.minus(i, j), extent: 1 }]);
      return e.op("select", onDiagonal, one, zeroOf(dtype));
    });
    const product = eachOf(builder, n, (step) => {
      const j = ix.plus(ix.scale(step, -1), n - 1);
      const factor = builder.toRegister(factors.get(j, ix.zero));
      const rows = eachOf(builder, n, (i) => [unlessBefore(j, i, n, reflect(q, i, j, factor.value))]);
      return [...factor.statements, rows];
    });
    const stores = q.eachRow((i) => [
      eachOf(builder, m, (j) => builder.storeEpilogue(anchor, q.get(i, j), roots, [at, i, j])),
      eachOf(builder, n, (j) => {
        const inTriangle = builder.test([{ index: ix.minus(i, j), extent: n }]);
        const element = e.op("select", inTriangle, columns.get(i, j), zeroOf(dtype));
        return builder.storeEpilogue(anchor, element, roots, [at, i, ix.plus(j, m)]);
      }),
    ]);
    return [columns.fill((i, j) => builder.lowering.value(x, [at, i, j])), triangle, identity, product, stores];
  });
  return 4 * sizeOfShape([count, n, n, m]);
}

/**
 * Statements that make the reflector v, v_j = 1, of column j, and store the diagonal element of R; and τ of the
 * reflection 1 − τ v vᵀ, 0 if there is nothing to reflect.
 */
function reflectorOf(
  builder: KernelBuilder,
  dtype: Node["dtype"],
  columns: Matrix,
  reflectors: Matrix,
  j: ix.Index,
): { readonly factor: Expr; readonly statements: readonly Stmt[] } {
  const e = builder.lowering.algebra;
  const m = columns.columns;
  const zero = zeroOf(dtype);
  const one = constantOf(1, registerOf(dtype));
  const below = (block: ix.Index) => {
    const isBelow = builder.test([{ index: ix.plus(ix.minus(columns.columnsOf(block), j), -1), extent: m }]);
    return e.op("select", isBelow, columns.getBlock(j, block), zero);
  };
  const square = dots(builder, dtype, columns.blocks, (block) => [[below(block), below(block)]]);
  const first = builder.toRegister(columns.get(j, j));
  const isDone = builder.toRegister(e.op("eq", square.values[0], zero));
  const norm = e.op("sqrt", e.op("add", e.op("mul", first.value, first.value), square.values[0]));
  const opposite = e.op("select", e.op("lt", first.value, zero), norm, e.op("neg", norm));
  const diagonal = builder.toRegister(e.op("select", isDone.value, first.value, opposite));
  const difference = builder.toRegister(e.op("sub", first.value, diagonal.value));
  const quotient = e.op("div", e.op("neg", difference.value), diagonal.value);
  const factor = builder.toRegister(e.op("select", isDone.value, zero, quotient));
  const fill = reflectors.eachBlock((block) => {
    const element = e.op("select", isDone.value, zero, e.op("div", below(block), difference.value));
    return [reflectors.putBlock(j, block, element)];
  });
  return {
    factor: factor.value,
    statements: [
      ...square.statements,
      ...[first, isDone, diagonal, difference, factor].flatMap(({ statements }) => statements),
      fill,
      reflectors.put(j, j, one),
      columns.put(j, j, diagonal.value),
    ],
  };
}
