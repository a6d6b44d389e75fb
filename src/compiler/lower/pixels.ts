/**
 * The end of a convolution's tile: computes epilogue and pooling of its pixels in registers and stores the results. It
 * must not know how the pixels were computed.
 */
import type { Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, type Stmt, when } from "../../ir/loops.js";
import { FoveaError } from "../../util/errors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { isBandNode } from "../roots.js";

/** A tile of results in registers. */
export interface FinishedTile {
  readonly builder: KernelBuilder;
  readonly anchor: Node;
  readonly roots: readonly Node[];
  /** Side of the pooling windows of the epilogue; 1 if there are none. */
  readonly poolSide: number;
  /** A vector per pixel and channel block. */
  readonly accumulators: readonly (readonly Expr[])[];
  readonly pixels: readonly { readonly y: number; readonly x: number }[];
  readonly image: ix.Index;
  /** The first channel block, and the pixel that (0, 0) of the tile is; pixels past the image are not stored. */
  readonly block: ix.Index;
  readonly row: ix.Index;
  readonly column: ix.Index;
  /** Statements that accumulate sums over bands; none if the kernel has none. */
  readonly sums: (finished: readonly FinishedPixel[]) => Stmt[];
}

/** A finished value of the tile, where it belongs, and the wrapper of statements for pixels that the image has. */
export interface FinishedPixel {
  /** Channel block in the tile. */
  readonly block: number;
  readonly value: Expr;
  readonly at: readonly ix.Index[];
  readonly within: (body: readonly Stmt[]) => Stmt[];
}

/** Statements that compute the epilogue of a tile, store its roots, and add its values to the sums over bands. */
export function storePixels(tile: FinishedTile): Stmt[] {
  if (tile.poolSide > 1) return storePools(tile);
  const { builder, anchor, roots, accumulators, pixels, image, block, row, column, sums } = tile;
  const { lanes } = builder;
  const [, , ho, wo] = anchor.shape;
  const stored = roots.filter((root) => !isBandNode(root));
  const finished: FinishedPixel[] = [];
  const stores = pixels.flatMap(({ y, x }, p) => {
    const [r, q] = [builder.exact(ix.plus(row, y), ho), builder.exact(ix.plus(column, x), wo)];
    const within = (body: readonly Stmt[]) => r.within(q.within(body));
    return accumulators[p].flatMap((a, b) => {
      const output = ix.add(ix.scale(ix.plus(block, b), lanes), builder.lane);
      const at = [image, output, r.index, q.index];
      const { value, statements } = builder.toRegister(a);
      finished.push({ block: b, value, at, within });
      return [...statements, ...within(builder.storeFromRegister(anchor, value, stored, at))];
    });
  });
  return [...stores, ...sums(finished)];
}

/** Stores the pooled results of a tile: all pixels of a window are in registers. */
function storePools({
  builder,
  anchor,
  roots,
  poolSide,
  accumulators,
  pixels,
  image,
  block,
  row,
  column,
}: FinishedTile): Stmt[] {
  const { lanes } = builder;
  const [, , ho, wo] = anchor.shape;
  const statements: Stmt[] = [];
  const place = (r: ix.Index, q: ix.Index) => `${r.key},${q.key}`;
  for (let b = 0; b < accumulators[0].length; b++) {
    const output = ix.add(ix.scale(ix.plus(block, b), lanes), builder.lane);
    const held = new Map<string, Expr>();
    pixels.forEach(({ y, x }, p) => {
      const { value, statements: moves } = builder.toRegister(accumulators[p][b]);
      statements.push(...moves);
      held.set(place(ix.plus(row, y), ix.plus(column, x)), value);
    });
    const registerAt = (at: readonly ix.Index[]): Expr => {
      const value = held.get(place(at[2], at[3]));
      if (!value) throw new FoveaError(`[${anchor.op}] a pool reads outside its tile (${at[2].key}, ${at[3].key})`);
      return value;
    };
    for (const { y, x } of pixels) {
      if (y % poolSide !== 0 || x % poolSide !== 0) continue;
      const [r, q] = [ix.plus(row, y), ix.plus(column, x)];
      const at = [image, output, ix.div(r, poolSide), ix.div(q, poolSide)];
      const inside = ix.simplifyGuard([
        { index: r, extent: ho },
        { index: q, extent: wo },
      ]);
      const stores = builder.storeWindows(anchor, registerAt, roots, at);
      if (inside?.length === 0) statements.push(...stores);
      else if (inside) statements.push(when(inside, stores));
    }
  }
  return statements;
}

/** The side of the pooling windows in the epilogue of a convolution; 1 if there are none. */
export function poolOf(anchor: Node, roots: readonly Node[]): number {
  const pooled = roots.find(({ shape }) => shape.length === 4 && shape[2] < anchor.shape[2]);
  return pooled ? anchor.shape[2] / pooled.shape[2] : 1;
}
