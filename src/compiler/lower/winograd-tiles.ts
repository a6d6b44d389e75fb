/**
 * Building blocks of the kernels of Winograd's convolution: squares of vectors are transformed by small constant
 * matrices, and each point of the transformed tiles has a matrix in scratch memory. It must not know which operand is
 * transformed.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, type Expr, load, register, type Stmt, splat, store } from "../../ir/loops.js";
import { transpose, type Winograd } from "../../ops/index.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { zeroOutside } from "./image.js";
import { nest } from "./nest.js";

/** Padding between matrices in floats: the same element of all matrices would else map to one set of the cache. */
export const PAD = 16;

type Constants = readonly (readonly number[])[];

/** A sum of products, without their common factor. */
interface Sum {
  readonly scale: number;
  readonly value: Expr;
}

class Products {
  constructor(
    private readonly builder: KernelBuilder,
    private readonly statements: Stmt[],
  ) {}

  private named(value: Expr): Expr {
    const name = this.builder.fresh("w");
    this.statements.push(declare(name, splat(value, this.builder.lanes)));
    return register(name, "f32", this.builder.lanes);
  }

  /** a + factor · b. */
  private plus(a: Expr, b: Expr, factor: number): Expr {
    const e = this.builder.lowering.algebra;
    const size = Math.abs(factor);
    return e.op(factor < 0 ? "sub" : "add", a, size === 1 ? b : e.op("mul", b, e.constant(size, b)));
  }

  private sum(row: readonly number[], x: readonly Expr[]): Sum {
    const e = this.builder.lowering.algebra;
    const sizes = new Set(row.filter((factor) => factor !== 0).map(Math.abs));
    const scale = sizes.size === 1 ? [...sizes][0] : 1;
    // Terms with factor ±1 come first: the others are then fused multiply-adds.
    const terms = row.flatMap((factor, i) => (factor === 0 ? [] : [{ factor: factor / scale, x: x[i] }]));
    terms.sort((a, b) => Number(b.factor === 1) - Number(a.factor === 1));
    const [first, ...others] = terms;
    if (!first) return { scale: 1, value: e.constant(0, x[0]) };
    const size = Math.abs(first.factor);
    const factored = size === 1 ? first.x : e.op("mul", first.x, e.constant(size, first.x));
    const start = first.factor < 0 ? e.op("neg", factored) : factored;
    return { scale, value: others.reduce((sum, term) => this.plus(sum, term.x, term.factor), start) };
  }

  private whole({ scale, value }: Sum): Expr {
    const e = this.builder.lowering.algebra;
    return this.named(scale === 1 ? value : e.op("mul", value, e.constant(scale, value)));
  }

  /**
   * A matrix times a column of vectors. Two columns that differ only in signs are replaced by the sum and difference of
   * their operands; of two rows that differ only in signs, the common part and the part that changes sign are summed
   * once. The matrices of Winograd's algorithm have many such pairs, since their points are pairs ±p.
   */
  times(matrix: Constants, x: readonly Expr[]): Expr[] {
    const columns = mirrored(transpose(matrix));
    if (columns) {
      const [i, j] = columns;
      const both = x.slice();
      both[i] = this.named(this.plus(x[i], x[j], 1));
      both[j] = this.named(this.plus(x[i], x[j], -1));
      const split = matrix.map((row) =>
        row.map((factor, k) => (k === i && row[i] !== row[j] ? 0 : k === j && row[i] === row[j] ? 0 : factor)),
      );
      // A difference has the sign of its first operand.
      const signed = split.map((row) => row.map((factor, k) => (k === j ? -factor : factor)));
      return this.times(signed, both);
    }
    const rows = mirrored(matrix);
    if (!rows) return matrix.map((row) => this.whole(this.sum(row, x)));
    const [a, b] = rows;
    const same = this.sum(
      matrix[a].map((factor, k) => (factor === matrix[b][k] ? factor : 0)),
      x,
    );
    const changing = this.sum(
      matrix[a].map((factor, k) => (factor === matrix[b][k] ? 0 : factor)),
      x,
    );
    const [shared, apart] = [this.whole(same), this.named(changing.value)];
    const others = this.times(
      matrix.filter((_, r) => r !== a && r !== b),
      x,
    );
    const pair = [1, -1].map((sign) => this.named(this.plus(shared, apart, sign * changing.scale)));
    return matrix.map((_, r) => (r === a ? pair[0] : r === b ? pair[1] : others[r - Number(r > a) - Number(r > b)]));
  }
}

/** Two rows that differ in the signs of some factors only, if sharing their parts saves enough; else null. */
function mirrored(rows: Constants): [number, number] | null {
  for (let a = 0; a < rows.length; a++) {
    for (let b = a + 1; b < rows.length; b++) {
      const used = rows[a].flatMap((factor, k) => (factor === 0 ? [] : [k]));
      const equal = used.filter((k) => rows[a][k] === rows[b][k]).length;
      const mirror = rows[a].every((factor, k) => Math.abs(factor) === Math.abs(rows[b][k]));
      if (mirror && used.length > 2 && equal > 0 && equal < used.length) return [a, b];
    }
  }
  return null;
}

/** A matrix times a column of vectors; statements are added to the list. */
export const times = (builder: KernelBuilder, statements: Stmt[], matrix: Constants, x: readonly Expr[]): Expr[] =>
  new Products(builder, statements).times(matrix, x);

/** A square of vectors transformed along both sides; squares are given and returned row by row. */
export function transform(
  builder: KernelBuilder,
  statements: Stmt[],
  matrix: Constants,
  square: readonly Expr[],
): Expr[] {
  const side = matrix[0].length;
  const axis = Array.from({ length: side }, (_, i) => i);
  const columns = axis.map((q) =>
    times(
      builder,
      statements,
      matrix,
      axis.map((r) => square[r * side + q]),
    ),
  );
  return matrix.flatMap((_, r) =>
    times(
      builder,
      statements,
      matrix,
      columns.map((column) => column[r]),
    ),
  );
}

/** One matrix for every point of a tile. */
export interface Matrices {
  readonly buffer: string;
  readonly points: number;
  readonly at: (point: ix.Index, row: ix.Index, column: ix.Index) => ix.Index;
}

/** Matrices of `height` × `width` in scratch memory. */
export function matrices(builder: KernelBuilder, points: number, height: number, width: number): Matrices {
  const [pitch, size] = [width + PAD, height * (width + PAD) + PAD];
  return {
    buffer: builder.scratch("f32", points * size),
    points,
    at: (p, t, q) => ix.add(ix.scale(p, size), ix.add(ix.scale(t, pitch), q)),
  };
}

/** Vectors read from all matrices, each into a register of its own. */
export function readPoints(
  builder: KernelBuilder,
  statements: Stmt[],
  from: Matrices,
  row: ix.Index,
  column: ix.Index,
) {
  return Array.from({ length: from.points }, (_, p) => {
    const name = builder.fresh("m");
    statements.push(declare(name, load(from.buffer, "f32", from.at(ix.constant(p), row, column), [], builder.lanes)));
    return register(name, "f32", builder.lanes);
  });
}

/** Statements that store one vector into each of the matrices. */
export const writePoints = (
  builder: KernelBuilder,
  to: Matrices,
  row: ix.Index,
  column: ix.Index,
  values: readonly Expr[],
): Stmt[] =>
  values.map((value, p) => store(to.buffer, "f32", to.at(ix.constant(p), row, column), value, builder.lanes));

/** Tiles of a task: images, rows of tiles in each, tiles in a row. */
export type TileCounts = readonly [images: number, rows: number, columns: number];

/** Loops over tiles, their coordinates, and the number of the tile. */
export function tileLoops(builder: KernelBuilder, counts: TileCounts) {
  const loops = counts.map((extent) => builder.variable("t", extent));
  const at = loops.map(ix.variable);
  return { loops, at, index: ix.flatten(at, counts) };
}

/** Where the pixels of some tiles come from. */
export interface PixelSource {
  readonly tiles: TileCounts;
  /** Channels that the task reads, whole vectors of them. */
  readonly channels: number;
  /** Coordinates in the source of image i, channel c, row r, column q; pixels outside it are zero. */
  readonly source: (i: ix.Index, c: ix.Index, r: ix.Index, q: ix.Index) => ix.Index[];
  readonly x: Node;
}

/** Copies pixels with their border, computing in place what feeds them, and transforms them: tiles × channels. */
export function transformPixels(
  builder: KernelBuilder,
  { tiles, channels, source, x }: PixelSource,
  { results, pixels, points, input }: Winograd,
  to: Matrices,
): Stmt[] {
  const { lanes } = builder;
  const [images, tileRows, tileColumns] = tiles;
  const [rows, columns] = [tileRows * results + 2, tileColumns * results + 2];
  const shape = [images, channels / lanes, rows, columns, lanes];
  const image = builder.scratch(
    "f32",
    shape.reduce((a, b) => a * b, 1),
  );
  const pixelAt = (at: readonly ix.Index[]) => ix.flatten([...at, builder.lane], shape);
  const laneOf = (block: ix.Index) => ix.add(ix.scale(block, lanes), builder.lane);
  const copy = shape.slice(0, 4).map((extent) => builder.variable("n", extent));
  const [i, block, row, column] = copy.map(ix.variable);
  const pixel = zeroOutside(builder, x, source(i, laneOf(block), row, column));
  const pack = nest(copy, [store(image, "f32", pixelAt([i, block, row, column]), pixel, lanes)]);

  const { loops, at, index } = tileLoops(builder, tiles);
  const channel = builder.variable("c", channels / lanes);
  const statements: Stmt[] = [];
  const square = Array.from({ length: points }, (_, p) => {
    const name = builder.fresh("d");
    const [r, q] = [Math.floor(p / pixels), p % pixels];
    const position = [
      at[0],
      ix.variable(channel),
      ix.plus(ix.scale(at[1], results), r),
      ix.plus(ix.scale(at[2], results), q),
    ];
    statements.push(declare(name, load(image, "f32", pixelAt(position), [], lanes)));
    return register(name, "f32", lanes);
  });
  const values = transform(builder, statements, input, square);
  statements.push(...writePoints(builder, to, index, laneOf(ix.variable(channel)), values));
  return [...pack, ...nest([...loops, channel], statements)];
}
