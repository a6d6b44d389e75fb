/**
 * Element-wise kernels between two layouts: if no axis is contiguous for all loads and stores, the kernel computes
 * squares of V × V elements and transposes those that are contiguous along the other axis in registers.
 */
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE, type Load, load, type Stmt, splat, store } from "../../ir/loops.js";
import { loadsOf, substituteExpr } from "../../ir/visit.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { positionOf } from "../layout.js";
import { addNest, type VectorAxis, vectorCandidates } from "./nest.js";
import { transposed } from "./transpose.js";

/** Cost of a transposed vector, in contiguous vectors. */
const TRANSPOSE_COST = 3;
const ACROSS = "across";
const ALONG = "along";

/** Vectors run along one group of axes; squares extend across another. */
interface Squares {
  readonly across: VectorAxis;
  readonly along: VectorAxis;
}

const lengthOf = (shape: readonly number[], { from, to }: VectorAxis): number =>
  shape.slice(from, to).reduce((a, b) => a * b, 1);

/** Coordinates at a position across and one along, and positions on the other axes. */
function coordinates(
  shape: readonly number[],
  { across, along }: Squares,
  others: readonly ix.Index[],
  [a, b]: readonly [ix.Index, ix.Index],
): ix.Index[] {
  const rest = [...others];
  return shape.flatMap((_, axis) => {
    for (const [group, position] of [[across, a] as const, [along, b] as const]) {
      if (axis === group.from) return ix.unflatten(position, shape.slice(group.from, group.to));
      if (axis > group.from && axis < group.to) return [];
    }
    return rest.splice(0, 1);
  });
}

const otherAxes = (shape: readonly number[], { across, along }: Squares): number[] =>
  shape.filter((_, axis) => ![across, along].some(({ from, to }) => axis >= from && axis < to));

/** The strides of a position along both axes of a square, in elements; null if it has none. */
function strides(builder: KernelBuilder, position: ix.Index): { across: number | null; along: number | null } {
  const { lanes } = builder;
  const inLanes = (name: string) => {
    const step = ix.variable({ name: `${name}s`, extent: 1 << 20 });
    const moved = ix.add(ix.scale(step, lanes), builder.lane);
    return ix.strideOf(ix.substitute(position, new Map([[name, moved]])), LANE);
  };
  return { across: inLanes(ACROSS), along: inLanes(ALONG) };
}

const isTransposable = (e: Expr & Load): boolean => e.guard.length === 0 && e.indirect === null;

class TransposedMap {
  private readonly shape: readonly number[];
  private readonly others: ix.LoopVar[];
  /** Values of the roots at symbolic positions. */
  private readonly values: readonly Expr[];
  private readonly positions: readonly ix.Index[];

  constructor(
    private readonly builder: KernelBuilder,
    private readonly roots: readonly Node[],
    private readonly squares: Squares,
  ) {
    this.shape = roots[0].shape;
    this.others = otherAxes(this.shape, squares).map((extent) => builder.variable("o", extent));
    const symbol = (name: string, group: VectorAxis) => ix.variable({ name, extent: lengthOf(this.shape, group) });
    const at = coordinates(this.shape, squares, this.others.map(ix.variable), [
      symbol(ACROSS, squares.across),
      symbol(ALONG, squares.along),
    ]);
    this.values = roots.map((root) => builder.lowering.value(root, at));
    this.positions = roots.map((root) => positionOf(at, root.shape, builder.layoutOf(root)));
  }

  private isTransposed(position: ix.Index): boolean {
    const { across, along } = strides(this.builder, position);
    return along !== 1 && along !== 0 && across === 1;
  }

  /** Cost of memory accesses per vector of results, in contiguous vectors. */
  cost(): number {
    const { lanes } = this.builder;
    const access = (position: ix.Index, free: boolean) => {
      const { across, along } = strides(this.builder, position);
      if (along === 0 || along === 1) return along === 0 ? 0.5 : 1;
      return across === 1 && free ? TRANSPOSE_COST : lanes;
    };
    const loads = loadsOf(this.values).map((e) => access(e.index, isTransposable(e)));
    const stores = this.positions.map((position) => access(position, true));
    return [...loads, ...stores].reduce((a, b) => a + b, 0);
  }

  emit(work: number): void {
    const { lanes, lane } = this.builder;
    const { across, along } = this.squares;
    const dims = [
      ...this.others.map(({ extent }) => extent),
      lengthOf(this.shape, across) / lanes,
      lengthOf(this.shape, along) / lanes,
    ];
    addNest(this.builder, dims, work * lanes * lanes, (point) => {
      const [a, b] = point.slice(-2).map((index) => ix.scale(index, lanes));
      const fixed = this.others.map(({ name }, i): [string, ix.Index] => [name, point[i]]);
      const at = (i: ix.Index, j: ix.Index) =>
        new Map([...fixed, [ACROSS, ix.add(a, i)] as const, [ALONG, ix.add(b, j)] as const]);
      const row = (i: number) => at(ix.constant(i), lane);
      const column = (j: number) => at(lane, ix.constant(j));
      const statements: Stmt[] = [];
      const square = Array.from({ length: lanes }, (_, i) => i);
      const transposedLoads = new Map<string, readonly Expr[]>();
      for (const e of loadsOf(this.values)) {
        if (!isTransposable(e) || !this.isTransposed(e.index)) continue;
        const loads = square.map((j) => load(e.buffer, e.memory, ix.substitute(e.index, column(j)), [], lanes));
        const result = transposed(this.builder, loads);
        statements.push(...result.statements);
        transposedLoads.set(e.key, result.rows);
      }
      this.values.forEach((value, r) => {
        const root = this.roots[r];
        const position = this.positions[r];
        const buffer = this.builder.buffer(root, "write");
        const rows = square.map((i) =>
          splat(
            substituteExpr(value, row(i), lanes, (e) => transposedLoads.get(e.key)?.[i] ?? null),
            lanes,
          ),
        );
        const put = (e: Expr, where: ReadonlyMap<string, ix.Index>) =>
          store(buffer, root.dtype, ix.substitute(position, where), e, lanes);
        if (!this.isTransposed(position)) {
          statements.push(...rows.map((e, i) => put(e, row(i))));
          return;
        }
        const result = transposed(this.builder, rows);
        statements.push(...result.statements, ...result.rows.map((e, j) => put(e, column(j))));
      });
      return statements;
    });
  }
}

/**
 * Lowers roots of one shape and layout by squares if that costs less per vector than `least`; returns whether it did.
 * Blocked axes and groups of axes must be whole numbers of vectors.
 */
export function lowerTransposedMap(
  builder: KernelBuilder,
  roots: readonly Node[],
  work: number,
  least: number,
): boolean {
  const { lanes } = builder;
  const { shape } = roots[0];
  const layout = builder.layoutOf(roots[0]);
  if (lanes < 4 || sizeOfShape(shape) === 0 || roots.some(({ dtype }) => dtype !== "f32")) return false;
  if (layout.kind === "blocked" && shape[layout.axis] % lanes !== 0) return false;
  const candidates = vectorCandidates(shape).filter((group) => lengthOf(shape, group) % lanes === 0);
  let best: TransposedMap | null = null;
  let cost = least;
  for (const across of candidates) {
    for (const along of candidates) {
      if (across.from < along.to && along.from < across.to) continue;
      const candidate = new TransposedMap(builder, roots, { across, along });
      const candidateCost = candidate.cost();
      if (candidateCost >= cost) continue;
      best = candidate;
      cost = candidateCost;
    }
  }
  best?.emit(work);
  return best !== null;
}
