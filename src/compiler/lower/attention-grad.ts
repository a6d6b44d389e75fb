/**
 * The gradients of attention, with the probabilities computed anew, block by block (Dao 2023, "FlashAttention-2"). If
 * there are heads enough, a task takes a whole head and each block of probabilities serves all three gradients; else
 * some tasks sum up the gradients of queries, others those of keys and values. Sums run over the same blocks in the
 * same order either way.
 */
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
  splat,
  store,
} from "../../ir/loops.js";
import { attentionOperands } from "../../ops/index.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { eachBlock, finishScore, type ScorePlace, type Share, scoreAt, shareOut, unlessHidden } from "./attention.js";
import {
  eachVector,
  loadFrom,
  type Matrix,
  multiply,
  packRowsOf,
  packTransposed,
  powerOf,
  scratchMatrix,
  storeTo,
  tileWidth,
  vectorAt,
} from "./attention-blocks.js";
import { type Blocks, planBackward } from "./attention-plan.js";
import { zeroOutside } from "./image.js";
import { nest } from "./nest.js";

/** Rows of probabilities that are computed side by side, so that their latencies overlap. */
const ROWS_TOGETHER = 4;

/** Which gradients a part sums up. */
type Goal = "all" | "queries" | "keys";

/** Lowers the gradients of an attention; returns their arithmetic. */
export function lowerAttentionGrad(builder: KernelBuilder, anchor: Node<"attentionGrad">): number {
  const { threads } = builder.target;
  const { q, k, v } = attentionOperands(anchor);
  const [heads, t, d] = q.shape;
  const [s, e] = [k.shape[1], v.shape[2]];
  const blocks = planBackward(builder.target, { t, s, d, e });
  const enough = heads >= 4 * threads || heads % threads === 0;
  const goals: readonly Goal[] = enough ? ["all"] : ["queries", "keys"];
  for (const goal of goals) addPart(builder, anchor, blocks, goal);
  return 2 * heads * t * s * (3 * d + 2 * e);
}

/** Operands and sums of a part in scratch memory. */
interface Memory {
  readonly keysTurned: Matrix;
  readonly valuesTurned: Matrix;
  readonly keys: Matrix | null;
  readonly queries: Matrix;
  readonly dy: Matrix;
  readonly logSumExp: string;
  readonly delta: string;
  readonly probabilities: Matrix;
  readonly ds: Matrix;
}

function addPart(builder: KernelBuilder, anchor: Node<"attentionGrad">, blocks: Blocks, goal: Goal): void {
  const { lanes, target } = builder;
  const { q, k, v, rest } = attentionOperands(anchor);
  const [heads, t, d] = q.shape;
  const [s, e] = [k.shape[1], v.shape[2]];
  const { rows, rowBlocks, keyVectors, keyBlocks } = blocks;
  const cut = goal === "keys" ? keyBlocks : rowBlocks;
  const share = shareOut(builder, heads, cut, goal !== "all");
  const all = (count: number): Share => ({ ...share, first: ix.zero, count });
  const rowShare = goal === "keys" ? all(rowBlocks) : share;
  const keyShare = goal === "keys" ? share : all(keyBlocks);
  const { item } = share;
  const rowCount = rowShare.count * rows;
  const keyCount = keyShare.count * blocks.keys;
  const rowOf = (r: ix.Index) => ix.add(ix.scale(rowShare.first, rows), r);
  const keyOf = (c: ix.Index) => ix.add(ix.scale(keyShare.first, blocks.keys), c);
  const turned = (x: Node) =>
    packTransposed(
      builder,
      x,
      keyCount,
      tileWidth(target, { rows, vectors: keyVectors, depth: x.shape[2] }),
      (key, c) => [item, keyOf(key), c],
    );
  const alongRows = (x: Node, factor = 1) => packRowsOf(builder, x, rowCount, (r, c) => [item, rowOf(r), c], factor);
  const [keysTurned, valuesTurned] = [turned(k), turned(v)];
  const keys = goal === "keys" ? null : packRowsOf(builder, k, keyCount, (key, c) => [item, keyOf(key), c]);
  const queries = alongRows(q, anchor.attrs.scale);
  const [dyNode, logSumExpNode, deltaNode] = rest;
  const dy = alongRows(dyNode);
  const ofRows = (x: Node, outside: number) => packVector(builder, x, rowCount, (r) => [item, rowOf(r)], outside);
  // Rows that do not exist have probabilities of zero.
  const logSumExp = ofRows(logSumExpNode, Number.POSITIVE_INFINITY);
  const delta = ofRows(deltaNode, 0);
  const memory: Memory = {
    keysTurned: keysTurned.matrix,
    valuesTurned: valuesTurned.matrix,
    keys: keys?.matrix ?? null,
    queries: queries.matrix,
    dy: dy.matrix,
    logSumExp: logSumExp.buffer,
    delta: delta.buffer,
    probabilities: scratchMatrix(builder, rows, blocks.keys),
    ds: scratchMatrix(builder, rows, blocks.keys),
  };
  const sumsOf = (count: number, width: number): Sums => {
    const vectors = Math.ceil(width / lanes);
    return { matrix: scratchMatrix(builder, count, vectors * lanes), count, vectors, width };
  };
  const dq = goal === "keys" ? null : sumsOf(rowCount, d);
  const keyed = goal === "queries" ? null : { dk: sumsOf(blocks.keys, d), dv: sumsOf(blocks.keys, e) };
  const sizes = [heads * t * d, heads * s * d];
  const overKeys = eachBlock(builder, keyShare, keyBlocks, (keyBlock, ownKeys) => {
    const firstKey = ix.scale(keyBlock, blocks.keys);
    const ownKey = ix.scale(ownKeys, blocks.keys);
    const overRows = eachBlock(builder, rowShare, rowBlocks, (rowBlock, ownRows) => {
      const place: ScorePlace = { item, firstRow: ix.scale(rowBlock, rows), firstKey };
      const ownRow = ix.scale(ownRows, rows);
      const lastRow = ix.plus(place.firstRow, rows - 1);
      const steps = [
        ...probabilitiesOf(builder, anchor, blocks, memory, { ...place, ownRow, ownKey }),
        ...(keyed ? addKeyed(builder, blocks, memory, keyed, ownRow) : []),
        ...(dq ? addQueries(builder, blocks, memory, dq, ownRow, ownKey) : []),
      ];
      return unlessHidden(anchor.attrs.causal, lastRow, firstKey, steps);
    });
    if (!keyed) return [overRows];
    const write = (sums: Sums, start: number) =>
      writeSums(builder, anchor, sums, 1, { start, length: s, item, first: firstKey });
    return [
      ...clear(builder, keyed.dk),
      ...clear(builder, keyed.dv),
      overRows,
      ...write(keyed.dk, sizes[0]),
      ...write(keyed.dv, sizes[0] + sizes[1]),
    ];
  });
  const first = { start: 0, length: t, item, first: ix.scale(rowShare.first, rows) };
  builder.part(share.tasks, [
    ...[keysTurned, valuesTurned, keys, queries, dy, logSumExp, delta].flatMap((packed) => packed?.statements ?? []),
    ...(dq ? clear(builder, dq) : []),
    overKeys,
    ...(dq ? writeSums(builder, anchor, dq, anchor.attrs.scale, first) : []),
  ]);
}

/** Copies a value of each row; `outside` stands for rows that do not exist. */
function packVector(
  builder: KernelBuilder,
  x: Node,
  count: number,
  operand: (row: ix.Index) => ix.Index[],
  outside: number,
): { readonly buffer: string; readonly statements: Stmt[] } {
  const { lanes } = builder;
  const vectors = Math.ceil(count / lanes);
  const buffer = builder.scratch("f32", vectors * lanes);
  const vector = builder.variable("r", vectors);
  const row = vectorAt(builder, ix.variable(vector));
  const at = operand(row);
  const guard = ix.simplifyGuard(at.map((index, axis) => ({ index, extent: x.shape[axis] }))) ?? [];
  const value = builder.lowering.value(x, at, guard);
  const kept =
    guard.length === 0
      ? value
      : builder.lowering.algebra.op("select", builder.test(guard), value, constantOf(outside, "f32"));
  return { buffer, statements: nest([vector], [store(buffer, "f32", row, kept, lanes)]) };
}

/** Sums in scratch memory. */
interface Sums {
  readonly matrix: Matrix;
  readonly count: number;
  readonly vectors: number;
  readonly width: number;
}

const clear = (builder: KernelBuilder, { matrix, count, vectors }: Sums): Stmt[] =>
  eachVector(builder, count, vectors, (row, column) => [
    storeTo(builder, matrix, row, column, splat(constantOf(0, "f32"), builder.lanes)),
  ]);

/** Where sums belong in the flat result: behind `start`, the rows from `first` on of one head. */
interface Destination {
  readonly start: number;
  readonly length: number;
  readonly item: ix.Index;
  readonly first: ix.Index;
}

function writeSums(
  builder: KernelBuilder,
  anchor: Node<"attentionGrad">,
  { matrix, count, vectors, width }: Sums,
  factor: number,
  { start, length, item, first }: Destination,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const out = builder.buffer(anchor, "write");
  const line = builder.variable("r", count);
  const vector = builder.variable("c", vectors);
  const row = builder.exact(ix.add(first, ix.variable(line)), length);
  const column = vectorAt(builder, ix.variable(vector));
  const value = e.op(
    "mul",
    loadFrom(builder, matrix, ix.variable(line), column),
    constantOf(Math.fround(factor), "f32"),
  );
  const position = ix.add(ix.scale(ix.add(ix.scale(item, length), row.index), width), column);
  const inside = ix.simplifyGuard([{ index: column, extent: width }]) ?? [];
  const body = store(out, "f32", ix.plus(position, start), value, lanes, inside);
  return [loop(line, row.within(nest([vector], [body])))];
}

/** A block of scores, and where its rows and keys lie in scratch memory. */
interface BlockPlace extends ScorePlace {
  readonly ownRow: ix.Index;
  readonly ownKey: ix.Index;
}

/** Computes the probabilities of a block, and the gradients of its scores. */
function probabilitiesOf(
  builder: KernelBuilder,
  anchor: Node<"attentionGrad">,
  { rows, keyVectors }: Blocks,
  memory: Memory,
  place: BlockPlace,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const { k, v, factor } = attentionOperands(anchor);
  const { probabilities, ds } = memory;
  const { ownRow, ownKey } = place;
  const extent = { rows, vectors: keyVectors, start: null };
  const scores = multiply(builder, {
    ...extent,
    depth: k.shape[2],
    left: (r, c) => loadFrom(builder, memory.queries, ix.add(ownRow, r), c),
    right: (c, key) => loadFrom(builder, memory.keysTurned, c, ix.add(ownKey, key)),
    finish: (r, c, value) => [storeTo(builder, probabilities, r, c, finishScore(builder, anchor, place, r, c, value))],
  });
  const products = multiply(builder, {
    ...extent,
    depth: v.shape[2],
    left: (r, c) => loadFrom(builder, memory.dy, ix.add(ownRow, r), c),
    right: (c, key) => loadFrom(builder, memory.valuesTurned, c, ix.add(ownKey, key)),
    finish: (r, c, value) => [storeTo(builder, ds, r, c, value)],
  });
  const together = divisorUpTo(rows, ROWS_TOGETHER);
  const line = builder.variable("r", rows / together);
  const vector = builder.variable("c", keyVectors);
  const column = vectorAt(builder, ix.variable(vector));
  const steps = Array.from({ length: together }).flatMap((_, i): Stmt[] => {
    const row = ix.plus(ix.scale(ix.variable(line), together), i);
    const ofRow = (buffer: string) => splat(load(buffer, "f32", ix.add(ownRow, row), [], lanes), lanes);
    const name = (prefix: string) => register(builder.fresh(prefix), "f32", lanes);
    const [difference, power, product, kept] = [name("x"), name("p"), name("g"), name("f")];
    const multiplied = (value: Expr) => (factor ? e.op("mul", value, kept) : value);
    const score = loadFrom(builder, probabilities, row, column);
    return [
      declare(nameOf(difference), e.op("sub", score, ofRow(memory.logSumExp))),
      declare(nameOf(power), powerOf(builder, difference)),
      ...(factor
        ? [declare(nameOf(kept), splat(zeroOutside(builder, factor, scoreAt(place, row, column)), lanes))]
        : []),
      declare(nameOf(product), multiplied(loadFrom(builder, ds, row, column))),
      storeTo(builder, ds, row, column, e.op("mul", power, e.op("sub", product, ofRow(memory.delta)))),
      storeTo(builder, probabilities, row, column, multiplied(power)),
    ];
  });
  return [...scores, ...products, loop(line, [loop(vector, steps)])];
}

/** Adds a block to the gradients of keys and values. */
function addKeyed(
  builder: KernelBuilder,
  { rows, keys }: Blocks,
  { probabilities, ds, queries, dy }: Memory,
  { dk, dv }: { readonly dk: Sums; readonly dv: Sums },
  ownRow: ix.Index,
): Stmt[] {
  const add = ({ matrix, vectors }: Sums, weights: Matrix, operand: Matrix): Stmt[] =>
    multiply(builder, {
      rows: keys,
      vectors,
      depth: rows,
      left: (key, r) => loadFrom(builder, weights, r, key),
      right: (r, c) => loadFrom(builder, operand, ix.add(ownRow, r), c),
      start: (key, c) => loadFrom(builder, matrix, key, c),
      finish: (key, c, value) => [storeTo(builder, matrix, key, c, value)],
    });
  return [...add(dv, probabilities, dy), ...add(dk, ds, queries)];
}

/** Adds a block to the gradients of queries. */
function addQueries(
  builder: KernelBuilder,
  { rows, depth }: Blocks,
  { ds, keys }: Memory,
  { matrix, vectors }: Sums,
  ownRow: ix.Index,
  ownKey: ix.Index,
): Stmt[] {
  if (!keys) return [];
  return multiply(builder, {
    rows,
    vectors,
    depth,
    left: (r, key) => loadFrom(builder, ds, r, key),
    right: (key, c) => loadFrom(builder, keys, ix.add(ownKey, key), c),
    start: (r, c) => loadFrom(builder, matrix, ix.add(ownRow, r), c),
    finish: (r, c, value) => [storeTo(builder, matrix, ix.add(ownRow, r), c, value)],
  });
}
