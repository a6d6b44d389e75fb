/**
 * Physical layouts of stored values. A value is plain (row-major), or one of its axes is blocked by the vector width: with
 * axis 1 blocked, [N, C, H, W] lies in memory as [N][C/V][H][W][V], the last block padded with lanes that hold no meaning.
 * Logical coordinates never change; only the position in memory does.
 */
import { type Shape, sizeOfShape } from "../ir/graph.js";
import * as ix from "../ir/index-math.js";

export type Layout =
  | { readonly kind: "plain" }
  | { readonly kind: "blocked"; readonly axis: number; readonly lanes: number };

export const plain: Layout = { kind: "plain" };
export const blocked = (axis: number, lanes: number): Layout => ({ kind: "blocked", axis, lanes });

/** The shape that lies in memory row by row: the blocked axis counts blocks, the lanes come last. */
export function physicalShape(shape: Shape, layout: Layout): number[] {
  if (layout.kind === "plain") return [...shape];
  const blocks = shape.map((n, axis) => (axis === layout.axis ? Math.ceil(n / layout.lanes) : n));
  return [...blocks, layout.lanes];
}

export const physicalSize = (shape: Shape, layout: Layout): number => sizeOfShape(physicalShape(shape, layout));

/** The position in memory of logical coordinates. */
export function positionOf(at: readonly ix.Index[], shape: Shape, layout: Layout): ix.Index {
  if (layout.kind === "plain") return ix.flatten(at, shape);
  const { axis, lanes } = layout;
  const blocks = at.map((index, i) => (i === axis ? ix.div(index, lanes) : index));
  return ix.flatten([...blocks, ix.mod(at[axis], lanes)], physicalShape(shape, layout));
}

/** Logical coordinates from physical ones (those of `physicalShape`). */
export function logicalOf(at: readonly ix.Index[], layout: Layout): ix.Index[] {
  if (layout.kind === "plain") return [...at];
  const { axis, lanes } = layout;
  const lane = at[at.length - 1];
  return at.slice(0, -1).map((index, i) => (i === axis ? ix.add(ix.scale(index, lanes), lane) : index));
}

/** What must hold for coordinates to name an element that memory has. */
export function memoryBounds(at: readonly ix.Index[], shape: Shape, layout: Layout): ix.Guard {
  const padded = (n: number) => (layout.kind === "blocked" ? Math.ceil(n / layout.lanes) * layout.lanes : n);
  const blockedAxis = layout.kind === "blocked" ? layout.axis : -1;
  return at.map((index, axis) => ({ index, extent: axis === blockedAxis ? padded(shape[axis]) : shape[axis] }));
}
