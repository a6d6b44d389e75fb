/**
 * Lowers graph nodes to expressions: `value(node, coordinates)` is the element of the node at those coordinates, with
 * all nodes that are not stored inlined. Movements map coordinates to coordinates, so layouts, padding and fusion are
 * implemented here. It must not know the loops of kernels.
 */
import type { Algebra } from "../ir/algebra.js";
import { isOp, type Node, type ReduceKind } from "../ir/graph.js";
import * as ix from "../ir/index-math.js";
import { castTo, constantOf, type Expr, indexValue, load, type RegisterType, registerOf, testOf } from "../ir/loops.js";
import { isScalar } from "../ir/scalar/index.js";
import type { Target } from "../ir/target.js";
import { isStructural, structuralRecord } from "../ops/index.js";
import { FoveaError } from "../util/errors.js";
import { expressions } from "./algebra.js";
import { type Layout, memoryBounds, positionOf } from "./layout.js";

/** The buffer and layout of a stored value. */
export interface Stored {
  readonly buffer: string;
  readonly layout: Layout;
}

export class Lowering {
  readonly algebra: Algebra<Expr>;
  /** Nodes whose elements are in registers, with the register at given coordinates. */
  private readonly bound = new Map<Node, (at: readonly ix.Index[]) => Expr>();
  private readonly memo = new Map<string, Expr>();

  constructor(
    readonly target: Target,
    /** Where a node is stored; null if it is inlined. */
    private readonly stored: (node: Node) => Stored | null,
  ) {
    this.algebra = expressions(target);
  }

  /** Runs `fn` while the elements of `node` are registers: the one at given coordinates is `registerAt` of them. */
  withBound<T>(node: Node, registerAt: (at: readonly ix.Index[]) => Expr, fn: () => T): T {
    this.bound.set(node, registerAt);
    this.memo.clear();
    try {
      return fn();
    } finally {
      this.bound.delete(node);
      this.memo.clear();
    }
  }

  /** The element of `node` at `at`; where `guard` does not hold, the value is undefined and memory is not accessed. */
  value(node: Node, at: readonly ix.Index[], guard: ix.Guard = []): Expr {
    const registerAt = this.bound.get(node);
    if (registerAt) return registerAt(at);
    const key = `${node.id}@${at.map((index) => index.key).join(",")}|${ix.guardKey(guard)}`;
    const known = this.memo.get(key);
    if (known) return known;
    const made = this.compute(node, at, guard);
    this.memo.set(key, made);
    return made;
  }

  private compute(node: Node, at: readonly ix.Index[], guard: ix.Guard): Expr {
    const stored = this.stored(node);
    if (stored) return this.read(node, stored, at, guard);
    if (isScalar(node.op)) {
      const result = this.algebra.op(node.op, ...node.inputs.map((x) => this.value(x, at, guard)));
      return node.dtype === "u8" ? this.algebra.op("bitAnd", result, constantOf(255, "i32")) : result;
    }
    if (isOp(node, "const")) return this.algebra.typed(node.attrs.value, node.dtype, constantOf(0, "f32"));
    if (isOp(node, "iota")) return indexValue(at[node.attrs.axis], this.target.lanes);
    if (isOp(node, "cast")) return this.algebra.cast(this.value(node.inputs[0], at, guard), node.dtype);
    if (isOp(node, "gather")) return this.gather(node, at, guard);
    if (isOp(node, "reduce") || isOp(node, "argmax")) return this.unrolled(node, at, guard);
    const record = structuralRecord(node);
    if (record?.kind === "elementwise") return this.value(node.inputs[0], at, guard);
    if (record?.sources) return this.moved(node, at, guard);
    throw new FoveaError(`[${node.op}] has no value outside a kernel of its own`);
  }

  private read(node: Node, { buffer, layout }: Stored, at: readonly ix.Index[], guard: ix.Guard): Expr {
    const bounds = ix.simplifyGuard([...guard, ...memoryBounds(at, node.shape, layout)]);
    if (bounds === null) return constantOf(0, registerOf(node.dtype));
    return load(buffer, node.dtype, positionOf(at, node.shape, layout), bounds, this.target.lanes);
  }

  private moved(node: Node, at: readonly ix.Index[], guard: ix.Guard): Expr {
    const record = structuralRecord(node);
    const sources = isStructural(node) ? (record?.sources?.(node, at) ?? []) : [];
    const type = registerOf(node.dtype);
    const other = constantOf(isOp(node, "pad") ? node.attrs.value : 0, type);
    const sums = record?.combine === "sum";
    let result: Expr | null = null;
    for (const { input, coordinates, guard: sourceGuard } of [...sources].reverse()) {
      const needed = ix.simplifyGuard(sourceGuard);
      if (needed === null) continue;
      const inner = this.value(node.inputs[input], coordinates, ix.simplifyGuard([...guard, ...needed]) ?? guard);
      const rest: Expr | null = sums ? null : result;
      const element = this.guarded(needed, inner, rest ?? other);
      result = sums && result ? this.algebra.op("add", element, result) : element;
    }
    return result ?? other;
  }

  /** `inner` where the guard holds, else `other`; no select where `other` is zero and guarded loads give it already. */
  private guarded(guard: ix.Guard, inner: Expr, other: Expr): Expr {
    const readsZero = inner.kind === "load" && other.kind === "const" && Object.is(other.value, 0);
    if (guard.length === 0 || readsZero) return inner;
    return this.algebra.op("select", testOf(guard, this.target.lanes), inner, other);
  }

  /** A reduction over a few elements, unrolled into an expression. */
  private unrolled(node: Node, at: readonly ix.Index[], guard: ix.Guard): Expr {
    const [x] = node.inputs;
    const axes = isOp(node, "argmax") ? [node.attrs.axis] : isOp(node, "reduce") ? node.attrs.axes : [];
    const elements: Expr[] = [];
    const visit = (axis: number, kept: number, coordinates: readonly ix.Index[]): void => {
      if (axis === x.shape.length) elements.push(this.value(x, coordinates, guard));
      else if (!axes.includes(axis)) visit(axis + 1, kept + 1, [...coordinates, at[kept]]);
      else for (let i = 0; i < x.shape[axis]; i++) visit(axis + 1, kept, [...coordinates, ix.constant(i)]);
    };
    visit(0, 0, []);
    if (isOp(node, "reduce")) {
      const { kind } = node.attrs;
      if (elements.length === 0) return identityOf(kind, registerOf(node.dtype));
      return elements.reduce((sum, element) => this.combine(kind, sum, element));
    }
    let best = elements[0];
    let position = constantOf(0, "i32");
    elements.slice(1).forEach((element, i) => {
      const wins = this.beats(element, best);
      position = this.algebra.op("select", wins, constantOf(i + 1, "i32"), position);
      best = this.algebra.op("select", wins, element, best);
    });
    return position;
  }

  /** Whether `a` displaces `b` as the largest so far: larger, or the first NaN. */
  beats(a: Expr, b: Expr): Expr {
    const larger = this.algebra.op("lt", b, a);
    if (a.type === "i32") return larger;
    const firstNaN = this.algebra.op("and", this.algebra.op("ne", a, a), this.algebra.op("eq", b, b));
    return this.algebra.op("or", larger, firstNaN);
  }

  /** One step of a reduction. */
  combine(kind: ReduceKind, a: Expr, b: Expr): Expr {
    return this.algebra.op(kind === "sum" ? "add" : kind === "prod" ? "mul" : kind, a, b);
  }

  /** An index outside the axis gives NaN (zero for integers), so that the mistake shows in the result. */
  private gather(node: Node<"gather">, at: readonly ix.Index[], guard: ix.Guard): Expr {
    const [x, indices] = node.inputs;
    const { axis } = node.attrs;
    const stored = this.stored(x);
    if (stored?.layout.kind !== "plain") throw new FoveaError("[gather] needs its table stored in plain layout");
    const chosen = this.value(indices, at, guard);
    const base = at.map((coordinate, i) => (i === axis ? ix.zero : coordinate));
    const extent = x.shape[axis];
    const bounds = ix.simplifyGuard([...guard, ...memoryBounds(base, x.shape, stored.layout)]) ?? [];
    const indirect = { value: castTo(chosen, "i32"), step: ix.stridesOf(x.shape)[axis], extent };
    const position = positionOf(base, x.shape, stored.layout);
    const element = load(stored.buffer, x.dtype, position, bounds, this.target.lanes, indirect);
    if (element.type !== "f32" && element.type !== "f64") return element;
    const e = this.algebra;
    const tooLow = e.op("lt", indirect.value, constantOf(0, "i32"));
    const tooHigh = e.op("le", constantOf(extent, "i32"), indirect.value);
    return e.op("select", e.op("or", tooLow, tooHigh), constantOf(Number.NaN, element.type), element);
  }
}

/** The neutral element of a reduction. */
export function identityOf(kind: ReduceKind, type: RegisterType): Expr {
  const limits = type === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const value = { sum: 0, prod: 1, max: limits[0], min: limits[1] }[kind];
  return constantOf(value, type);
}
