/**
 * Matrix product in the manner of Goto and van de Geijn (2008): columns are packed into panels in a thread's scratch
 * memory, rows are read in place or packed too, and whatever is computed in place is computed once, in packing; a
 * register tile runs down the panels; the epilogue is computed while the block is in the cache.
 * Blocks of the result are independent tasks.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  load,
  loop,
  nameOf,
  prefetch,
  register,
  type Stmt,
  set,
  splat,
  store,
  TASK,
  when,
} from "../../ir/loops.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { type Blocking, chooseBlocking } from "./matmul-blocking.js";
import { contiguous, LINE_FLOATS, type Packed, type PackedColumns, packColumns, packRows } from "./matmul-pack.js";
import { inFirst, prefetchColumns, prefetchRows } from "./matmul-prefetch.js";
import { firstThen, nest } from "./nest.js";
import { nextIteration, nextOf } from "./prefetch.js";

/** Padding of rows of sums in floats: pitches that are multiples of 4 KiB would cause conflict misses. */
const SUM_PAD = 16;

interface Product {
  readonly builder: KernelBuilder;
  readonly anchor: Node;
  readonly roots: readonly Node[];
  readonly block: Blocking;
  readonly item: ix.Index;
  readonly firstRow: ix.Index;
  readonly firstColumn: ix.Index;
  /**
   * Guards of the blocks of depth after the first, and of the last one; null and [] if there is a single block.
   */
  readonly isLater: ix.Guard | null;
  readonly isLast: ix.Guard;
  /** Scratch memory of partial sums between blocks of depth, and of results whose last vector is partial. */
  readonly sums: () => string;
  readonly sumAt: (r: ix.Index, c: ix.Index) => ix.Index;
  /** Whether the epilogue stores results from registers, not from the partial sums in scratch memory. */
  readonly direct: boolean;
}

/** Where a register tile lies, and how its rows are read and written. */
interface TilePlace {
  /** First row within the task, first column within the block, and the number of the tile. */
  readonly row: ix.Index;
  readonly column: ix.Index;
  readonly number: ix.Index;
  /** Row r of the left operand at depth k of the block. */
  readonly scalar: (r: number, k: ix.Index) => Expr;
  /** Row r of the result, in the matrix. */
  readonly line: (r: number) => Line;
  /** What part `part` of `parts` of a tile behind the first prefetches; null if nothing. */
  readonly prefetches: ((part: ix.Index, parts: number) => Stmt[]) | null;
}

/** A row; `within` guards its statements if it may lie outside the matrix or be computed by another tile. */
interface Line {
  readonly index: ix.Index;
  readonly within: (body: readonly Stmt[]) => Stmt[];
}

/** Least number of depths between two prefetches: the scalars of half a cache line. */
const MIN_PART = 8;

/**
 * The loop over a block of depth. The first tile of a panel packs the panel's columns on the fly, if they are not
 * packed.
 */
function sumOverDepth(
  { builder, block }: Product,
  b: PackedColumns,
  { column, number, scalar, prefetches }: TilePlace,
  accumulators: readonly (readonly Expr[])[],
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const step = (k: ix.Index, onTheFly: PackedColumns["onTheFly"]): Stmt[] => {
    const operands = Array.from({ length: block.tile.vectors }, (_, v) => {
      const at = ix.add(ix.plus(column, v * lanes), builder.lane);
      if (onTheFly) return onTheFly(at, k);
      return { value: load(b.buffer, "f32", b.at(at, k), [], lanes), statements: [] };
    });
    const products = accumulators.flatMap((line, r) => {
      const left = splat(scalar(r, k), lanes);
      return line.map((accumulator, v) =>
        set(nameOf(accumulator), e.op("add", accumulator, e.op("mul", left, operands[v].value))),
      );
    });
    return [...operands.flatMap(({ statements }) => statements), ...products];
  };
  const down = (onTheFly: PackedColumns["onTheFly"]): Stmt => {
    const k = builder.variable("k", block.depth);
    return loop(k, step(ix.variable(k), onTheFly));
  };
  const length = divisorUpTo(block.depth, LINE_FLOATS);
  const downPrefetching = (fetch: NonNullable<TilePlace["prefetches"]>): Stmt => {
    const part = builder.variable("q", block.depth / length);
    const k = builder.variable("k", length);
    const depth = ix.add(ix.scale(ix.variable(part), length), ix.variable(k));
    return loop(part, [...fetch(ix.variable(part), part.extent), loop(k, step(depth, null))]);
  };
  const others = () => (prefetches && length >= MIN_PART ? downPrefetching(prefetches) : down(null));
  return b.onTheFly ? firstThen(number, [down(b.onTheFly)], [others()]) : [down(null)];
}

/** The register tile over one depth: sums of earlier depths are loaded, new ones stored. */
function microKernel(product: Product, b: PackedColumns, place: TilePlace): Stmt[] {
  const { builder, block, isLater, isLast, sums, sumAt, direct } = product;
  const { tile } = block;
  const { lanes } = builder;
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const columnAt = (v: number) => ix.add(ix.plus(place.column, v * lanes), builder.lane);
  const at = (r: number, v: number) => sumAt(ix.plus(place.row, r), columnAt(v));
  const e = builder.lowering.algebra;
  const { values, statements: barriers } = builder.toRegisters(accumulators);
  const start: Stmt[] = [];
  const keep: Stmt[] = [];
  const finish: Stmt[] = [];
  accumulators.forEach((line, r) => {
    const results = line.map((accumulator, v) => {
      const value = values[r][v];
      start.push(declare(nameOf(accumulator), splat(constantOf(0, "f32"), lanes)));
      if (direct && !isLater) return value;
      // Partial sums of earlier depths are not cached: they are prefetched before the loop and added after it.
      if (isLater) start.push(prefetch(sums(), at(r, v)));
      const sum = isLater ? e.op("add", value, load(sums(), "f32", at(r, v), isLater, lanes)) : value;
      keep.push(store(sums(), "f32", at(r, v), sum, lanes));
      return sum;
    });
    if (direct) finish.push(...writeLine(product, place.line(r), place.column, results));
  });
  const body = [...start, ...sumOverDepth(product, b, place, accumulators), ...barriers];
  if (!direct) return [...body, ...keep];
  if (!isLater) return [...body, ...finish];
  const [{ index, extent }] = isLast;
  const isEarlier = [{ index: ix.minus(ix.constant(extent - 1), ix.plus(index, extent)), extent }];
  return [...body, when(isEarlier, keep), when(isLast, finish)];
}

/** Computes the epilogue of a row of registers, and stores its roots. */
function writeLine(
  { builder, anchor, roots, item, firstColumn }: Product,
  row: Line,
  column: ix.Index,
  line: readonly Expr[],
): Stmt[] {
  const { lanes } = builder;
  const n = anchor.shape[2];
  const body = line.flatMap((value, v) => {
    const start = builder.exact(ix.add(firstColumn, ix.plus(column, v * lanes)), n, lanes);
    const at = [item, row.index, ix.add(start.index, builder.lane)];
    return start.within(builder.storeEpilogue(anchor, value, roots, at));
  });
  return row.within(body);
}

/** The rows of a tile, as they are read and written. */
interface TileRows extends Pick<TilePlace, "scalar" | "line"> {
  /** Guards the tile if all of its rows may lie outside the matrix. */
  readonly within: (body: readonly Stmt[]) => Stmt[];
}

/** Tiles of packed rows: rows outside the matrix are zeros in scratch memory. */
function packedTile(
  { builder, anchor, firstRow }: Product,
  { buffer, at }: Packed,
  row: ix.Index,
  taskRow: ix.Index,
): TileRows {
  const m = anchor.shape[1];
  const first = ix.add(firstRow, taskRow);
  return {
    scalar: (r, k) => load(buffer, "f32", at(ix.plus(row, r), k), [], builder.lanes),
    line: (r) => builder.exact(ix.plus(first, r), m),
    within: (body) => whenever([{ index: first, extent: m }], body),
  };
}

/**
 * Tiles of rows that are read in place: the last tile is shifted back so that it lies inside the matrix, and does not
 * store the rows that the tile before it computes too.
 */
function inPlaceTile(
  { builder, anchor, block, item, firstRow }: Product,
  depth: ix.Index,
  taskRow: ix.Index,
): TileRows {
  const [a] = anchor.inputs;
  const m = a.shape[1];
  const { rows } = block.tile;
  const tiles = Math.ceil(m / rows);
  const lacking = tiles * rows - m;
  const first = ix.add(firstRow, taskRow);
  const shift = lacking > 0 ? ix.scale(ix.div(ix.div(first, rows), tiles - 1), lacking) : ix.zero;
  const start = builder.exact(ix.minus(first, shift), m - rows + 1);
  return {
    scalar: (r, k) => builder.lowering.value(a, [item, ix.plus(start.index, r), ix.add(depth, k)]),
    line: (r) => ({
      index: ix.plus(start.index, r),
      within: (body) =>
        r < lacking ? whenever([{ index: ix.minus(ix.constant(r), shift), extent: rows }], body) : [...body],
    }),
    within: start.within,
  };
}

/** The body, under the guard unless that is empty. */
function whenever(guard: ix.Guard, body: readonly Stmt[]): Stmt[] {
  const needed = ix.simplifyGuard(guard);
  return needed?.length === 0 ? [...body] : [when(needed ?? guard, body)];
}

/** Lowers a matmul and its epilogue. */
export function lowerMatmul(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  const { lanes } = builder;
  const [a, b] = anchor.inputs;
  const [batch, m, n] = anchor.shape;
  const k = a.shape[2];
  const alongDepth = contiguous(builder, a, 2);
  const alongRows = contiguous(builder, a, 1);
  const columnsContiguous = contiguous(builder, b, 2);
  const columnsTransposed = !columnsContiguous && contiguous(builder, b, 1);
  const block = chooseBlocking(builder, anchor, {
    rows: alongDepth || alongRows ? "contiguous" : "strided",
    columns: columnsContiguous ? "contiguous" : columnsTransposed ? "transposed" : "strided",
  });
  const counts = [batch, Math.ceil(m / block.rows), Math.ceil(n / block.columns)];
  const depths = Math.ceil(k / block.depth);
  const tasks = sizeOfShape(counts);
  const [item, rowBlock, columnBlock] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const firstRow = ix.scale(rowBlock, block.rows);
  const firstColumn = ix.scale(columnBlock, block.columns);
  const depth = builder.variable("d", depths);
  const firstDepth = ix.scale(ix.variable(depth), block.depth);
  const width = block.tile.vectors * lanes;
  const strips = builder.variable("w", Math.ceil(block.rows / block.strip));
  const strip = ix.scale(ix.variable(strips), block.strip);
  const packedA =
    block.pitch === null
      ? packRows(builder, a, block.strip, block.depth, alongDepth || !alongRows, (r, d) => [
          item,
          ix.add(firstRow, ix.add(strip, r)),
          ix.add(firstDepth, d),
        ])
      : null;
  const columnAt = (d: ix.Index, c: ix.Index) => [item, ix.add(firstDepth, d), ix.add(firstColumn, c)];
  const packedB = packColumns(builder, b, block.depth, block.columns, width, !columnsTransposed, columnAt);
  const sumPitch = block.columns + SUM_PAD;
  let sums = "";
  const product: Product = {
    builder,
    anchor,
    roots,
    block,
    item,
    firstRow,
    firstColumn,
    isLater: ix.simplifyGuard([{ index: ix.plus(ix.variable(depth), -1), extent: depths }]),
    isLast: [{ index: ix.plus(ix.variable(depth), 1 - depths), extent: depths }],
    sums: () => {
      sums ||= builder.scratch("f32", strips.extent * block.strip * sumPitch);
      return sums;
    },
    sumAt: (r, c) => ix.add(ix.scale(r, sumPitch), c),
    direct: n % lanes === 0,
  };
  const panel = builder.variable("j", block.columns / width);
  const line = builder.variable("i", block.strip / block.tile.rows);
  const row = ix.scale(ix.variable(line), block.tile.rows);
  const taskRow = ix.add(strip, row);
  const column = ix.scale(ix.variable(panel), width);
  const rows = packedA ? packedTile(product, packedA, row, taskRow) : inPlaceTile(product, firstDepth, taskRow);
  const next = depths > 1 ? nextIteration(panel) : nextOf(builder, panel, tasks);
  const prefetches = (part: ix.Index, parts: number) => [
    ...inFirst(
      strips,
      prefetchColumns(builder, b, block, { tiles: line, part, parts, next }, (d, c) => columnAt(d, ix.add(column, c))),
    ),
    ...inFirst(
      panel,
      prefetchRows(block, parts, (r) => rows.scalar(r, ix.scale(part, block.depth / parts))),
    ),
  ];
  const number = ix.add(ix.scale(ix.variable(strips), line.extent), ix.variable(line));
  const place = { ...rows, row: taskRow, column, number, prefetches: line.extent > 1 ? prefetches : null };
  const tile = whenever([{ index: taskRow, extent: block.rows }], rows.within(microKernel(product, packedB, place)));
  const compute = [...(packedA?.statements ?? []), ...nest([panel, line], tile)];
  const finish = product.direct ? [] : writeBlock(product);
  builder.part(tasks, [loop(depth, [...packedB.statements, loop(strips, compute)]), ...finish]);
  return 2 * batch * m * n * k;
}

/** Stores a block from scratch memory: whole vectors, then the remaining columns as scalars. */
function writeBlock({ builder, anchor, roots, block, item, firstRow, firstColumn, sums, sumAt }: Product): Stmt[] {
  const { lanes } = builder;
  const [, m, n] = anchor.shape;
  const line = builder.variable("i", block.rows);
  const row = builder.exact(ix.add(firstRow, ix.variable(line)), m);
  const write = (c: ix.Index, column: ix.Index): Stmt[] => {
    const value = load(sums(), "f32", sumAt(ix.variable(line), c), [], lanes);
    return builder.storeEpilogue(anchor, value, roots, [item, row.index, column]);
  };
  const vector = builder.variable("j", block.columns / lanes);
  const start = ix.add(firstColumn, ix.scale(ix.variable(vector), lanes));
  const whole = Math.floor(n / lanes) * lanes;
  const columns = builder.exact(start, Math.max(1, whole), lanes);
  const vectors =
    whole > 0
      ? [
          loop(
            vector,
            columns.within(
              write(ix.add(ix.scale(ix.variable(vector), lanes), builder.lane), ix.add(columns.index, builder.lane)),
            ),
          ),
        ]
      : [];
  const left = builder.variable("j", n - whole);
  const column = ix.plus(ix.variable(left), whole);
  const offset = ix.minus(column, firstColumn);
  const rest = [loop(left, [when([{ index: offset, extent: block.columns }], write(offset, column))])];
  return [loop(line, row.within([...vectors, ...rest]))];
}
