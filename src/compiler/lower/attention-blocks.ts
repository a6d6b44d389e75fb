/**
 * What the kernels of attention consist of: operands packed into rows or transposed, and products of small matrices in
 * scratch memory. Knows no attention.
 */
import { expOfScore } from "../../ir/decompose/elementary.js";
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  load,
  loop,
  nameOf,
  register,
  type Stmt,
  set,
  shuffle,
  splat,
  store,
} from "../../ir/loops.js";
import type { Target } from "../../ir/target.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { zeroOutside } from "./image.js";
import { packColumns } from "./matmul-pack.js";
import { nest } from "./nest.js";
import { availableRegisters, stepCycles, type Tile } from "./tile.js";

/** Floats behind each row, so that the rows of a register tile do not lie in the same sets of the cache. */
const ROW_PAD = 16;

/** A matrix in scratch memory. */
export interface Matrix {
  readonly buffer: string;
  readonly at: (row: ix.Index, column: ix.Index) => ix.Index;
}

/** Scratch memory for rows of the given width. */
export function scratchMatrix(builder: KernelBuilder, rows: number, width: number): Matrix {
  const pitch = width + ROW_PAD;
  const buffer = builder.scratch("f32", rows * pitch);
  return { buffer, at: (row, column) => ix.add(ix.scale(row, pitch), column) };
}

/** A position along an axis in whole vectors: the lanes of vector v. */
export const vectorAt = (builder: KernelBuilder, v: ix.Index): ix.Index =>
  ix.add(ix.scale(v, builder.lanes), builder.lane);

/** Statements over all vectors of a matrix. */
export function eachVector(
  builder: KernelBuilder,
  rows: number,
  vectors: number,
  body: (row: ix.Index, column: ix.Index) => readonly Stmt[],
): Stmt[] {
  const row = builder.variable("r", rows);
  const vector = builder.variable("c", vectors);
  return nest([row, vector], body(ix.variable(row), vectorAt(builder, ix.variable(vector))));
}

/** Copies rows of an operand, times a factor; zeros stand for what it does not have. */
export function packRowsOf(
  builder: KernelBuilder,
  x: Node,
  rows: number,
  operand: (row: ix.Index, column: ix.Index) => readonly ix.Index[],
  factor = 1,
): { readonly matrix: Matrix; readonly statements: Stmt[] } {
  const { lanes } = builder;
  const vectors = Math.ceil(x.shape[2] / lanes);
  const matrix = scratchMatrix(builder, rows, vectors * lanes);
  const e = builder.lowering.algebra;
  const statements = eachVector(builder, rows, vectors, (row, column) => {
    const value = zeroOutside(builder, x, operand(row, column));
    const scaled = e.op("mul", value, constantOf(Math.fround(factor), "f32"));
    return [store(matrix.buffer, "f32", matrix.at(row, column), scaled, lanes)];
  });
  return { matrix, statements };
}

/** Copies rows of an operand as columns: a vector of `right` of {@link multiply} holds one depth of many rows. */
export function packTransposed(
  builder: KernelBuilder,
  x: Node,
  rows: number,
  tile: number,
  operand: (row: ix.Index, column: ix.Index) => ix.Index[],
): { readonly matrix: Matrix; readonly statements: Stmt[] } {
  const width = tile * builder.lanes;
  const columns = Math.ceil(rows / width) * width;
  const { buffer, at, statements } = packColumns(builder, x, x.shape[2], columns, width, false, (k, c) =>
    operand(c, k),
  );
  return { matrix: { buffer, at: (k, c) => at(c, k) }, statements };
}

/** Two vectors combined over all lanes: every lane holds the same, which is what the order of a sum by halves gives. */
export function combineLanes(
  builder: KernelBuilder,
  value: Expr,
  combine: (a: Expr, b: Expr) => Expr,
): { readonly value: Expr; readonly statements: Stmt[] } {
  const { lanes } = builder;
  const statements: Stmt[] = [];
  const named = (e: Expr): Expr => {
    const name = builder.fresh("h");
    statements.push(declare(name, e));
    return register(name, e.type, e.lanes);
  };
  let all = named(value);
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const mask = Array.from({ length: lanes }, (_, lane) => lane ^ half);
    all = named(combine(all, shuffle(all, all, mask)));
  }
  return { value: all, statements };
}

/** The exponential of a score less the largest, or less the log-sum-exp, of its row. */
export function powerOf({ target, lowering }: KernelBuilder, x: Expr): Expr {
  return target.decompose ? expOfScore(lowering.algebra, x) : lowering.algebra.op("exp", x);
}

/** A product of matrices, the right one in vectors along its columns. */
export interface Product {
  readonly rows: number;
  readonly vectors: number;
  readonly depth: number;
  /** A scalar of the left matrix. */
  readonly left: (row: ix.Index, k: ix.Index) => Expr;
  /** A vector of the right matrix; `column` names its lanes. */
  readonly right: (k: ix.Index, column: ix.Index) => Expr;
  /** What a vector of results starts from; null if from zero. */
  readonly start: ((row: ix.Index, column: ix.Index) => Expr) | null;
  readonly finish: (row: ix.Index, column: ix.Index, value: Expr) => readonly Stmt[];
}

/** Panels of columns that are computed in tiles of one size. */
interface Panels {
  readonly tile: Tile;
  readonly firstVector: number;
  readonly count: number;
}

/** The share of the first-level cache that a panel of columns may take. */
const PANEL_SHARE = 0.6;
/** Cycles to start and finish a vector of results. */
const VECTOR_CYCLES = 2;
const WIDEST = 4;

/** The tallest tile of `vectors` that fits into the registers and divides the rows. */
function tallest(target: Target, rows: number, vectors: number): Tile {
  return {
    rows: divisorUpTo(rows, Math.max(1, Math.floor((availableRegisters(target) - 1 - vectors) / vectors))),
    vectors,
  };
}

type Extent = Pick<Product, "rows" | "vectors" | "depth">;

/** The tiles of a product in the fewest cycles, and those cycles. */
export function chooseTiles(
  target: Target,
  { rows, vectors, depth }: Extent,
): { readonly panels: readonly Panels[]; readonly cycles: number } {
  let best: readonly Panels[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let width = 1; width <= Math.min(WIDEST, vectors); width++) {
    if (width > 1 && width * depth * target.lanes * 4 > target.l1Bytes * PANEL_SHARE) break;
    const whole = Math.floor(vectors / width);
    const rest = vectors - whole * width;
    const panels: Panels[] = [{ tile: tallest(target, rows, width), firstVector: 0, count: whole }];
    if (rest > 0) panels.push({ tile: tallest(target, rows, rest), firstVector: whole * width, count: 1 });
    const cycles = panels.reduce(
      (sum, { tile, count }) =>
        sum + (count * rows * (depth * stepCycles(tile) + tile.rows * tile.vectors * VECTOR_CYCLES)) / tile.rows,
      0,
    );
    if (cycles < least - 1e-9) {
      least = cycles;
      best = panels;
    }
  }
  return { panels: best, cycles: least };
}

/** Vectors side by side in most tiles of a product: the width in which its right matrix is best packed. */
export const tileWidth = (target: Target, extent: Extent): number => chooseTiles(target, extent).panels[0].tile.vectors;

/** The product in register tiles. */
export function multiply(builder: KernelBuilder, product: Product): Stmt[] {
  return chooseTiles(builder.target, product).panels.flatMap((panels) => multiplyPanels(builder, product, panels));
}

function multiplyPanels(
  builder: KernelBuilder,
  { rows, depth, left, right, start, finish }: Product,
  { tile, firstVector, count }: Panels,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const panel = builder.variable("j", count);
  const line = builder.variable("i", rows / tile.rows);
  const k = builder.variable("k", depth);
  const vectorOf = (v: number) => ix.plus(ix.scale(ix.variable(panel), tile.vectors), firstVector + v);
  const columnOf = (v: number) => vectorAt(builder, vectorOf(v));
  const rowOf = (r: number) => ix.plus(ix.scale(ix.variable(line), tile.rows), r);
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const operands = Array.from({ length: tile.vectors }, (_, v) => right(ix.variable(k), columnOf(v)));
  const begin = accumulators.flatMap((each, r) =>
    each.map((accumulator, v) =>
      declare(nameOf(accumulator), splat(start ? start(rowOf(r), columnOf(v)) : constantOf(0, "f32"), lanes)),
    ),
  );
  const step = accumulators.flatMap((each, r) => {
    const scalar = splat(left(rowOf(r), ix.variable(k)), lanes);
    return each.map((accumulator, v) =>
      set(nameOf(accumulator), e.op("add", accumulator, e.op("mul", scalar, operands[v]))),
    );
  });
  const { values, statements: barriers } = builder.toRegisters(accumulators);
  const end = values.flatMap((each, r) => each.flatMap((value, v) => finish(rowOf(r), columnOf(v), value)));
  return nest([panel, line], [...begin, loop(k, step), ...barriers, ...end]);
}

/** A vector of a matrix in scratch memory, or a scalar where the column names no lanes. */
export const loadFrom = (builder: KernelBuilder, { buffer, at }: Matrix, row: ix.Index, column: ix.Index): Expr =>
  load(buffer, "f32", at(row, column), [], builder.lanes);

/** Stores into a matrix in scratch memory. */
export const storeTo = (
  builder: KernelBuilder,
  { buffer, at }: Matrix,
  row: ix.Index,
  column: ix.Index,
  value: Expr,
): Stmt => store(buffer, "f32", at(row, column), value, builder.lanes);
