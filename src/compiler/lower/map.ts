/**
 * Kernels without a reduction: every element of the roots is computed in place. The vector axis is the one along which
 * most loads are contiguous.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, indexValue, LANE, type Stmt } from "../../ir/loops.js";
import { eachExpr } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { logicalOf, physicalShape } from "../layout.js";
import { addNest, expandGroup, loadCost, type VectorAxis, vectorCandidates } from "./nest.js";
import { lowerTransposedMap } from "./transposed-map.js";

/** Operations in the expressions, as a measure of work. */
export function operations(values: readonly Expr[]): number {
  let count = 1;
  eachExpr(values, (e) => {
    if (e.kind === "op") count++;
  });
  return count;
}

/** Lowers roots that share one shape and layout. */
export function lowerMap(builder: KernelBuilder, roots: readonly Node[]): number {
  const [root] = roots;
  const layout = builder.layoutOf(root);
  const values = (at: readonly ix.Index[]) => roots.map((r) => builder.lowering.value(r, at));
  const stores = (at: readonly ix.Index[]): Stmt[] => roots.map((r) => builder.storeRoot(r, at));
  const lanes = builder.lanes;
  const points = sizeOfShape(root.shape);
  if (layout.kind === "blocked") {
    const dims = physicalShape(root.shape, layout).slice(0, -1);
    const body = (at: readonly ix.Index[]) => logicalOf([...at, builder.lane], layout);
    const work = operations(values(body(dims.map(() => ix.zero))));
    const sample = body(dims.map((extent, i) => ix.variable({ name: `o${i}`, extent })));
    const cost = loadCost(values(sample), lanes) + roots.length;
    if (cost >= lanes && lowerTransposedMap(builder, roots, work, cost)) return work * points;
    addNest(builder, dims, work * lanes, (at) => stores(body(at)));
    return work * points;
  }
  const shape = root.shape.length === 0 ? [1] : root.shape;
  const place = (at: readonly ix.Index[]) => (root.shape.length === 0 ? [] : at);
  const space: Space = {
    shape,
    work: operations(values(place(shape.map(() => ix.zero)))),
    values: (at) => values(place(at)),
    positionOf: (at) => ix.flatten(at, shape),
    stores: (at) => stores(place(at)),
    scattered: lanes,
  };
  const axis = chooseAxis(builder, space);
  const costly = axis.cost >= 1 && lowerTransposedMap(builder, roots, space.work, axis.cost * lanes);
  if (!costly) addAlong(builder, space, axis.group);
  return space.work * points;
}

/** An iteration space whose points are computed and stored independently. */
export interface Space {
  readonly shape: readonly number[];
  /** Operations per element. */
  readonly work: number;
  /** The values of a point. */
  readonly values: (at: readonly ix.Index[]) => Expr[];
  /** Where the result lies in memory. */
  readonly positionOf: (at: readonly ix.Index[]) => ix.Index;
  readonly stores: (at: readonly ix.Index[]) => Stmt[];
  /** Cost of a store whose lanes are not contiguous. */
  readonly scattered: number;
}

/** Adds the nests that compute a space, in vectors along the axes where these cost least. */
export const addMap = (builder: KernelBuilder, space: Space): void =>
  addAlong(builder, space, chooseAxis(builder, space).group);

/** Adds loops over whole vectors along a group of axes, and scalar loops over the remainder. */
function addAlong(builder: KernelBuilder, { shape, work, stores }: Space, group: VectorAxis): void {
  const lanes = builder.lanes;
  const length = shape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
  const outer = [...shape.slice(0, group.from), ...shape.slice(group.to)];
  const vectors = Math.floor(length / lanes);
  // The vector axis is the innermost loop, also where other axes follow it in the shape.
  const nestOver = (count: number, start: number, width: number) =>
    addNest(builder, [...outer, count], work * width, (at) => {
      const step = at[at.length - 1];
      const position = width === 1 ? ix.plus(step, start) : ix.add(ix.scale(step, width), builder.lane);
      return stores(expandGroup(shape, group, at.slice(0, -1), position));
    });
  if (vectors > 0) nestOver(vectors, 0, lanes);
  if (length % lanes !== 0 || vectors === 0) nestOver(length - vectors * lanes, vectors * lanes, 1);
}

/** The group of axes along which vectors cost least, and that cost per element. */
function chooseAxis(
  builder: KernelBuilder,
  { shape, values, positionOf, scattered }: Space,
): { group: VectorAxis; cost: number } {
  const lanes = builder.lanes;
  const candidates = vectorCandidates(shape);
  if (lanes === 1) return { group: candidates[0], cost: 0 };
  let best = candidates[0];
  let least = Number.POSITIVE_INFINITY;
  for (const group of candidates) {
    const length = shape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
    const vectors = Math.floor(length / lanes);
    const outer = [...shape.slice(0, group.from), ...shape.slice(group.to)];
    const variables = outer.map((extent, i) => ix.variable({ name: `o${i}`, extent }));
    const step = ix.variable({ name: "v", extent: Math.max(1, vectors) });
    const position = ix.add(ix.scale(step, lanes), builder.lane);
    const at = expandGroup(shape, group, variables, position);
    const target = indexValue(positionOf(at), lanes);
    const contiguous = target.kind === "index" && ix.strideOf(target.index, LANE) === 1;
    const vector = loadCost(values(at), lanes) + (contiguous ? 1 : scattered);
    const scalar = 1 + loadCost(values(expandGroup(shape, group, variables, step)), 1);
    const share = (vectors * lanes) / length;
    const cost = (share * vector) / lanes + (1 - share) * scalar;
    if (cost < least - 1e-9) {
      least = cost;
      best = group;
    }
  }
  return { group: best, cost: least };
}
