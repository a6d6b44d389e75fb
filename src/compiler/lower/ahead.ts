/**
 * Asking for memory ahead of time: filters that come from beyond the second-level cache are read once and in order, faster
 * than the hardware foresees at the pace of a register tile.
 */
import * as ix from "../../ir/index-math.js";
import { type Expr, prefetch, type Stmt } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";

/** Vectors between what is read and what is asked for. */
const AHEAD = 16;

/** Asks for what the vectors will be some steps later, where the filters are too large for the cache. */
export function askAhead({ target, lanes }: KernelBuilder, vectors: readonly Expr[], filterBytes: number): Stmt[] {
  if (filterBytes <= target.l2Bytes) return [];
  return vectors.flatMap((v) =>
    v.kind === "load" && v.pick === null ? [prefetch(v.buffer, ix.plus(v.index, AHEAD * lanes))] : [],
  );
}
