/**
 * Asking for memory ahead of time, where the hardware does not foresee what a register tile will need: filters that
 * come from beyond the second-level cache, what the work behind a tile reads and writes, and the operands of what comes
 * next.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, prefetch, type Stmt, TASK, when } from "../../ir/loops.js";
import { exprsOf, loadsOf } from "../../ir/visit.js";
import { isScratch, type KernelBuilder } from "../kernel-builder.js";
import { channelsContiguous } from "./image.js";

/** Vectors between what is read and what is asked for. */
const AHEAD = 16;

/** Asks for what the vectors will be some steps later, where the filters are too large for the cache. */
export function askAhead({ target, lanes }: KernelBuilder, vectors: readonly Expr[], filterBytes: number): Stmt[] {
  if (filterBytes <= target.l2Bytes) return [];
  return vectors.flatMap((v) =>
    v.kind === "load" && v.pick === null ? [prefetch(v.buffer, ix.plus(v.index, AHEAD * lanes))] : [],
  );
}

/**
 * Asks for the memory that plain statements to come read and write: they follow a loop that is longer than the wait, or
 * are the same statements in the next turn.
 */
export function askFor(statements: readonly Stmt[], next: Next | null = null): Stmt[] {
  const asked = new Map<string, Stmt>();
  const ask = (buffer: string, index: ix.Index) =>
    asked.set(`${buffer}[${index.key}]`, prefetch(buffer, next ? ix.substitute(index, next) : index));
  for (const s of statements) {
    if (s.kind !== "declare" && s.kind !== "set" && s.kind !== "store") continue;
    for (const { buffer, index, stride, pick, guard } of loadsOf(exprsOf(s))) {
      if (stride === 1 && pick === null && guard.length === 0 && !isScratch(buffer)) ask(buffer, index);
    }
    if (s.kind === "store" && s.guard.length === 0 && !isScratch(s.buffer)) ask(s.buffer, s.index);
  }
  return [...asked.values()];
}

/** A part of an operand: blocks of channels of some pixels, and the coordinates of a vector of it. */
export interface Region {
  readonly blocks: number;
  readonly rows: number;
  readonly columns: number;
  readonly at: (block: ix.Index, row: ix.Index, column: ix.Index) => ix.Index[];
}

/** How indices change when the next turn of work begins. */
export type Next = ReadonlyMap<string, ix.Index>;

/** Steps of one turn, of which there are `count`, and the next turn; null where there is none. */
export interface Progress {
  readonly number: ix.Index;
  readonly count: number;
  readonly next: Next | null;
}

/** Lines beyond which a step asks for none: the processor can wait for no more at once. */
const MOST_AT_ONCE = 32;

/** The next value of a variable; the last ones, for which there is none, stay as they are. */
function following(variable: ix.LoopVar, step: number): Next {
  const after = ix.plus(ix.variable(variable), step);
  return new Map([[variable.name, ix.minus(after, ix.scale(ix.div(after, variable.extent), step))]]);
}

/** The next turn of the loop that a task consists of, or the first of the task that most likely follows. */
export function nextOf({ target }: KernelBuilder, turn: ix.LoopVar, tasks: number): Next | null {
  if (turn.extent === 1 && tasks <= target.threads) return null;
  const after = ix.plus(ix.variable(turn), 1);
  const done = ix.div(after, turn.extent);
  const task = ix.add(ix.variable({ name: TASK, extent: tasks }), ix.scale(done, target.threads));
  return new Map([
    [turn.name, ix.minus(after, ix.scale(done, turn.extent))],
    [TASK, ix.minus(task, ix.scale(ix.div(task, tasks), target.threads))],
  ]);
}

/** The next turn of a loop; null where there is only one. */
export const nextTurn = (turn: ix.LoopVar) => (turn.extent > 1 ? following(turn, 1) : null);

/** The task that most likely follows on the same thread; null where there is none. */
export const nextTask = ({ target }: KernelBuilder, tasks: number) =>
  tasks > target.threads ? following({ name: TASK, extent: tasks }, target.threads) : null;

/**
 * Asks, step by step, for the pixels that the next turn will read of x, if their channels lie side by side: spread over
 * all steps it takes next to no time, and the products need not wait for memory.
 */
export function askForNext(builder: KernelBuilder, x: Node, region: Region, { number, count, next }: Progress): Stmt[] {
  if (!next || builder.lanes === 1 || !channelsContiguous(builder, x)) return [];
  const { blocks, rows, columns, at } = region;
  const pixels = rows * columns;
  const perStep = Math.ceil((blocks * pixels) / count);
  if (perStep > MOST_AT_ONCE) return [];
  // Where there are more steps than pixels, some ask for nothing: what is asked for again takes the place of other lines.
  const pause = Math.floor(count / (blocks * pixels));
  const asks = Array.from({ length: perStep }).flatMap((_, k) => {
    const position = ix.plus(ix.scale(pause > 1 ? ix.div(number, pause) : number, perStep), k);
    const [block, pixel] = [ix.mod(ix.div(position, pixels), blocks), ix.mod(position, pixels)];
    const loadsAt = (column: ix.Index) =>
      loadsOf([builder.lowering.value(x, at(block, ix.div(pixel, columns), column))]);
    const column = ix.mod(pixel, columns);
    // What does not walk along with pixels is there already.
    const fixed = new Set(loadsAt(ix.plus(column, 1)).map(({ index }) => index.key));
    return loadsAt(column)
      .filter(({ index, stride, pick }) => stride === 1 && pick === null && !fixed.has(index.key))
      .map(({ buffer, index }) => prefetch(buffer, ix.substitute(index, next)));
  });
  return pause > 1 ? [when([{ index: ix.mod(number, pause), extent: 1 }], asks)] : asks;
}
