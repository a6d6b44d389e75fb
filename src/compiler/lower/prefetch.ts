/**
 * Prefetches the accesses of register tiles that hardware prefetchers do not predict: filters outside the second-level
 * cache, memory that an epilogue reads and writes, and the operands of the next loop iteration or task.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, prefetch, type Stmt, TASK, when } from "../../ir/loops.js";
import { exprsOf, loadsOf } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { channelsContiguous } from "./image.js";

/** Vectors between the one that is read and the one that is prefetched. */
const AHEAD = 16;

/** Prefetches the vectors that later iterations load, if the filters exceed the second-level cache. */
export function prefetchFilters(
  { target, lanes }: KernelBuilder,
  vectors: readonly Expr[],
  filterBytes: number,
): Stmt[] {
  if (filterBytes <= target.l2Bytes) return [];
  return vectors.flatMap((v) =>
    v.kind === "load" && v.indirect === null ? [prefetch(v.buffer, ix.plus(v.index, AHEAD * lanes))] : [],
  );
}

/**
 * Prefetches the memory that later statements read and write: they follow a loop that takes longer than memory does, or
 * are the same statements in the next iteration. Scratch memory is in the cache already.
 */
export function prefetchAccesses(
  builder: KernelBuilder,
  statements: readonly Stmt[],
  next: Next | null = null,
): Stmt[] {
  const fetched = new Map<string, Stmt>();
  const fetch = (buffer: string, index: ix.Index): void => {
    if (builder.isScratch(buffer)) return;
    fetched.set(`${buffer}[${index.key}]`, prefetch(buffer, next ? ix.substitute(index, next) : index));
  };
  for (const s of statements) {
    if (s.kind !== "declare" && s.kind !== "set" && s.kind !== "store") continue;
    for (const { buffer, index, stride, indirect, guard } of loadsOf(exprsOf(s))) {
      if (stride === 1 && indirect === null && guard.length === 0) fetch(buffer, index);
    }
    if (s.kind === "store" && s.guard.length === 0) fetch(s.buffer, s.index);
  }
  return [...fetched.values()];
}

/** A part of an operand: blocks of channels of some pixels, and the coordinates of a vector of it. */
export interface Region {
  readonly blocks: number;
  readonly rows: number;
  readonly columns: number;
  readonly at: (block: ix.Index, row: ix.Index, column: ix.Index) => ix.Index[];
}

/** The values of loop variables in the next iteration or task. */
export type Next = ReadonlyMap<string, ix.Index>;

/** The current step of an iteration, the number of its steps, and the next iteration; null if there is none. */
export interface Progress {
  readonly number: ix.Index;
  readonly count: number;
  readonly next: Next | null;
}

/** Cache lines beyond which an iteration prefetches none: a core has no more line-fill buffers. */
const MAX_AT_ONCE = 32;

/** The next value of a variable; the last value stays, since it has no successor. */
function following(variable: ix.LoopVar, step: number): Next {
  const after = ix.plus(ix.variable(variable), step);
  return new Map([[variable.name, ix.minus(after, ix.scale(ix.div(after, variable.extent), step))]]);
}

/** The next iteration of a task's loop, or the first one of the task that most likely follows on the same thread. */
export function nextOf({ target }: KernelBuilder, iteration: ix.LoopVar, tasks: number): Next | null {
  if (iteration.extent === 1 && tasks <= target.threads) return null;
  const after = ix.plus(ix.variable(iteration), 1);
  const done = ix.div(after, iteration.extent);
  const task = ix.add(ix.variable({ name: TASK, extent: tasks }), ix.scale(done, target.threads));
  return new Map([
    [iteration.name, ix.minus(after, ix.scale(done, iteration.extent))],
    [TASK, ix.minus(task, ix.scale(ix.div(task, tasks), target.threads))],
  ]);
}

/** The next iteration of a loop; null where there is only one. */
export const nextIteration = (iteration: ix.LoopVar) => (iteration.extent > 1 ? following(iteration, 1) : null);

/** The task that most likely follows on the same thread; null where there is none. */
export const nextTask = ({ target }: KernelBuilder, tasks: number) =>
  tasks > target.threads ? following({ name: TASK, extent: tasks }, target.threads) : null;

/**
 * Prefetches, step by step, the pixels of x that the next iteration reads, if their channels are contiguous. Spread
 * over all steps, the prefetches fit into idle load slots, and the products of the next iteration need not wait for
 * memory.
 */
export function prefetchNext(
  builder: KernelBuilder,
  x: Node,
  region: Region,
  { number, count, next }: Progress,
): Stmt[] {
  if (!next || builder.lanes === 1 || !channelsContiguous(builder, x)) return [];
  const { blocks, rows, columns, at } = region;
  const pixels = rows * columns;
  const perStep = Math.ceil((blocks * pixels) / count);
  if (perStep > MAX_AT_ONCE) return [];
  // With more steps than pixels, some steps prefetch nothing: repeated prefetches would only occupy line-fill buffers.
  const pause = Math.floor(count / (blocks * pixels));
  const prefetches = Array.from({ length: perStep }).flatMap((_, k) => {
    const position = ix.plus(ix.scale(pause > 1 ? ix.div(number, pause) : number, perStep), k);
    const [block, pixel] = [ix.mod(ix.div(position, pixels), blocks), ix.mod(position, pixels)];
    const loadsAt = (column: ix.Index) =>
      loadsOf([builder.lowering.value(x, at(block, ix.div(pixel, columns), column))]);
    const column = ix.mod(pixel, columns);
    // Operands whose address does not depend on the pixel, such as per-channel scales, are cached already.
    const fixed = new Set(loadsAt(ix.plus(column, 1)).map(({ index }) => index.key));
    return loadsAt(column)
      .filter(({ index, stride, indirect }) => stride === 1 && indirect === null && !fixed.has(index.key))
      .map(({ buffer, index }) => prefetch(buffer, ix.substitute(index, next)));
  });
  return pause > 1 ? [when([{ index: ix.mod(number, pause), extent: 1 }], prefetches)] : prefetches;
}
