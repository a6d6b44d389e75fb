/**
 * Loop nests: how an iteration space becomes parallel tasks, loops, vectors and a scalar tail. Knows no op.
 */
import * as ix from "../../ir/index-math.js";
import { bind, type Expr, loop, type Stmt, TASK, when } from "../../ir/loops.js";
import { loadsOf } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** Least work of a task, in element operations: less would not pay for claiming it. */
const TASK_WORK = 1 << 15;
const MAX_TASKS = 64;

/** Loops around a body, outermost first. */
export function nest(variables: readonly ix.LoopVar[], body: readonly Stmt[]): Stmt[] {
  return variables.reduceRight<Stmt[]>((inner, variable) => [loop(variable, inner)], [...body]);
}

/** `first` where the number is 0, `others` where it is more. */
export function firstThen(number: ix.Index, first: readonly Stmt[], others: readonly Stmt[]): Stmt[] {
  const once = when([{ index: number, extent: 1 }], first);
  return number.high > 0 ? [once, when([{ index: ix.plus(number, -1), extent: number.high }], others)] : [once];
}

/**
 * Adds a part that runs `body` for every point of `dims`: leading axes are cut into tasks of equal length, the number
 * of which depends on the work alone.
 */
export function addNest(
  builder: KernelBuilder,
  dims: readonly number[],
  workPerPoint: number,
  body: (at: readonly ix.Index[]) => Stmt[],
): void {
  const points = dims.reduce((a, b) => a * b, 1);
  if (points === 0) return;
  const wanted = Math.max(1, Math.min(MAX_TASKS, Math.floor((points * workPerPoint) / TASK_WORK)));
  let leading = 0;
  let spread = 1;
  while (leading < dims.length && spread < wanted * 4) spread *= dims[leading++];
  if (wanted === 1) {
    leading = 0;
    spread = 1;
  }
  const perTask = Math.ceil(spread / wanted);
  const tasks = Math.ceil(spread / perTask);
  const task: ix.LoopVar = { name: TASK, extent: tasks };
  const step = builder.variable("i", perTask);
  const index = ix.add(ix.scale(ix.variable(task), perTask), ix.variable(step));
  // Only the last task exceeds the end; the guard bounds the position, so that later div and mod simplify.
  const whole = tasks * perTask === spread;
  const exact = builder.variable("p", spread);
  const position = whole ? index : ix.variable(exact);
  const rest = dims.slice(leading).map((extent) => builder.variable("i", extent));
  const at = [...ix.unflatten(position, dims.slice(0, leading)), ...rest.map(ix.variable)];
  const inner = nest(rest, body(at));
  const guarded = whole ? inner : [when([{ index, extent: spread }], [bind(exact, index, inner)])];
  builder.part(tasks, nest([step], guarded));
}

/**
 * Adds parts that run `body` for every column of `dims`, in vectors of columns adjacent along the last axis, then one
 * by one for the rest.
 *
 * @param body - gets the coordinates, in which the last one depends on the lane, and the lanes of a vector or 1
 */
export function addColumns(
  builder: KernelBuilder,
  dims: readonly number[],
  workPerPoint: number,
  body: (at: readonly ix.Index[], width: number) => Stmt[],
): void {
  const outer = dims.slice(0, -1);
  const last = dims[dims.length - 1];
  const { lanes } = builder;
  const vectors = lanes > 1 ? Math.floor(last / lanes) : 0;
  addNest(builder, [...outer, vectors], workPerPoint * lanes, (at) =>
    body([...at.slice(0, -1), ix.add(ix.scale(at[at.length - 1], lanes), builder.lane)], lanes),
  );
  addNest(builder, [...outer, last - vectors * lanes], workPerPoint, (at) =>
    body([...at.slice(0, -1), ix.plus(at[at.length - 1], vectors * lanes)], 1),
  );
}

/** Modelled cost of the loads of expressions per vector: contiguous 1, uniform ½, any other one per lane. */
export function loadCost(values: readonly Expr[], lanes: number): number {
  let cost = 0;
  for (const { stride, lanes: width } of loadsOf(values)) {
    cost += width === 1 ? 0.5 : stride === 1 ? 1 : lanes;
  }
  return cost;
}

/** A group of adjacent axes that is iterated as one, in vectors. */
export interface VectorAxis {
  readonly from: number;
  readonly to: number;
}

/** Coordinates in `shape` if axes [from, to) are iterated as one axis. */
export function expandGroup(
  shape: readonly number[],
  group: VectorAxis,
  outer: readonly ix.Index[],
  position: ix.Index,
): ix.Index[] {
  const inside = ix.unflatten(position, shape.slice(group.from, group.to));
  return [...outer.slice(0, group.from), ...inside, ...outer.slice(group.from)];
}

/** The axis groups worth trying: every single axis, and every run of trailing axes. */
export function vectorCandidates(shape: readonly number[]): VectorAxis[] {
  const rank = shape.length;
  const runs = shape.map((_, from) => ({ from, to: rank }));
  const singles = shape.slice(0, -1).map((_, from) => ({ from, to: from + 1 }));
  return [...runs, ...singles];
}
