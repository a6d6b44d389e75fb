/**
 * Kernels over rows that go through a row more than once while it is in the cache: sums or extrema first, then the
 * elements. Tasks are rows; lanes run along a row, the rest of it one by one.
 */
import { isOp, type Node, type ReduceKind, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  foldLanes,
  load,
  loop,
  nameOf,
  register,
  type Stmt,
  set,
  splat,
  store,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { identityOf } from "../value.js";
import { addNest } from "./nest.js";

export type RowNode = Node<"softmax"> | Node<"softmaxGrad"> | Node<"standardise"> | Node<"standardiseGrad">;

export const isRowNode = (node: Node): node is RowNode =>
  isOp(node, "softmax") || isOp(node, "softmaxGrad") || isOp(node, "standardise") || isOp(node, "standardiseGrad");

export function lowerRows(builder: KernelBuilder, anchor: RowNode, roots: readonly Node[]): number {
  const [rows, length] = anchor.shape;
  addNest(builder, [rows], WORK * length, ([row]) => new Row(builder, anchor, roots, row).statements());
  return WORK * sizeOfShape(anchor.shape);
}

/** Operations per element, for the division into tasks and for profiles. */
const WORK = 8;
/** Vectors that are summed into one register before it is added to the next level. */
const BLOCK = 64;

/** An element of the row: its position, and the lanes of a vector or 1. */
type Element = (position: ix.Index, width: number) => Expr;

class Row {
  private readonly length: number;

  constructor(
    private readonly builder: KernelBuilder,
    private readonly anchor: RowNode,
    private readonly roots: readonly Node[],
    private readonly row: ix.Index,
  ) {
    this.length = anchor.shape[1];
  }

  statements(): Stmt[] {
    const { anchor } = this;
    if (isOp(anchor, "softmax")) return this.softmax();
    if (isOp(anchor, "softmaxGrad")) return this.softmaxGrad();
    return isOp(anchor, "standardise") ? this.standardise(anchor.attrs.eps) : this.standardiseGrad(anchor.attrs.eps);
  }

  private softmax(): Stmt[] {
    const e = this.builder.lowering.algebra;
    const x = this.input(0);
    const peak = this.reduce("max", [x]);
    // Exponentials are kept in scratch memory, so that each is computed once.
    const memory = this.builder.scratch("f32", this.length);
    const kept: Element = (at, width) => load(memory, "f32", at, [], width);
    const keep: Stmt[] = this.along((at, width) => {
      const value = e.op("exp", e.op("sub", x(at, width), splat(peak.results[0], width)));
      return [store(memory, "f32", at, value, width)];
    });
    const sum = this.reduce("sum", [kept]);
    const share = this.builder.toRegister(e.op("div", constantOf(1, "f32"), sum.results[0]));
    return [
      ...peak.statements,
      ...keep,
      ...sum.statements,
      ...share.statements,
      ...this.store((at, width) => e.op("mul", kept(at, width), splat(share.value, width))),
    ];
  }

  private softmaxGrad(): Stmt[] {
    const e = this.builder.lowering.algebra;
    const [y, g] = [this.input(0), this.input(1)];
    const sum = this.reduce("sum", [(at, width) => e.op("mul", g(at, width), y(at, width))]);
    return [
      ...sum.statements,
      ...this.store((at, width) => e.op("mul", y(at, width), e.op("sub", g(at, width), splat(sum.results[0], width)))),
    ];
  }

  private standardise(eps: number): Stmt[] {
    const e = this.builder.lowering.algebra;
    const { statements, mean, scale } = this.moments(this.input(0), eps);
    const x = this.input(0);
    return [
      ...statements,
      ...this.store((at, width) => e.op("mul", e.op("sub", x(at, width), splat(mean, width)), splat(scale, width))),
    ];
  }

  private standardiseGrad(eps: number): Stmt[] {
    const e = this.builder.lowering.algebra;
    const [x, g] = [this.input(0), this.input(1)];
    const { statements, mean, scale } = this.moments(x, eps);
    const y: Element = (at, width) => e.op("mul", e.op("sub", x(at, width), splat(mean, width)), splat(scale, width));
    const sums = this.reduce("sum", [g, (at, width) => e.op("mul", g(at, width), y(at, width))]);
    const [meanOfG, meanOfGY] = sums.results.map((sum) => this.mean(sum));
    return [
      ...statements,
      ...sums.statements,
      ...meanOfG.statements,
      ...meanOfGY.statements,
      ...this.store((at, width) => {
        const along = e.op("mul", y(at, width), splat(meanOfGY.value, width));
        const rest = e.op("sub", e.op("sub", g(at, width), splat(meanOfG.value, width)), along);
        return e.op("mul", rest, splat(scale, width));
      }),
    ];
  }

  /** The mean of a row, and 1 / √(variance + eps), with the variance from deviations. */
  private moments(x: Element, eps: number): { statements: Stmt[]; mean: Expr; scale: Expr } {
    const e = this.builder.lowering.algebra;
    const sum = this.reduce("sum", [x]);
    const mean = this.mean(sum.results[0]);
    const squares = this.reduce("sum", [
      (at, width) => {
        const deviation = e.op("sub", x(at, width), splat(mean.value, width));
        return e.op("mul", deviation, deviation);
      },
    ]);
    const variance = this.mean(squares.results[0]);
    const root = e.op("sqrt", e.op("add", variance.value, constantOf(Math.fround(eps), "f32")));
    const scale = this.builder.toRegister(e.op("div", constantOf(1, "f32"), root));
    return {
      statements: [
        ...sum.statements,
        ...mean.statements,
        ...squares.statements,
        ...variance.statements,
        ...scale.statements,
      ],
      mean: mean.value,
      scale: scale.value,
    };
  }

  private mean(sum: Expr): { readonly value: Expr; readonly statements: readonly Stmt[] } {
    const e = this.builder.lowering.algebra;
    return this.builder.toRegister(e.op("div", sum, constantOf(this.length, "f32")));
  }

  private input(number: number): Element {
    return (at, width) => splat(this.builder.lowering.value(this.anchor.inputs[number], [this.row, at]), width);
  }

  /** Loops over whole vectors of the row in blocks, over the other vectors, and over single elements. */
  private loops(
    body: (at: ix.Index, width: number) => Stmt[],
    aroundBlock: (inner: readonly Stmt[]) => Stmt[] = (inner) => [...inner],
  ): Stmt[] {
    const { builder, length } = this;
    const { lanes } = builder;
    const vectors = lanes > 1 ? Math.floor(length / lanes) : 0;
    const blocks = Math.floor(vectors / BLOCK);
    const vector = (position: ix.Index) => body(ix.add(ix.scale(position, lanes), builder.lane), lanes);
    const block = builder.variable("b", blocks);
    const inside = builder.variable("v", BLOCK);
    const rest = builder.variable("v", vectors - blocks * BLOCK);
    const single = builder.variable("t", length - vectors * lanes);
    const within = ix.add(ix.scale(ix.variable(block), BLOCK), ix.variable(inside));
    return [
      ...(blocks > 0 ? [loop(block, aroundBlock([loop(inside, vector(within))]))] : []),
      ...(rest.extent > 0 ? [loop(rest, vector(ix.plus(ix.variable(rest), blocks * BLOCK)))] : []),
      ...(single.extent > 0 ? [loop(single, body(ix.plus(ix.variable(single), vectors * lanes), 1))] : []),
    ];
  }

  private along(body: (at: ix.Index, width: number) => Stmt[]): Stmt[] {
    return this.loops(body);
  }

  private store(element: Element): Stmt[] {
    return this.along((at, width) =>
      this.builder.storeEpilogue(this.anchor, element(at, width), this.roots, [this.row, at]),
    );
  }

  /** Reductions of the row, each into a scalar register; sums of blocks are added up apart, so that errors stay small. */
  private reduce(kind: ReduceKind, elements: readonly Element[]): { statements: Stmt[]; results: Expr[] } {
    const { builder } = this;
    const { lanes } = builder;
    const combine = (a: Expr, b: Expr) => builder.lowering.combine(kind, a, b);
    const start = (width: number) => splat(identityOf(kind, "f32"), width);
    const fresh = (width: number) => elements.map(() => register(builder.fresh("a"), "f32", width));
    const [totals, sums, singles] = [fresh(lanes), fresh(lanes), fresh(1)];
    const update = (targets: readonly Expr[], at: ix.Index, width: number) =>
      targets.map((target, k) => set(nameOf(target), combine(target, elements[k](at, width))));
    const walk = this.loops(
      (at, width) => update(width === 1 ? singles : sums, at, width),
      // The sum of a block begins anew, and is added to the total.
      (inner) => [
        ...sums.map((sum) => set(nameOf(sum), start(lanes))),
        ...inner,
        ...totals.map((total, k) => set(nameOf(total), combine(total, sums[k]))),
        ...sums.map((sum) => set(nameOf(sum), start(lanes))),
      ],
    );
    const results = elements.map((_, k) =>
      builder.toRegister(combine(foldLanes(kind, combine(totals[k], sums[k])), singles[k])),
    );
    return {
      statements: [
        ...[...totals, ...sums].map((each) => declare(nameOf(each), start(lanes))),
        ...singles.map((each) => declare(nameOf(each), start(1))),
        ...walk,
        ...results.flatMap(({ statements }) => statements),
      ],
      results: results.map(({ value }) => value),
    };
  }
}
