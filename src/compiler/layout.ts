/**
 * Physical layouts of stored values. A value is plain (row-major), or one of its axes is blocked by the vector width:
 * with axis 1 blocked, [N, C, H, W] lies in memory as [N][C/V][H][W][V], the last block padded with lanes that hold no
 * meaning. Logical coordinates never change; only the position in memory does.
 */
import { type Shape, sizeOfShape } from "../ir/graph.js";
import * as ix from "../ir/index-math.js";

export type Layout =
  | { readonly kind: "plain" }
  | {
      readonly kind: "blocked";
      readonly axis: number;
      readonly lanes: number;
      /** The order in which axes (that of blocks among them) lie in memory. */
      readonly order: readonly number[];
    };

export const plain: Layout = { kind: "plain" };

/** One axis blocked; axes lie in memory in their own order unless another is given. */
export const blocked = (rank: number, axis: number, lanes: number, order?: readonly number[]): Layout => ({
  kind: "blocked",
  axis,
  lanes,
  order: order ?? Array.from({ length: rank }, (_, i) => i),
});

/** The shape that lies in memory row by row: the blocked axis counts blocks, the lanes come last. */
export function physicalShape(shape: Shape, layout: Layout): number[] {
  if (layout.kind === "plain") return [...shape];
  const blocks = shape.map((n, axis) => (axis === layout.axis ? Math.ceil(n / layout.lanes) : n));
  return [...layout.order.map((axis) => blocks[axis]), layout.lanes];
}

export const physicalSize = (shape: Shape, layout: Layout): number => sizeOfShape(physicalShape(shape, layout));

/** The position in memory of logical coordinates. */
export function positionOf(at: readonly ix.Index[], shape: Shape, layout: Layout): ix.Index {
  if (layout.kind === "plain") return ix.flatten(at, shape);
  const { axis, lanes, order } = layout;
  const blocks = order.map((i) => (i === axis ? ix.div(at[i], lanes) : at[i]));
  return ix.flatten([...blocks, ix.mod(at[axis], lanes)], physicalShape(shape, layout));
}

/** Logical coordinates from physical ones (those of `physicalShape`). */
export function logicalOf(at: readonly ix.Index[], layout: Layout): ix.Index[] {
  if (layout.kind === "plain") return [...at];
  const { axis, lanes, order } = layout;
  const lane = at[at.length - 1];
  return order.map((_, i) => {
    const block = at[order.indexOf(i)];
    return i === axis ? ix.add(ix.scale(block, lanes), lane) : block;
  });
}

/** The guard that coordinates lie within the memory of a value, its padding lanes included. */
export function memoryBounds(at: readonly ix.Index[], shape: Shape, layout: Layout): ix.Guard {
  const padded = (n: number) => (layout.kind === "blocked" ? Math.ceil(n / layout.lanes) * layout.lanes : n);
  const blockedAxis = layout.kind === "blocked" ? layout.axis : -1;
  return at.map((index, axis) => ({ index, extent: axis === blockedAxis ? padded(shape[axis]) : shape[axis] }));
}
