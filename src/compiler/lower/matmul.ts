/**
 * Matrix product in the manner of Goto and van de Geijn (2008): blocks of both operands are packed into a thread's
 * scratch memory, where whatever is computed in place is computed once; a register tile runs down the packed panels;
 * the element-wise work behind the product is done while the block is in the cache. Blocks of the result are
 * independent tasks.
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
import type { Target } from "../../ir/target.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { contiguous, type Packed, type PackedColumns, packColumns, packRows } from "./matmul-pack.js";
import { firstThen, nest } from "./nest.js";
import { chooseTile, type Tile } from "./tile.js";

interface Blocking {
  readonly tile: Tile;
  /** Rows and columns of a task: its columns are packed once for all of its rows. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that are packed at a time. */
  readonly strip: number;
  readonly depth: number;
}

/** Floats between rows of sums: rows whose distance is a multiple of 4 KiB would clash in the cache. */
const SUM_PAD = 16;

/** A block length near `wanted`, in whole units, that cuts `total` most evenly. */
function evenBlock(total: number, unit: number, wanted: number): number {
  const units = Math.ceil(total / unit);
  const most = Math.max(1, Math.min(units, Math.floor(wanted / unit)));
  let best = most;
  for (let size = most; size >= Math.max(1, Math.ceil(most / 2)); size--) {
    if (Math.ceil(units / size) * size < Math.ceil(units / best) * best) best = size;
  }
  return best * unit;
}

/**
 * Cycles to pack one element of an operand whose vectors lie in memory: copies wait for memory, not for instructions.
 */
const ROW_CYCLES = 0.3;
const COLUMN_CYCLES = 0.35;
/** The same where columns are turned (further cycles are shared by the lanes), and where elements come one by one. */
const TURNED_CYCLES = 0.6;
const TURNING_CYCLES = 6;
const SINGLE_CYCLES = 2.5;
const BLOCK_SIZES = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096];
/** Bytes of packed columns that a task may hold. */
const COLUMN_BYTES = 4 << 20;
/** What a strip of rows and a panel of columns may take of the second-level cache. */
const STRIP_SHARE = 0.27;
const PANEL_SHARE = 0.25;
/** Depths to which one that has no good divisor is cut. */
const LEAST_DEPTH = 96;
const ODD_DEPTH = 256;

/**
 * The whole depth if the second-level cache has room for two tiles of rows and a panel of columns that deep: sums that
 * wait for further depths go through memory. Otherwise an equal part of it.
 */
function chooseDepth({ l2Bytes }: Target, { rows, vectors }: Tile, lanes: number, k: number): number {
  const floats = l2Bytes / 4;
  const most = Math.floor(Math.min((floats * STRIP_SHARE) / (2 * rows), (floats * PANEL_SHARE) / (vectors * lanes)));
  if (k <= most) return k;
  const part = divisorUpTo(k, most);
  return part >= LEAST_DEPTH ? part : ODD_DEPTH;
}

/**
 * Blocks that finish first: every task packs its own operands, so small blocks pack more and large ones share out
 * badly.
 */
function chooseBlocking(
  builder: KernelBuilder,
  anchor: Node,
  rowsStraight: boolean,
  columnsStraight: boolean,
  columnsTurned: boolean,
): Blocking {
  const { target, lanes } = builder;
  const [batch, m, n] = anchor.shape;
  const k = anchor.inputs[0].shape[2];
  // Compilers spill an operand when every register is spoken for.
  const spare = ({ rows, vectors }: Tile) =>
    target.registers <= 16 || rows * vectors + vectors + 1 <= target.registers - 2;
  const tile = chooseTile(target, m, Math.ceil(n / lanes), spare);
  const width = tile.vectors * lanes;
  const depth = chooseDepth(target, tile, lanes, k);
  // A strip of rows stays in the second-level cache while panels of columns stream past it.
  const floats = (target.l2Bytes / 4) * STRIP_SHARE;
  const rowCycles = (rowsStraight ? ROW_CYCLES : SINGLE_CYCLES) * k;
  const turned = columnsTurned ? TURNED_CYCLES + TURNING_CYCLES / lanes : SINGLE_CYCLES;
  const columnCycles = (columnsStraight ? COLUMN_CYCLES : turned) * k;
  let best: Blocking | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const rows of new Set(BLOCK_SIZES.map((size) => evenBlock(m, tile.rows, size)))) {
    const tiles = rows / tile.rows;
    const strips = Math.ceil(tiles / Math.max(1, Math.floor(floats / depth / tile.rows)));
    const strip = Math.ceil(tiles / strips) * tile.rows;
    for (const columns of new Set(BLOCK_SIZES.map((size) => evenBlock(n, width, size)))) {
      if (columns * depth * 4 > COLUMN_BYTES && columns > width) continue;
      const tasks = batch * Math.ceil(m / rows) * Math.ceil(n / columns);
      const task =
        (rows * columns * k) / (2 * lanes) + rows * rowCycles + columns * columnCycles + (rows * columns * 4) / lanes;
      const cycles = Math.ceil(tasks / target.threads) * task;
      if (cycles < least) {
        least = cycles;
        best = { tile, rows, columns, strip, depth };
      }
    }
  }
  return best ?? { tile, rows: tile.rows, columns: width, strip: tile.rows, depth };
}

interface Product {
  readonly builder: KernelBuilder;
  readonly anchor: Node;
  readonly roots: readonly Node[];
  readonly block: Blocking;
  readonly item: ix.Index;
  readonly firstRow: ix.Index;
  readonly firstColumn: ix.Index;
  /**
   * Whether this is not the first of several depths, and whether it is the last: null and [] where there is only one.
   */
  readonly isLater: ix.Guard | null;
  readonly isLast: ix.Guard;
  /** Sums between depths, and those of blocks with a last vector that is not whole. */
  readonly sums: () => string;
  readonly sumAt: (r: ix.Index, c: ix.Index) => ix.Index;
  /** Whether results go from registers to where they belong. */
  readonly direct: boolean;
}

/**
 * Where a register tile lies: rows before it in the task, its first row in the strip and column in the block, its
 * number.
 */
interface TilePlace {
  readonly strip: ix.Index;
  readonly row: ix.Index;
  readonly column: ix.Index;
  readonly number: ix.Index;
}

/** The long loop over one depth. The first tile down a panel of columns may find it not packed yet, and packs it. */
function descend(
  { builder, block }: Product,
  a: Packed,
  b: PackedColumns,
  { row, column, number }: TilePlace,
  accumulators: readonly (readonly Expr[])[],
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const down = (inPassing: PackedColumns["inPassing"]): Stmt => {
    const k = builder.variable("k", block.depth);
    const operands = Array.from({ length: block.tile.vectors }, (_, v) => {
      const at = ix.add(ix.plus(column, v * lanes), builder.lane);
      if (inPassing) return inPassing(at, ix.variable(k));
      return { value: load(b.buffer, "f32", b.at(at, ix.variable(k)), [], lanes), statements: [] };
    });
    const products = accumulators.flatMap((line, r) => {
      const scalar = splat(load(a.buffer, "f32", a.at(ix.plus(row, r), ix.variable(k)), [], lanes), lanes);
      return line.map((accumulator, v) =>
        set(nameOf(accumulator), e.op("add", accumulator, e.op("mul", scalar, operands[v].value))),
      );
    });
    return loop(k, [...operands.flatMap(({ statements }) => statements), ...products]);
  };
  return b.inPassing ? firstThen(number, [down(b.inPassing)], [down(null)]) : [down(null)];
}

/** The register tile over one depth: sums of earlier depths are loaded, new ones stored. */
function microKernel(product: Product, a: Packed, b: PackedColumns, place: TilePlace): Stmt[] {
  const { builder, block, isLater, isLast, sums, sumAt, direct } = product;
  const { tile } = block;
  const { lanes } = builder;
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const taskRow = ix.add(place.strip, place.row);
  const columnAt = (v: number) => ix.add(ix.plus(place.column, v * lanes), builder.lane);
  const at = (r: number, v: number) => sumAt(ix.plus(taskRow, r), columnAt(v));
  const e = builder.lowering.algebra;
  const { values, statements: settled } = builder.settle(accumulators);
  const start: Stmt[] = [];
  const keep: Stmt[] = [];
  const finish: Stmt[] = [];
  accumulators.forEach((line, r) => {
    const results = line.map((accumulator, v) => {
      const value = values[r][v];
      start.push(declare(nameOf(accumulator), splat(constantOf(0, "f32"), lanes)));
      if (direct && !isLater) return value;
      // What earlier depths left is far away: it is asked for before the long loop and added after it.
      if (isLater) start.push(prefetch(sums(), at(r, v)));
      const sum = isLater ? e.op("add", value, load(sums(), "f32", at(r, v), isLater, lanes)) : value;
      keep.push(store(sums(), "f32", at(r, v), sum, lanes));
      return sum;
    });
    if (direct) finish.push(...writeLine(product, ix.plus(taskRow, r), place.column, results));
  });
  const body = [...start, ...descend(product, a, b, place, accumulators), ...settled];
  if (!direct) return [...body, ...keep];
  if (!isLater) return [...body, ...finish];
  const [{ index, extent }] = isLast;
  const isEarlier = [{ index: ix.minus(ix.constant(extent - 1), ix.plus(index, extent)), extent }];
  return [...body, when(isEarlier, keep), when(isLast, finish)];
}

/** Computes what follows the product for a line of registers, and stores it. */
function writeLine(
  { builder, anchor, roots, item, firstRow, firstColumn }: Product,
  taskRow: ix.Index,
  column: ix.Index,
  line: readonly Expr[],
): Stmt[] {
  const { lanes } = builder;
  const [, m, n] = anchor.shape;
  const row = builder.exact(ix.add(firstRow, taskRow), m);
  const body = line.flatMap((value, v) => {
    const start = builder.exact(ix.add(firstColumn, ix.plus(column, v * lanes)), n, lanes);
    const at = [item, row.index, ix.add(start.index, builder.lane)];
    return start.within(builder.storeBehind(anchor, value, roots, at));
  });
  return row.within(body);
}

/** Lowers a matmul and the element-wise work behind it. */
export function lowerMatmul(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  const { lanes } = builder;
  const [a, b] = anchor.inputs;
  const [batch, m, n] = anchor.shape;
  const k = a.shape[2];
  const rowsStraight = contiguous(builder, a, 2) || !contiguous(builder, a, 1);
  const columnsStraight = contiguous(builder, b, 2);
  const columnsTurned = !columnsStraight && contiguous(builder, b, 1);
  const block = chooseBlocking(
    builder,
    anchor,
    contiguous(builder, a, 2) || contiguous(builder, a, 1),
    columnsStraight,
    columnsTurned,
  );
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
  const packedA = packRows(builder, a, block.strip, block.depth, rowsStraight, (r, d) => [
    item,
    ix.add(firstRow, ix.add(strip, r)),
    ix.add(firstDepth, d),
  ]);
  const packedB = packColumns(builder, b, block.depth, block.columns, width, !columnsTurned, (d, c) => [
    item,
    ix.add(firstDepth, d),
    ix.add(firstColumn, c),
  ]);
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
  const place = {
    strip,
    row,
    column: ix.scale(ix.variable(panel), width),
    number: ix.add(ix.scale(ix.variable(strips), line.extent), ix.variable(line)),
  };
  const taskRow = ix.add(strip, row);
  const isThere = ix.simplifyGuard([
    { index: taskRow, extent: block.rows },
    { index: ix.add(firstRow, taskRow), extent: m },
  ]);
  const computed = microKernel(product, packedA, packedB, place);
  const tile = isThere?.length ? [when(isThere, computed)] : computed;
  const compute = [...packedA.statements, ...nest([panel, line], tile)];
  const finish = product.direct ? [] : writeBlock(product);
  builder.part(tasks, [loop(depth, [...packedB.statements, loop(strips, compute)]), ...finish]);
  return 2 * batch * m * n * k;
}

/** Stores the block: whole vectors, then the columns that are left. */
function writeBlock({ builder, anchor, roots, block, item, firstRow, firstColumn, sums, sumAt }: Product): Stmt[] {
  const { lanes } = builder;
  const [, m, n] = anchor.shape;
  const line = builder.variable("i", block.rows);
  const row = builder.exact(ix.add(firstRow, ix.variable(line)), m);
  const write = (c: ix.Index, column: ix.Index): Stmt[] => {
    const value = load(sums(), "f32", sumAt(ix.variable(line), c), [], lanes);
    return builder.storeBehind(anchor, value, roots, [item, row.index, column]);
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
