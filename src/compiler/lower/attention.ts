/**
 * Attention without its matrix of probabilities (Dao 2023, "FlashAttention-2"): a task takes some queries of one head
 * through all keys, block by block, and keeps the largest score and the sum of powers of each row. Keys and values are
 * packed once for all queries of a task; a block of scores stays in the first-level cache.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  extractFirst,
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
import { attentionOperands } from "../../ops/index.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import {
  combineLanes,
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
import { type Blocks, planForward } from "./attention-plan.js";
import { zeroOutside } from "./image.js";
import { nest } from "./nest.js";

/** Rows of scores that are exponentiated side by side, so that their latencies overlap. */
const ROWS_TOGETHER = 6;

/** Which scores a block holds, and what is known of them. */
export interface ScorePlace {
  readonly item: ix.Index;
  readonly firstRow: ix.Index;
  readonly firstKey: ix.Index;
}

/** Coordinates [B, T, S] of a score of a block. */
export const scoreAt = ({ item, firstRow, firstKey }: ScorePlace, row: ix.Index, column: ix.Index): ix.Index[] => [
  item,
  ix.add(firstRow, row),
  ix.add(firstKey, column),
];

/** A score with its bias, −∞ where the key is hidden or does not exist. */
export function finishScore(
  builder: KernelBuilder,
  anchor: Node<"attention"> | Node<"attentionGrad">,
  place: ScorePlace,
  row: ix.Index,
  column: ix.Index,
  product: Expr,
): Expr {
  const e = builder.lowering.algebra;
  const { k, bias } = attentionOperands(anchor);
  const at = scoreAt(place, row, column);
  const score = bias ? e.op("add", product, zeroOutside(builder, bias, at)) : product;
  const before = ix.minus(at[1], at[2]);
  const bounds = [{ index: at[2], extent: k.shape[1] }];
  if (anchor.attrs.causal) bounds.push({ index: before, extent: before.high + 1 });
  const seen = ix.simplifyGuard(bounds);
  const hidden = constantOf(Number.NEGATIVE_INFINITY, "f32");
  if (seen === null) return hidden;
  return seen.length === 0 ? score : e.op("select", builder.test(seen), score, hidden);
}

/** The tasks of a part: the head of each, and the blocks of an axis that it takes. */
export interface Share {
  readonly tasks: number;
  readonly item: ix.Index;
  readonly first: ix.Index;
  readonly count: number;
}

/** Cuts the blocks of an axis so that there are some tasks for each thread; packing is repeated in every one. */
export function shareOut(builder: KernelBuilder, heads: number, blocks: number, shared: boolean): Share {
  const wanted = shared ? Math.min(blocks, Math.ceil((4 * builder.target.threads) / heads)) : 1;
  const count = Math.ceil(blocks / wanted);
  const cuts = Math.ceil(blocks / count);
  const tasks = heads * cuts;
  const [item, cut] = ix.unflatten(ix.variable({ name: TASK, extent: tasks }), [heads, cuts]);
  return { tasks, item, first: ix.scale(cut, count), count };
}

/** Statements for the blocks of a share; the last share may have fewer. */
export function eachBlock(
  builder: KernelBuilder,
  { first, count }: Share,
  blocks: number,
  body: (block: ix.Index, own: ix.Index) => readonly Stmt[],
): Stmt {
  const own = builder.variable("b", count);
  const { index, within } = builder.exact(ix.add(first, ix.variable(own)), blocks);
  return loop(own, within(body(index, ix.variable(own))));
}

/** Leaves a block out whose keys all lie behind its last row, if keys ahead of their row are hidden. */
export function unlessHidden(causal: boolean, lastRow: ix.Index, firstKey: ix.Index, body: readonly Stmt[]): Stmt[] {
  if (!causal) return [...body];
  const ahead = ix.minus(lastRow, firstKey);
  const guard = ix.simplifyGuard([{ index: ahead, extent: ahead.high + 1 }]);
  return guard?.length === 0 ? [...body] : [when(guard ?? [], body)];
}

/** The running values of the rows of a block, a vector with equal lanes for each. */
interface RowState {
  readonly largest: Matrix;
  readonly total: Matrix;
  /** What earlier sums are multiplied by: exp(earlier largest − largest). */
  readonly decay: Matrix;
}

/** Lowers an attention; returns its arithmetic. */
export function lowerAttention(builder: KernelBuilder, anchor: Node<"attention">): number {
  const { lanes } = builder;
  const { q, k, v } = attentionOperands(anchor);
  const [heads, t, d] = q.shape;
  const s = k.shape[1];
  const width = v.shape[2];
  const blocks = planForward(builder.target, { t, s, d, e: width });
  const valueVectors = Math.ceil(width / lanes);
  const share = shareOut(builder, heads, blocks.rowBlocks, true);
  const { item } = share;
  const tile = tileWidth(builder.target, { rows: blocks.rows, vectors: blocks.keyVectors, depth: d });
  const keyRows = blocks.keyBlocks * blocks.keys;
  const keys = packTransposed(builder, k, keyRows, tile, (key, c) => [item, key, c]);
  const values = packRowsOf(builder, v, keyRows, (key, c) => [item, key, c]);
  const scores = scratchMatrix(builder, blocks.rows, blocks.keys);
  const sums = scratchMatrix(builder, blocks.rows, valueVectors * lanes);
  const rows = (): Matrix => scratchMatrix(builder, blocks.rows, lanes);
  const state: RowState = { largest: rows(), total: rows(), decay: rows() };
  const constants: readonly [Matrix, number][] = [
    [state.largest, Number.NEGATIVE_INFINITY],
    [state.total, 0],
  ];
  const body = eachBlock(builder, share, blocks.rowBlocks, (block) => {
    const firstRow = ix.scale(block, blocks.rows);
    const queries = packRowsOf(builder, q, blocks.rows, (r, c) => [item, ix.add(firstRow, r), c], anchor.attrs.scale);
    const begin = eachVector(builder, blocks.rows, 1, (row, column) => [
      ...constants.map(([matrix, value]) =>
        storeTo(builder, matrix, row, column, splat(constantOf(value, "f32"), lanes)),
      ),
    ]);
    const j = builder.variable("n", blocks.keyBlocks);
    const firstKey = ix.scale(ix.variable(j), blocks.keys);
    const place: ScorePlace = { item, firstRow, firstKey };
    const isLater = ix.simplifyGuard([{ index: ix.plus(ix.variable(j), -1), extent: blocks.keyBlocks }]);
    const products = multiply(builder, {
      rows: blocks.rows,
      vectors: blocks.keyVectors,
      depth: d,
      left: (r, c) => loadFrom(builder, queries.matrix, r, c),
      right: (c, key) => loadFrom(builder, keys.matrix, c, ix.add(firstKey, key)),
      start: null,
      finish: (r, c, value) => [storeTo(builder, scores, r, c, finishScore(builder, anchor, place, r, c, value))],
    });
    const e = builder.lowering.algebra;
    const weighted = multiply(builder, {
      rows: blocks.rows,
      vectors: valueVectors,
      depth: blocks.depth,
      left: (r, c) => loadFrom(builder, scores, r, c),
      right: (key, c) => loadFrom(builder, values.matrix, ix.add(firstKey, key), c),
      start:
        isLater === null
          ? null
          : (r, c) =>
              e.op(
                "mul",
                load(sums.buffer, "f32", sums.at(r, c), isLater, lanes),
                loadFrom(builder, state.decay, r, builder.lane),
              ),
      finish: (r, c, value) => [storeTo(builder, sums, r, c, value)],
    });
    const lastRow = ix.plus(firstRow, blocks.rows - 1);
    const steps = [...products, ...exponentiate(builder, anchor, blocks, place, scores, state), ...weighted];
    return [
      ...queries.statements,
      ...begin,
      loop(j, unlessHidden(anchor.attrs.causal, lastRow, firstKey, steps)),
      ...writeRows(builder, anchor, blocks, item, firstRow, sums, state),
    ];
  });
  builder.part(share.tasks, [...keys.statements, ...values.statements, body]);
  return 2 * heads * t * s * (d + width);
}

/** Scores of a block become exp(score − largest), times the factor of dropout; the state of the rows follows. */
function exponentiate(
  builder: KernelBuilder,
  anchor: Node<"attention">,
  { rows, keyVectors }: Blocks,
  place: ScorePlace,
  scores: Matrix,
  { largest, total, decay }: RowState,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const operands = attentionOperands(anchor);
  const together = divisorUpTo(rows, ROWS_TOGETHER);
  const line = builder.variable("r", rows / together);
  const first = builder.variable("c", keyVectors);
  const second = builder.variable("c", keyVectors);
  const mutable = (prefix: string) => register(builder.fresh(prefix), "f32", lanes);
  const lines = Array.from({ length: together }, (_, i) => {
    const row = ix.plus(ix.scale(ix.variable(line), together), i);
    const most = mutable("m");
    const sum = mutable("s");
    const offset = mutable("o");
    const before = mutable("b");
    const score = (c: ix.LoopVar) => loadFrom(builder, scores, row, vectorAt(builder, ix.variable(c)));
    const [difference, power] = [mutable("x"), mutable("p")];
    // A NaN is no largest score, but makes the sum of powers NaN.
    const larger = (a: Expr, b: Expr) => e.op("select", e.op("lt", a, b), b, a);
    const found = combineLanes(builder, most, larger);
    const summed = combineLanes(builder, sum, (a, b) => e.op("add", a, b));
    const none = e.op("eq", found.value, constantOf(Number.NEGATIVE_INFINITY, "f32"));
    const scale = mutable("d");
    const keep = (value: Expr): Expr => {
      if (!operands.factor) return value;
      const at = scoreAt(place, row, vectorAt(builder, ix.variable(second)));
      return e.op("mul", value, zeroOutside(builder, operands.factor, at));
    };
    return {
      begin: [declare(nameOf(before), loadFrom(builder, largest, row, builder.lane)), declare(nameOf(most), before)],
      look: [set(nameOf(most), larger(most, score(first)))],
      settle: [
        ...found.statements,
        declare(nameOf(offset), e.op("select", none, constantOf(0, "f32"), found.value)),
        declare(nameOf(scale), powerOf(builder, e.op("sub", before, offset))),
        storeTo(builder, decay, row, builder.lane, scale),
        storeTo(builder, largest, row, builder.lane, found.value),
        declare(nameOf(sum), splat(constantOf(0, "f32"), lanes)),
      ],
      raise: [
        declare(nameOf(difference), e.op("sub", score(second), offset)),
        declare(nameOf(power), powerOf(builder, difference)),
        set(nameOf(sum), e.op("add", sum, power)),
        storeTo(builder, scores, row, vectorAt(builder, ix.variable(second)), keep(power)),
      ],
      end: [
        ...summed.statements,
        storeTo(
          builder,
          total,
          row,
          builder.lane,
          e.op("add", e.op("mul", loadFrom(builder, total, row, builder.lane), scale), summed.value),
        ),
      ],
    };
  });
  const all = (part: (one: (typeof lines)[number]) => readonly Stmt[]): Stmt[] => lines.flatMap(part);
  return [
    loop(line, [
      ...all(({ begin }) => begin),
      loop(
        first,
        all(({ look }) => look),
      ),
      ...all(({ settle }) => settle),
      loop(
        second,
        all(({ raise }) => raise),
      ),
      ...all(({ end }) => end),
    ]),
  ];
}

/** Stores the results of a block of rows and their log-sum-exp. */
function writeRows(
  builder: KernelBuilder,
  anchor: Node<"attention">,
  { rows }: Blocks,
  item: ix.Index,
  firstRow: ix.Index,
  sums: Matrix,
  { largest, total }: RowState,
): Stmt[] {
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const { q, v } = attentionOperands(anchor);
  const [heads, t] = q.shape;
  const width = v.shape[2];
  const out = builder.buffer(anchor, "write");
  const line = builder.variable("r", rows);
  const own = ix.variable(line);
  const row = builder.exact(ix.add(firstRow, own), t);
  const position = ix.add(ix.scale(item, t), row.index);
  const sum = loadFrom(builder, total, own, builder.lane);
  const most = loadFrom(builder, largest, own, builder.lane);
  const zero = constantOf(0, "f32");
  const empty = e.op("eq", sum, zero);
  const inverse = register(builder.fresh("v"), "f32", lanes);
  const level = e.op("add", most, e.op("log", sum));
  const logSumExp = e.op("select", empty, constantOf(Number.POSITIVE_INFINITY, "f32"), level);
  const vector = builder.variable("c", Math.ceil(width / lanes));
  const column = vectorAt(builder, ix.variable(vector));
  const value = e.op("mul", loadFrom(builder, sums, own, column), inverse);
  const inside = ix.simplifyGuard([{ index: column, extent: width }]) ?? [];
  const body = [
    declare(nameOf(inverse), e.op("select", empty, zero, e.op("div", constantOf(1, "f32"), sum))),
    ...nest([vector], [store(out, "f32", ix.add(ix.scale(position, width), column), value, lanes, inside)]),
    store(out, "f32", ix.plus(position, heads * t * width), extractFirst(logSumExp), lanes),
  ];
  return [loop(line, row.within(body))];
}
