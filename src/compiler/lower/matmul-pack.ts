/**
 * Packs the operands of a matrix product: rows so that the scalars of one depth share few cache lines, columns in
 * panels as wide as the register tile. Operations that are inlined into an operand are computed here, once per element.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, type Expr, nameOf, prefetch, register, type Stmt, store } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { zeroOutside } from "./image.js";
import { loadCost, nest } from "./nest.js";
import type { Next } from "./prefetch.js";
import { transposed } from "./transpose.js";

/**
 * Padding in floats of each row of a packed block: row pitches that are multiples of 4 KiB would cause conflict misses.
 */
const ROW_PAD = 16;
/** Padding between panels of columns, for the same reason: packing one row of the operand writes to all of them. */
const PANEL_PAD = 32;

/** Whether vectors along the given axis of an operand are contiguous in memory. */
export function contiguous(builder: KernelBuilder, x: Node, axis: number): boolean {
  const at = x.shape.map((extent, i) => {
    const v = ix.variable({ name: `o${i}`, extent });
    return i === axis
      ? ix.add(
          ix.scale(ix.variable({ name: "v", extent: Math.max(1, Math.floor(extent / builder.lanes)) }), builder.lanes),
          builder.lane,
        )
      : v;
  });
  return loadCost([builder.lowering.value(x, at)], builder.lanes) < builder.lanes;
}

/**
 * Rows between the one that is packed and the one that is prefetched: hardware prefetchers do not follow short rows
 * that are far apart.
 */
const ROWS_AHEAD = 8;

/** Prefetches an operand at later coordinates, if it is stored and its elements are contiguous. */
export function prefetchElement(
  builder: KernelBuilder,
  x: Node,
  at: readonly ix.Index[],
  next: Next = new Map(),
): Stmt[] {
  const value = builder.lowering.value(x, at);
  return value.kind === "load" && value.indirect === null && value.stride === 1
    ? [prefetch(value.buffer, ix.substitute(value.index, next))]
    : [];
}

export const LINE_BYTES = 64;
export const LINE_FLOATS = LINE_BYTES / 4;

/**
 * The pitch in floats of rows that can be read in place, as they are stored with contiguous depths. That saves packing,
 * which takes up to a twentieth of the time of the products. Null if rows must be packed.
 */
export function pitchInPlace(builder: KernelBuilder, x: Node): number | null {
  const [item, row, depth] = x.shape.map((extent, axis) => ({ name: `o${axis}`, extent }));
  const value = builder.lowering.value(x, [item, row, depth].map(ix.variable));
  if (value.kind !== "load" || value.indirect !== null || value.guard.length > 0) return null;
  return ix.strideOf(value.index, depth.name) === 1 ? ix.strideOf(value.index, row.name) : null;
}

export interface Packed {
  readonly statements: Stmt[];
  /** The position in scratch of row r (of the block) at depth k. */
  readonly at: (r: ix.Index, k: ix.Index) => ix.Index;
  readonly buffer: string;
}

/** Packs a block of rows [rows × depth] so that scalars of one depth can be read; `operand` gives coordinates. */
export function packRows(
  builder: KernelBuilder,
  x: Node,
  rows: number,
  depth: number,
  depthContiguous: boolean,
  operand: (r: ix.Index, k: ix.Index) => ix.Index[],
): Packed {
  const { lanes } = builder;
  const [outer, inner] = depthContiguous ? [rows, depth] : [depth, rows];
  const pitch = Math.ceil(inner / lanes) * lanes + ROW_PAD;
  const buffer = builder.scratch("f32", outer * pitch);
  const place = (o: ix.Index, i: ix.Index) => ix.add(ix.scale(o, pitch), i);
  const at = (r: ix.Index, k: ix.Index) => (depthContiguous ? place(r, k) : place(k, r));
  const o = builder.variable("o", outer);
  const copy = (start: number, count: number, width: number): Stmt[] => {
    if (count === 0) return [];
    const step = builder.variable("c", count);
    const i =
      width === 1 ? ix.plus(ix.variable(step), start) : ix.add(ix.scale(ix.variable(step), width), builder.lane);
    const from = (line: ix.Index) => (depthContiguous ? operand(line, i) : operand(i, line));
    return nest(
      [step],
      [
        store(buffer, "f32", place(ix.variable(o), i), zeroOutside(builder, x, from(ix.variable(o))), lanes),
        ...prefetchElement(builder, x, from(ix.plus(ix.variable(o), ROWS_AHEAD))),
      ],
    );
  };
  const vectors = Math.floor(inner / lanes);
  const body = [...copy(0, vectors, lanes), ...copy(vectors * lanes, inner - vectors * lanes, 1)];
  return { statements: nest([o], body), at, buffer };
}

export interface PackedColumns extends Packed {
  /**
   * The vector of columns at depth k, packed on the fly by the first register tile of a panel, if the operand is
   * stored; null if the statements pack all columns beforehand.
   */
  readonly onTheFly: ((column: ix.Index, k: ix.Index) => { readonly value: Expr; readonly statements: Stmt[] }) | null;
}

/** Depths between the one that the first tile reads and the one that it prefetches: some hundred cycles. */
const DEPTHS_AHEAD = 32;

/** Packs a block of columns [depth × columns] into panels of `width` columns, depth by depth. */
export function packColumns(
  builder: KernelBuilder,
  x: Node,
  depth: number,
  columns: number,
  width: number,
  columnsContiguous: boolean,
  operand: (k: ix.Index, c: ix.Index) => ix.Index[],
): PackedColumns {
  const { lanes } = builder;
  const pitch = depth * width + PANEL_PAD;
  const buffer = builder.scratch("f32", (columns / width) * pitch);
  const at = (c: ix.Index, k: ix.Index): ix.Index =>
    ix.add(ix.scale(ix.div(c, width), pitch), ix.add(ix.scale(k, width), ix.mod(c, width)));
  const panel = builder.variable("p", columns / lanes);
  const first = ix.scale(ix.variable(panel), lanes);
  const column = ix.add(first, builder.lane);
  // Row by row, so that memory is read sequentially.
  const direct = (start: number, count: number): Stmt[] => {
    const k = builder.variable("k", count);
    const position = ix.plus(ix.variable(k), start);
    return nest(
      [k, panel],
      [
        store(buffer, "f32", at(column, position), zeroOutside(builder, x, operand(position, column)), lanes),
        ...prefetchElement(builder, x, operand(ix.plus(position, ROWS_AHEAD), column)),
      ],
    );
  };
  if (columnsContiguous) {
    const later = (k: ix.Index, c: ix.Index) => prefetchElement(builder, x, operand(ix.plus(k, DEPTHS_AHEAD), c));
    if (later(ix.constant(0), column).length === 0) return { statements: direct(0, depth), at, buffer, onTheFly: null };
    const onTheFly = (c: ix.Index, k: ix.Index) => {
      const value = register(builder.fresh("b"), "f32", lanes);
      const statements = [
        declare(nameOf(value), zeroOutside(builder, x, operand(k, c))),
        store(buffer, "f32", at(c, k), value, lanes),
        ...later(k, c),
      ];
      return { value, statements };
    };
    return { statements: [], at, buffer, onTheFly };
  }
  // Rows of V depths each, one per column, are transposed into V vectors of columns.
  const blocks = Math.floor(depth / lanes);
  const block = builder.variable("k", blocks);
  const base = ix.scale(ix.variable(block), lanes);
  const rows = Array.from({ length: lanes }, (_, i) =>
    zeroOutside(builder, x, operand(ix.add(base, builder.lane), ix.plus(first, i))),
  );
  const transposedRows = transposed(builder, rows);
  const stores = transposedRows.rows.map((row, i) => store(buffer, "f32", at(column, ix.plus(base, i)), row, lanes));
  const body = nest([block], [...transposedRows.statements, ...stores]);
  const statements = [...nest([panel], body), ...direct(blocks * lanes, depth - blocks * lanes)];
  return { statements, at, buffer, onTheFly: null };
}
