/**
 * Matrices in scratch memory, for the templates of factorizations: rows are padded with zeros to whole vectors, so that
 * loops over rows need no remainder. Knows no factorization.
 */
import type { DType } from "../../ir/dtype.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  foldLanes,
  indirectly,
  load,
  loop,
  nameOf,
  register,
  registerOf,
  type Stmt,
  set,
  splat,
  store,
  when,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** The value of an element, or of a vector of elements, in a register, and the statements that compute it. */
export interface Computed {
  readonly value: Expr;
  readonly statements: readonly Stmt[];
}

export class Matrix {
  /** Vectors of a row. */
  readonly blocks: number;
  private readonly name: string;

  constructor(
    private readonly builder: KernelBuilder,
    private readonly dtype: DType,
    readonly rows: number,
    readonly columns: number,
  ) {
    this.blocks = Math.ceil(columns / builder.lanes);
    this.name = builder.scratch(dtype, rows * this.blocks * builder.lanes);
  }

  private position(row: ix.Index, column: ix.Index): ix.Index {
    return ix.add(ix.scale(row, this.blocks * this.builder.lanes), column);
  }
  /** The columns of the lanes of a block. */
  columnsOf(block: ix.Index): ix.Index {
    return ix.add(ix.scale(block, this.builder.lanes), this.builder.lane);
  }
  get(row: ix.Index, column: ix.Index): Expr {
    return load(this.name, this.dtype, this.position(row, column), [], this.builder.lanes);
  }
  put(row: ix.Index, column: ix.Index, value: Expr): Stmt {
    return store(this.name, this.dtype, this.position(row, column), value, this.builder.lanes);
  }
  getBlock(row: ix.Index, block: ix.Index): Expr {
    return this.get(row, this.columnsOf(block));
  }
  putBlock(row: ix.Index, block: ix.Index, value: Expr): Stmt {
    return this.put(row, this.columnsOf(block), splat(value, this.builder.lanes));
  }

  eachRow(body: (row: ix.Index) => readonly Stmt[]): Stmt {
    return eachOf(this.builder, this.rows, body);
  }
  eachBlock(body: (block: ix.Index) => readonly Stmt[]): Stmt {
    return eachOf(this.builder, this.blocks, body);
  }

  /** Statements that set the elements, and the padding to zero. */
  fill(value: (row: ix.Index, column: ix.Index) => Expr): Stmt {
    const { builder, columns } = this;
    const padding = this.blocks * builder.lanes - columns;
    return this.eachRow((row) => [
      eachOf(builder, columns, (column) => [this.put(row, column, value(row, column))]),
      ...(padding === 0
        ? []
        : [eachOf(builder, padding, (i) => [this.put(row, ix.plus(i, columns), zeroOf(this.dtype))])]),
    ]);
  }
  fillWithZeros(): Stmt {
    return this.eachRow((row) => [this.eachBlock((block) => [this.putBlock(row, block, zeroOf(this.dtype))])]);
  }
}

export const zeroOf = (dtype: DType): Expr => constantOf(0, registerOf(dtype));

/** A loop. */
export function eachOf(builder: KernelBuilder, count: number, body: (at: ix.Index) => readonly Stmt[]): Stmt {
  const variable = builder.variable("i", count);
  return loop(variable, body(ix.variable(variable)));
}

/** Statements for positions of a loop that are not below `first`, where both are below `count`. */
export const unlessBefore = (first: ix.Index, at: ix.Index, count: number, body: readonly Stmt[]): Stmt =>
  when([{ index: ix.minus(at, first), extent: count }], body);

/** Runs statements if a test, the same for all lanes, holds. */
export function onlyIf(builder: KernelBuilder, test: Expr, body: readonly Stmt[]): Stmt[] {
  const e = builder.lowering.algebra;
  const [yes, no] = [constantOf(0, "i32"), constantOf(1, "i32")];
  const { value, statements } = builder.toRegister(e.op("select", test, yes, no));
  return [...statements, indirectly(builder.variable("c", 1), value, body)];
}

/** A register that statements assign. */
export function mutable(builder: KernelBuilder, init: Expr): Computed {
  const value = register(builder.fresh("m"), init.type, init.lanes);
  return { value, statements: [declare(nameOf(value), init)] };
}

/** Sums of products over the columns of a matrix. */
export function dots(
  builder: KernelBuilder,
  dtype: DType,
  blocks: number,
  factors: (block: ix.Index) => readonly (readonly [Expr, Expr])[],
): { readonly values: readonly Expr[]; readonly statements: readonly Stmt[] } {
  const e = builder.lowering.algebra;
  const variable = builder.variable("i", blocks);
  const pairs = factors(ix.variable(variable));
  const sums = pairs.map(() => mutable(builder, splat(zeroOf(dtype), builder.lanes)));
  const steps = pairs.map(([a, b], i) => set(nameOf(sums[i].value), e.op("add", e.op("mul", a, b), sums[i].value)));
  const totals = sums.map(({ value }) => builder.toRegister(foldLanes("sum", value)));
  return {
    values: totals.map(({ value }) => value),
    statements: [
      ...sums.flatMap(({ statements }) => statements),
      loop(variable, steps),
      ...totals.flatMap(({ statements }) => statements),
    ],
  };
}
