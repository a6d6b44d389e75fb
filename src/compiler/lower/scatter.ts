/**
 * Scatters. Each task owns columns of the result, keeps them in scratch memory while it goes through the entries in
 * their order, and stores them with the epilogue: no two tasks write one element, so the result does not depend on
 * threads.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  castTo,
  constantOf,
  type Expr,
  indexValue,
  indirectly,
  load,
  loop,
  type Stmt,
  splat,
  store,
} from "../../ir/loops.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { addNest, nest } from "./nest.js";

/** Elements of a row that a task reads side by side: a cache line of f32. */
const LINE = 16;
/** Elements of scratch memory of a task, so that they stay in the second-level cache. */
const MOST_ELEMENTS = 1 << 17;

export function lowerScatter(builder: KernelBuilder, anchor: Node<"scatter">, roots: readonly Node[]): number {
  const [, x, rows] = anchor.inputs;
  const [heads, , tails] = anchor.shape;
  const { lanes } = builder;
  const vectors = lanes > 1 && sharesRows(builder, rows) ? Math.floor(tails / lanes) : 0;
  const together = divisorUpTo(Math.max(1, vectors), Math.max(1, LINE / lanes));
  addBlocks(builder, anchor, roots, { heads, first: 0, blocks: vectors / together, vectors: together, width: lanes });
  const first = vectors * lanes;
  addBlocks(builder, anchor, roots, { heads, first, blocks: tails - first, vectors: 1, width: 1 });
  return sizeOfShape(x.shape);
}

/** Whether the elements of a vector go to the same row. */
function sharesRows(builder: KernelBuilder, rows: Node): boolean {
  const [h, c, t] = rows.shape.map((extent, i) => ix.variable({ name: `o${i}`, extent }));
  if (rows.shape[2] < builder.lanes) return false;
  const column = ix.add(ix.scale(t, builder.lanes), builder.lane);
  return builder.lowering.value(rows, [h, c, column]).lanes === 1;
}

/** Blocks of columns, each of some vectors. */
interface Blocks {
  readonly heads: number;
  /** The first column. */
  readonly first: number;
  readonly blocks: number;
  readonly vectors: number;
  readonly width: number;
}

function addBlocks(
  builder: KernelBuilder,
  anchor: Node<"scatter">,
  roots: readonly Node[],
  { heads, first, blocks, vectors, width }: Blocks,
): void {
  if (blocks === 0) return;
  const [base, x, rows] = anchor.inputs;
  const { kind } = anchor.attrs;
  const count = anchor.shape[1];
  const across = vectors * width;
  // Long columns are cut into ranges of rows, each of which goes through all entries.
  const ranges = Math.ceil((count * across) / MOST_ELEMENTS);
  const length = Math.ceil(count / ranges);
  const memory = builder.scratch(anchor.dtype, length * across);
  const lane = width === 1 ? ix.zero : builder.lane;
  const each = Array.from({ length: vectors }, (_, v) => v);
  addNest(builder, [heads, ranges, blocks], across * (2 * length + x.shape[1]), ([h, range, block]) => {
    const column = (v: number) => ix.add(ix.plus(ix.scale(block, across), first + v * width), lane);
    const slot = (row: ix.Index, v: number) => ix.add(ix.plus(ix.scale(row, across), v * width), lane);
    const read = (row: ix.Index, v: number) => load(memory, anchor.dtype, slot(row, v), [], width);
    const write = (row: ix.Index, v: number, value: Expr) =>
      store(memory, anchor.dtype, slot(row, v), splat(value, width), width);
    const value = (node: Node, at: readonly ix.Index[]) => builder.lowering.value(node, at);
    const e = builder.lowering.algebra;
    const lowByte = splat(constantOf(255, "i32"), width);
    /** Statements for every row of the range. */
    const eachRow = (body: (row: ix.Index, v: number, at: readonly ix.Index[]) => Stmt[]): Stmt => {
      const local = builder.variable("r", length);
      const row = ix.variable(local);
      const { index, within } = builder.exact(ix.add(ix.scale(range, length), row), count);
      return loop(local, within(each.flatMap((v) => body(row, v, [h, index, column(v)]))));
    };
    const entry = builder.variable("c", x.shape[1]);
    const c = ix.variable(entry);
    const named = castTo(value(rows, [h, c, column(0)]), "i32");
    const begin = indexValue(ix.scale(range, length), builder.lanes);
    const { value: target, statements } = builder.toRegister(ranges === 1 ? named : e.op("sub", named, begin));
    const row = builder.variable("w", length);
    const combine = each.map((v) => {
      const element = splat(value(x, [h, c, column(v)]), width);
      const place = ix.variable(row);
      if (kind === "set") return write(place, v, element);
      const joined = builder.lowering.combine(kind, read(place, v), element);
      return write(place, v, anchor.dtype === "u8" ? e.op("bitAnd", joined, lowByte) : joined);
    });
    return [
      eachRow((r, v, at) => [write(r, v, value(base, at))]),
      ...nest([entry], [...statements, indirectly(row, target, combine)]),
      eachRow((r, v, at) => builder.storeEpilogue(anchor, read(r, v), roots, at)),
    ];
  });
}
