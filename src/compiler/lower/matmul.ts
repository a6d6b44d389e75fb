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
  load,
  loop,
  nameOf,
  register,
  type Stmt,
  set,
  splat,
  store,
  TASK,
  when,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { divisorUpTo } from "../prepare.js";
import { zeroOutside } from "./image.js";
import { loadCost, nest } from "./nest.js";
import { chooseTile, type Tile } from "./tile.js";
import { transposed } from "./transpose.js";

interface Blocking {
  readonly tile: Tile;
  /** Rows, columns and depth of a block. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

const ceilTo = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;
/** Floats added between packed rows or panels: writes in turn that lie a multiple of 4 KiB apart clash in the cache. */
const PAD = 16;

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

/** Cycles to pack one element of an operand, by how it lies in memory. */
const packCycles = (straight: boolean, turned: boolean, lanes: number): number =>
  straight ? 3 / lanes : turned ? 8 / lanes : 2;
const BLOCK_SIZES = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512];

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
  const deep = divisorUpTo(k, 512);
  const depth = k <= 512 ? k : deep >= 96 ? deep : 256;
  // A block of rows stays in the second-level cache while panels of columns and results stream past it.
  const floats = (target.l2Bytes / 4) * 0.6;
  const rowCycles = packCycles(rowsStraight, false, lanes) * k;
  const columnCycles = packCycles(columnsStraight, columnsTurned, lanes) * k;
  let best: Blocking = { tile, m: tile.rows, n: width, k: depth };
  let least = Number.POSITIVE_INFINITY;
  for (const rows of new Set(BLOCK_SIZES.map((size) => evenBlock(m, tile.rows, size)))) {
    for (const columns of new Set(BLOCK_SIZES.map((size) => evenBlock(n, width, size)))) {
      if (rows * depth > floats && rows > tile.rows) continue;
      const tasks = batch * Math.ceil(m / rows) * Math.ceil(n / columns);
      const task =
        (rows * columns * k) / (2 * lanes) + rows * rowCycles + columns * columnCycles + (rows * columns * 4) / lanes;
      const cycles = Math.ceil(tasks / target.threads) * task;
      if (cycles < least) {
        least = cycles;
        best = { tile, m: rows, n: columns, k: depth };
      }
    }
  }
  return best;
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
  const pitch = ceilTo(inner, lanes) + PAD;
  const buffer = builder.scratch("f32", outer * pitch);
  const place = (o: ix.Index, i: ix.Index) => ix.add(ix.scale(o, pitch), i);
  const at = (r: ix.Index, k: ix.Index) => (depthContiguous ? place(r, k) : place(k, r));
  const o = builder.variable("o", outer);
  const copy = (start: number, count: number, width: number): Stmt[] => {
    if (count === 0) return [];
    const step = builder.variable("c", count);
    const i =
      width === 1 ? ix.plus(ix.variable(step), start) : ix.add(ix.scale(ix.variable(step), width), builder.lane);
    const [r, k] = depthContiguous ? [ix.variable(o), i] : [i, ix.variable(o)];
    return nest(
      [step],
      [store(buffer, "f32", place(ix.variable(o), i), zeroOutside(builder, x, operand(r, k)), lanes)],
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
  const pitch = depth * width + PAD;
  const buffer = builder.scratch("f32", pitch * (columns / width));
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
      [store(buffer, "f32", at(column, position), zeroOutside(builder, x, operand(position, column)), lanes)],
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

/** The register tile over one packed depth: results of earlier depths are loaded, new ones stored. */
function microKernel(
  builder: KernelBuilder,
  { tile, k: depth }: Blocking,
  a: Packed,
  b: Packed,
  results: string,
  resultAt: (r: ix.Index, c: ix.Index) => ix.Index,
  row: ix.Index,
  column: ix.Index,
  isLater: ix.Guard | null,
): Stmt[] {
  const { lanes } = builder;
  const accumulators = Array.from({ length: tile.rows }, () =>
    Array.from({ length: tile.vectors }, () => register(builder.fresh("c"), "f32", lanes)),
  );
  const at = (r: number, v: number) => resultAt(ix.plus(row, r), ix.add(ix.plus(column, v * lanes), builder.lane));
  const start: Stmt[] = [];
  const finish: Stmt[] = [];
  accumulators.forEach((line, r) => {
    line.forEach((accumulator, v) => {
      const before = isLater ? load(results, "f32", at(r, v), isLater, lanes) : constantOf(0, "f32");
      start.push(declare(nameOf(accumulator), splat(before, lanes)));
      finish.push(store(results, "f32", at(r, v), accumulator, lanes));
    });
  });
  const k = builder.variable("k", depth);
  const vectors = Array.from({ length: tile.vectors }, (_, v) =>
    load(b.buffer, "f32", b.at(ix.add(ix.plus(column, v * lanes), builder.lane), ix.variable(k)), [], lanes),
  );
  const e = builder.lowering.algebra;
  const body: Stmt[] = accumulators.flatMap((line, r) => {
    const scalar = splat(load(a.buffer, "f32", a.at(ix.plus(row, r), ix.variable(k)), [], lanes), lanes);
    return line.map((accumulator, v) =>
      set(nameOf(accumulator), e.op("add", accumulator, e.op("mul", scalar, vectors[v]))),
    );
  });
  return [...start, loop(k, body), ...finish];
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
  const counts = [batch, Math.ceil(m / block.m), Math.ceil(n / block.n)];
  const depths = Math.ceil(k / block.k);
  const tasks = sizeOfShape(counts);
  const [item, rowBlock, columnBlock] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), counts);
  const firstRow = ix.scale(rowBlock, block.m);
  const firstColumn = ix.scale(columnBlock, block.n);
  const depth = builder.variable("d", depths);
  const firstDepth = ix.scale(ix.variable(depth), block.k);
  const width = block.tile.vectors * lanes;
  const packedA = packRows(builder, a, block.m, block.k, rowsStraight, (r, d) => [
    item,
    ix.add(firstRow, r),
    ix.add(firstDepth, d),
  ]);
  const packedB = packColumns(builder, b, block.k, block.n, width, !columnsTurned, (d, c) => [
    item,
    ix.add(firstDepth, d),
    ix.add(firstColumn, c),
  ]);
  const results = builder.scratch("f32", block.m * block.n);
  const resultAt = (r: ix.Index, c: ix.Index) => ix.add(ix.scale(r, block.n), c);
  const panel = builder.variable("j", block.n / width);
  const strip = builder.variable("i", block.m / block.tile.rows);
  const isLater = ix.simplifyGuard([{ index: ix.plus(ix.variable(depth), -1), extent: depths }]);
  const micro = microKernel(
    builder,
    block,
    packedA,
    packedB,
    results,
    resultAt,
    ix.scale(ix.variable(strip), block.tile.rows),
    ix.scale(ix.variable(panel), width),
    isLater,
  );
  const compute = loop(depth, [...packedA.statements, ...packedB.statements, ...nest([panel, strip], micro)]);
  const finish = epilogue(builder, anchor, roots, block, item, firstRow, firstColumn, results, resultAt);
  builder.part(tasks, [compute, ...finish]);
  return 2 * batch * m * n * k;
}

/** Stores the block: whole vectors, then the columns that are left. */
function epilogue(
  builder: KernelBuilder,
  anchor: Node,
  roots: readonly Node[],
  block: Blocking,
  item: ix.Index,
  firstRow: ix.Index,
  firstColumn: ix.Index,
  results: string,
  resultAt: (r: ix.Index, c: ix.Index) => ix.Index,
): Stmt[] {
  const { lanes } = builder;
  const [, m, n] = anchor.shape;
  const line = builder.variable("i", block.m);
  const rowIndex = ix.add(firstRow, ix.variable(line));
  const row = builder.exact(rowIndex, m);
  const write = (c: ix.Index, column: ix.Index): Stmt[] => {
    const value = load(results, "f32", resultAt(ix.variable(line), c), [], lanes);
    return builder.storeBehind(anchor, value, roots, [item, row.index, column]);
  };
  const vector = builder.variable("j", block.n / lanes);
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
  const tail = n - whole;
  let rest: Stmt[] = [];
  if (tail > 0) {
    const left = builder.variable("j", tail);
    const column = ix.plus(ix.variable(left), whole);
    const offset = ix.minus(column, firstColumn);
    rest = [loop(left, [when([{ index: offset, extent: block.n }], write(offset, column))])];
  }
  return [loop(line, row.within([...vectors, ...rest]))];
}
