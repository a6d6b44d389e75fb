/**
 * What the register tiles of a matrix product prefetch while they multiply, so that the next operands are cached: a few
 * lines at a time, since a core has some two dozen line-fill buffers, and the lines that it needs now come first.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, prefetch, type Stmt, when } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import type { Blocking } from "./matmul-blocking.js";
import { LINE_FLOATS, prefetchElement } from "./matmul-pack.js";
import type { Next } from "./prefetch.js";

/** Most lines that a part of a tile prefetches. */
const MAX_LINES = 16;

/** Part `part` of `parts` of one of the tiles behind the first, and how indices change from panel to panel. */
interface Moment {
  readonly tiles: ix.LoopVar;
  readonly part: ix.Index;
  readonly parts: number;
  readonly next: Next | null;
}

/** Statements of the first iteration of a loop. */
export const inFirst = (iteration: ix.LoopVar, body: readonly Stmt[]): Stmt[] =>
  iteration.extent === 1 || body.length === 0
    ? [...body]
    : [when([{ index: ix.variable(iteration), extent: 1 }], body)];

/** Prefetches the next panel of columns, spread over all tiles that do not pack one. */
export function prefetchColumns(
  builder: KernelBuilder,
  x: Node,
  { depth, tile }: Blocking,
  { tiles, part, parts, next }: Moment,
  operand: (k: ix.Index, column: ix.Index) => ix.Index[],
): Stmt[] {
  if (!next) return [];
  const depths = Math.ceil(depth / (parts * (tiles.extent - 1)));
  const lines = Math.ceil((tile.vectors * builder.lanes) / LINE_FLOATS);
  if (depths * lines > MAX_LINES) return [];
  const number = ix.add(ix.scale(ix.plus(ix.variable(tiles), -1), parts), part);
  return Array.from({ length: depths }).flatMap((_, i) => {
    const k = ix.mod(ix.plus(ix.scale(number, depths), i), depth);
    return Array.from({ length: lines }).flatMap((_, line) =>
      prefetchElement(builder, x, operand(k, ix.plus(builder.lane, line * LINE_FLOATS)), next),
    );
  });
}

/** Prefetches the rows of the next tile, if they are read unpacked. */
export function prefetchRows({ depth, tile, pitch }: Blocking, parts: number, scalar: (row: number) => Expr): Stmt[] {
  if (pitch === null || depth / parts > LINE_FLOATS) return [];
  return Array.from({ length: tile.rows }).flatMap((_, r) => {
    const value = scalar(r);
    return value.kind === "load" ? [prefetch(value.buffer, ix.plus(value.index, tile.rows * pitch))] : [];
  });
}
