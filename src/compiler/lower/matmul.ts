/**
 * Matrix product in the manner of Goto and van de Geijn (2008): blocks of both operands are packed into a thread's scratch
 * memory, where whatever is computed in place is computed once; a register tile runs down the packed panels; the element-wise
 * work behind the product is done while the block is in the cache. Blocks of the result are independent tasks.
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
import { zeroOutside } from "./image.js";
import { loadCost, nest } from "./nest.js";
import { chooseTile, type Tile } from "./tile.js";
import { transposed } from "./transpose.js";

interface Blocking {
  readonly tile: Tile;
  /** Rows and columns of a task: its columns are packed once for all of its rows. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that are packed at a time. */
  readonly strip: number;
  readonly depth: number;
}

const ceilTo = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;
/** Floats between rows of a packed block whose rows are short: never a multiple of 4 KiB, which would clash in the cache. */
const ROW_PAD = 16;
/** Floats between panels of columns, for the same reason: a row of the operand is spread over all of them. */
const PANEL_PAD = 32;

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

/** Cycles to pack one element of an operand, by how it lies in memory: copies wait for memory, not for instructions. */
const packCycles = (straight: boolean, turned: boolean, lanes: number): number =>
  straight ? 0.6 : turned ? 0.6 + 6 / lanes : 2.5;
const BLOCK_SIZES = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
/** Bytes of packed columns that a task may hold. */
const COLUMN_BYTES = 2 << 20;
/** Depths up to the first are taken in one go; others are cut to at most the second, so that panels stay in the first-level cache. */
const WHOLE_DEPTH = 512;
const CUT_DEPTH = 400;

/** Blocks that finish first: every task packs its own operands, so small blocks pack more and large ones share out badly. */
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
  const deep = divisorUpTo(k, CUT_DEPTH);
  const depth = k <= WHOLE_DEPTH ? k : deep >= 96 ? deep : 256;
  // A strip of rows stays in the second-level cache while panels of columns stream past it.
  const floats = (target.l2Bytes / 4) * 0.4;
  const rowCycles = packCycles(rowsStraight, false, lanes) * k;
  const columnCycles = packCycles(columnsStraight, columnsTurned, lanes) * k;
  let best: Blocking | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const rows of new Set(BLOCK_SIZES.map((size) => evenBlock(m, tile.rows, size)))) {
    const strip = evenBlock(rows, tile.rows, Math.max(tile.rows, floats / depth));
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

/** Whether vectors along the given axis of an operand are contiguous in memory. */
function contiguous(builder: KernelBuilder, x: Node, axis: number): boolean {
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

/** Rows that packing asks for ahead of time: short rows far apart are more than the hardware foresees. */
const ROWS_AHEAD = 8;

/** Asks for what an operand needs at coordinates to come, where that is a plain element of memory. */
function foresee(builder: KernelBuilder, x: Node, at: readonly ix.Index[]): Stmt[] {
  const value = builder.lowering.value(x, at);
  return value.kind === "load" && value.pick === null && value.stride === 1
    ? [prefetch(value.buffer, value.index)]
    : [];
}

interface Packed {
  readonly statements: Stmt[];
  /** The position in scratch of row r (of the block) at depth k. */
  readonly at: (r: ix.Index, k: ix.Index) => ix.Index;
  readonly buffer: string;
}

/** Packs a block of rows [rows × depth] so that scalars of one depth can be read; `operand` gives coordinates. */
function packRows(
  builder: KernelBuilder,
  x: Node,
  rows: number,
  depth: number,
  depthContiguous: boolean,
  operand: (r: ix.Index, k: ix.Index) => ix.Index[],
): Packed {
  const { lanes } = builder;
  const [outer, inner] = depthContiguous ? [rows, depth] : [depth, rows];
  const pitch = ceilTo(inner, lanes) + ROW_PAD;
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
        ...foresee(builder, x, from(ix.plus(ix.variable(o), ROWS_AHEAD))),
      ],
    );
  };
  const vectors = Math.floor(inner / lanes);
  const body = [...copy(0, vectors, lanes), ...copy(vectors * lanes, inner - vectors * lanes, 1)];
  return { statements: nest([o], body), at, buffer };
}

/** Packs a block of columns [depth × columns] into panels of `width` columns, depth by depth. */
function packColumns(
  builder: KernelBuilder,
  x: Node,
  depth: number,
  columns: number,
  width: number,
  columnsContiguous: boolean,
  operand: (k: ix.Index, c: ix.Index) => ix.Index[],
): Packed {
  const { lanes } = builder;
  const pitch = depth * width + PANEL_PAD;
  const buffer = builder.scratch("f32", (columns / width) * pitch);
  const at = (c: ix.Index, k: ix.Index): ix.Index =>
    ix.add(ix.scale(ix.div(c, width), pitch), ix.add(ix.scale(k, width), ix.mod(c, width)));
  const panel = builder.variable("p", columns / lanes);
  const first = ix.scale(ix.variable(panel), lanes);
  const column = ix.add(first, builder.lane);
  // Row by row, so that memory is read in the order in which it lies.
  const direct = (start: number, count: number): Stmt[] => {
    const k = builder.variable("k", count);
    const position = ix.plus(ix.variable(k), start);
    return nest(
      [k, panel],
      [
        store(buffer, "f32", at(column, position), zeroOutside(builder, x, operand(position, column)), lanes),
        ...foresee(builder, x, operand(ix.plus(position, ROWS_AHEAD), column)),
      ],
    );
  };
  if (columnsContiguous) return { statements: direct(0, depth), at, buffer };
  // Rows of V depths each, one per column, are turned into V vectors of columns.
  const blocks = Math.floor(depth / lanes);
  const block = builder.variable("k", blocks);
  const base = ix.scale(ix.variable(block), lanes);
  const rows = Array.from({ length: lanes }, (_, i) =>
    zeroOutside(builder, x, operand(ix.add(base, builder.lane), ix.plus(first, i))),
  );
  const turned = transposed(builder, rows);
  const stores = turned.rows.map((row, i) => store(buffer, "f32", at(column, ix.plus(base, i)), row, lanes));
  const body = nest([block], [...turned.statements, ...stores]);
  return { statements: [...nest([panel], body), ...direct(blocks * lanes, depth - blocks * lanes)], at, buffer };
}

interface Product {
  readonly builder: KernelBuilder;
  readonly anchor: Node;
  readonly roots: readonly Node[];
  readonly block: Blocking;
  readonly item: ix.Index;
  readonly firstRow: ix.Index;
  readonly firstColumn: ix.Index;
  /** Whether this is not the first of several depths, and whether it is the last: null and [] where there is only one. */
  readonly isLater: ix.Guard | null;
  readonly isLast: ix.Guard;
  /** Sums between depths, and those of blocks with a last vector that is not whole. */
  readonly sums: () => string;
  readonly sumAt: (r: ix.Index, c: ix.Index) => ix.Index;
  /** Whether results go from registers to where they belong. */
  readonly direct: boolean;
}

/** The register tile over one packed depth: sums of earlier depths are loaded, new ones stored. */
function microKernel(product: Product, a: Packed, b: Packed, strip: ix.Index, row: ix.Index, column: ix.Index): Stmt[] {
  const { builder, block, isLater, isLast, sums, sumAt, direct } = product;
  const { tile } = block;
  const { lanes } = builder;
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const taskRow = ix.add(strip, row);
  const at = (r: number, v: number) => sumAt(ix.plus(taskRow, r), ix.add(ix.plus(column, v * lanes), builder.lane));
  const e = builder.lowering.algebra;
  const start: Stmt[] = [];
  const keep: Stmt[] = [];
  const finish: Stmt[] = [];
  accumulators.forEach((line, r) => {
    const results = line.map((accumulator, v) => {
      start.push(declare(nameOf(accumulator), splat(constantOf(0, "f32"), lanes)));
      if (direct && !isLater) return accumulator;
      // What earlier depths left is far away: it is asked for before the long loop and added after it.
      if (isLater) start.push(prefetch(sums(), at(r, v)));
      const sum = isLater ? e.op("add", accumulator, load(sums(), "f32", at(r, v), isLater, lanes)) : accumulator;
      keep.push(store(sums(), "f32", at(r, v), sum, lanes));
      return sum;
    });
    if (direct) finish.push(...writeLine(product, ix.plus(taskRow, r), column, results));
  });
  const k = builder.variable("k", block.depth);
  const vectors = Array.from({ length: tile.vectors }, (_, v) =>
    load(b.buffer, "f32", b.at(ix.add(ix.plus(column, v * lanes), builder.lane), ix.variable(k)), [], lanes),
  );
  const body: Stmt[] = accumulators.flatMap((line, r) => {
    const scalar = splat(load(a.buffer, "f32", a.at(ix.plus(row, r), ix.variable(k)), [], lanes), lanes);
    return line.map((accumulator, v) =>
      set(nameOf(accumulator), e.op("add", accumulator, e.op("mul", scalar, vectors[v]))),
    );
  });
  if (!direct) return [...start, loop(k, body), ...keep];
  if (!isLater) return [...start, loop(k, body), ...finish];
  const [{ index, extent }] = isLast;
  const isEarlier = [{ index: ix.minus(ix.constant(extent - 1), ix.plus(index, extent)), extent }];
  return [...start, loop(k, body), when(isEarlier, keep), when(isLast, finish)];
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
      sums ||= builder.scratch("f32", ceilTo(block.rows, block.strip) * block.columns);
      return sums;
    },
    sumAt: (r, c) => ix.add(ix.scale(r, block.columns), c),
    direct: n % lanes === 0,
  };
  const panel = builder.variable("j", block.columns / width);
  const line = builder.variable("i", block.strip / block.tile.rows);
  const row = ix.scale(ix.variable(line), block.tile.rows);
  const micro = microKernel(product, packedA, packedB, strip, row, ix.scale(ix.variable(panel), width));
  const compute = [...packedA.statements, ...nest([panel, line], micro)];
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
