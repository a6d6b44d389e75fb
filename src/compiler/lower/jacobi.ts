/**
 * Orthogonal rows by rotations of pairs of them (Hestenes 1958), a task for each matrix. The larger row of a pair moves
 * in front, so that norms fall in the end. A sweep in which nothing was to be done ends the work.
 */
import type { DType } from "../../ir/dtype.js";
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { constantOf, declare, type Expr, nameOf, register, registerOf, type Stmt, set } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { dots, eachOf, Matrix, mutable, onlyIf, unlessBefore } from "./matrix.js";
import { addNest } from "./nest.js";

/** Most sweeps over all pairs. Convergence is quadratic in the end: matrices of hundreds of rows need about ten. */
const SWEEPS = 40;
/** Sweeps that a matrix is expected to need, for the cost of a task. */
const USUAL_SWEEPS = 8;
const ROUNDING = { f32: 2 ** -24, f64: 2 ** -53 };
/** From here on 1 + z² is z² in every dtype. */
const LARGE = 2 ** 30;

export function lowerJacobi(builder: KernelBuilder, anchor: Node<"jacobi">, roots: readonly Node[]): number {
  const [x] = anchor.inputs;
  const [count, n, columns] = anchor.shape;
  const { length } = anchor.attrs;
  const { dtype } = anchor;
  const e = builder.lowering.algebra;
  const head = new Matrix(builder, dtype, n, length);
  const tail = columns > length ? [new Matrix(builder, dtype, n, columns - length)] : [];
  const work = USUAL_SWEEPS * n * n * (head.blocks + tail.reduce((sum, { blocks }) => sum + blocks, 0));
  addNest(builder, [count], work, ([at]) => {
    const element = (offset: number) => (i: ix.Index, j: ix.Index) =>
      builder.lowering.value(x, [at, i, ix.plus(j, offset)]);
    const isDone = mutable(builder, constantOf(0, "i32"));
    const pairs = eachOf(builder, n - 1, (p) => [
      eachOf(builder, n - 1, (second) => [
        unlessBefore(p, second, n, pairOf(builder, dtype, head, tail, [p, ix.plus(second, 1)], isDone.value)),
      ]),
    ]);
    const sweep = [set(nameOf(isDone.value), constantOf(1, "i32")), pairs];
    const stores = (rows: Matrix, offset: number) =>
      rows.eachRow((i) => [
        eachOf(builder, rows.columns, (j) =>
          builder.storeEpilogue(anchor, rows.get(i, j), roots, [at, i, ix.plus(j, offset)]),
        ),
      ]);
    return [
      head.fill(element(0)),
      ...tail.map((rows) => rows.fill(element(length))),
      ...isDone.statements,
      eachOf(builder, SWEEPS, () => onlyIf(builder, e.op("eq", isDone.value, constantOf(0, "i32")), sweep)),
      stores(head, 0),
      ...tail.map((rows) => stores(rows, length)),
    ];
  });
  return 4 * USUAL_SWEEPS * sizeOfShape([count, n, n, columns]);
}

/** Statements that make a pair of rows orthogonal, the larger one first, unless it is so. */
function pairOf(
  builder: KernelBuilder,
  dtype: DType,
  head: Matrix,
  tail: readonly Matrix[],
  [p, q]: readonly [ix.Index, ix.Index],
  isDone: Expr,
): Stmt[] {
  const e = builder.lowering.algebra;
  const type = registerOf(dtype);
  const number = (value: number) => constantOf(value, type);
  const { values, statements } = dots(builder, dtype, head.blocks, (block) => {
    const [a, b] = [head.getBlock(p, block), head.getBlock(q, block)];
    return [
      [a, a],
      [b, b],
      [a, b],
    ];
  });
  const [alpha, beta, gamma] = values;
  // The rounding errors of a product of rows grow like the root of their length.
  const limit = ROUNDING[dtype === "f64" ? "f64" : "f32"] * Math.sqrt(head.columns);
  const norms = e.op("mul", e.op("sqrt", alpha), e.op("sqrt", beta));
  const isSkewed = e.op("lt", e.op("mul", number(limit), norms), e.op("abs", gamma));
  const named: Stmt[] = [];
  const name = (value: Expr): Expr => {
    const result = register(builder.fresh("f"), value.type, value.lanes);
    named.push(declare(nameOf(result), value));
    return result;
  };
  const isSwapped = name(e.op("lt", alpha, beta));
  const needed = e.op("or", isSkewed, isSwapped);
  const before = [...statements, ...named.splice(0)];
  // The smaller of the two angles that make the rows orthogonal; its tangent t solves t² + 2 z t = 1.
  const z = name(e.op("div", e.op("sub", beta, alpha), e.op("mul", number(2), gamma)));
  const size = name(e.op("abs", z));
  const root = e.op("sqrt", e.op("add", number(1), e.op("mul", size, size)));
  const isLarge = e.op("lt", number(LARGE), size);
  const tangent = e.op(
    "select",
    isLarge,
    e.op("div", number(0.5), size),
    e.op("div", number(1), e.op("add", size, root)),
  );
  const t = name(e.op("select", e.op("lt", z, number(0)), e.op("neg", tangent), tangent));
  const cosine = name(e.op("div", number(1), e.op("sqrt", e.op("add", number(1), e.op("mul", t, t)))));
  const sine = name(e.op("mul", cosine, t));
  // c a − s b and s a + c b as changes of a and b: small rotations keep norms better than products by a rounded c do.
  const half = name(e.op("div", sine, e.op("add", number(1), cosine)));
  const rotate = [head, ...tail].map((rows) =>
    rows.eachBlock((block) => {
      const a = builder.toRegister(rows.getBlock(p, block));
      const b = builder.toRegister(rows.getBlock(q, block));
      const toFirst = e.op("add", b.value, e.op("mul", half, a.value));
      const toSecond = e.op("sub", a.value, e.op("mul", half, b.value));
      const first = builder.toRegister(e.op("sub", a.value, e.op("mul", sine, toFirst)));
      const second = builder.toRegister(e.op("add", b.value, e.op("mul", sine, toSecond)));
      return [
        ...a.statements,
        ...b.statements,
        ...first.statements,
        ...second.statements,
        rows.putBlock(p, block, e.op("select", isSwapped, second.value, first.value)),
        rows.putBlock(q, block, e.op("select", isSwapped, first.value, second.value)),
      ];
    }),
  );
  const body = [set(nameOf(isDone), constantOf(0, "i32")), ...named, ...rotate];
  return [...before, ...onlyIf(builder, needed, body)];
}
