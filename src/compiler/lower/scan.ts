/**
 * Scans: one walk along the axis for each column, in vectors of adjacent columns. The columns are independent, so they
 * are the tasks; the order within a column is that of the elements.
 */
import { isFloat } from "../../ir/dtype.js";
import { type Node, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  loop,
  nameOf,
  register,
  registerOf,
  type Stmt,
  set,
  splat,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { addColumns } from "./nest.js";

export function lowerScan(builder: KernelBuilder, anchor: Node<"scan">, roots: readonly Node[]): number {
  const [heads, length, tails] = anchor.shape;
  addColumns(builder, [heads, tails], 4 * length, ([h, t], width) => {
    const at = (step: ix.Index): ix.Index[] => {
      const position = anchor.attrs.reverse ? ix.plus(ix.scale(step, -1), length - 1) : step;
      return [h, position, t];
    };
    const value = (input: Node, step: ix.Index): Expr => splat(builder.lowering.value(input, at(step)), width);
    const state = startOf(builder, anchor, value(anchor.inputs[anchor.inputs.length - 1], ix.zero), width);
    const store = (step: ix.Index) => builder.storeEpilogue(anchor, state.result, roots, at(step));
    const rest = builder.variable("l", length - 1);
    const step = ix.plus(ix.variable(rest), 1);
    const elements = anchor.inputs.map((input) => value(input, step));
    return [...state.begin, ...store(ix.zero), loop(rest, [...state.next(elements), ...store(step)])];
  });
  return 2 * sizeOfShape(anchor.shape);
}

interface State {
  readonly begin: readonly Stmt[];
  readonly next: (elements: readonly Expr[]) => Stmt[];
  readonly result: Expr;
}

/** The registers of a scan, and how the next elements change them. */
function startOf(builder: KernelBuilder, { attrs, dtype }: Node<"scan">, first: Expr, width: number): State {
  const e = builder.lowering.algebra;
  const type = registerOf(dtype);
  const total = register(builder.fresh("a"), type, width);
  const begin = [declare(nameOf(total), first)];
  if (attrs.kind === "linear") {
    const next = ([a, b]: readonly Expr[]) => [set(nameOf(total), e.op("add", e.op("mul", a, total), b))];
    return { begin, next, result: total };
  }
  const { kind } = attrs;
  if (kind !== "sum" || !isFloat(dtype)) {
    const next = ([x]: readonly Expr[]) => [set(nameOf(total), builder.lowering.combine(kind, total, x))];
    return { begin, next, result: total };
  }
  // Kahan's sum: the error of each addition is kept and taken off the next element.
  const error = register(builder.fresh("c"), type, width);
  const next = ([x]: readonly Expr[]): Stmt[] => {
    const corrected = register(builder.fresh("y"), type, width);
    const sum = register(builder.fresh("t"), type, width);
    const lost = e.op("sub", e.op("sub", sum, total), corrected);
    // Where the sum is infinite or NaN, so is its error.
    const finite = e.op("eq", lost, lost);
    return [
      declare(nameOf(corrected), e.op("sub", x, error)),
      declare(nameOf(sum), e.op("add", total, corrected)),
      set(nameOf(error), e.op("select", finite, lost, splat(constantOf(0, type), width))),
      set(nameOf(total), sum),
    ];
  };
  return { begin: [...begin, declare(nameOf(error), splat(constantOf(0, type), width))], next, result: total };
}
