/**
 * Kernels around a reduction. Lanes run either over results or over the reduced elements, whichever reads memory more
 * evenly. Long sums are kept in several registers and in blocks, so that rounding errors grow slowly; the order of
 * every sum is fixed by the shapes alone.
 */
import { isOp, type Node, type ReduceKind, sizeOfShape } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import {
  declare,
  type Expr,
  foldLanes,
  nameOf,
  type RegisterType,
  register,
  registerOf,
  type Stmt,
  set,
  splat,
} from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { identityOf } from "../value.js";
import { operations } from "./map.js";
import { addNest, expandGroup, loadCost, nest, type VectorAxis } from "./nest.js";

/** Elements summed into one register before it is added to the next level. */
const BLOCK = 512;
/** Independent accumulators that hide the latency of an addition. */
const ACCUMULATORS = 4;

interface Axes {
  readonly input: Node;
  readonly reduced: readonly number[];
  readonly kept: readonly number[];
}

function axesOf(anchor: Node): Axes {
  const [input] = anchor.inputs;
  const reduced = isOp(anchor, "reduce") ? anchor.attrs.axes : isOp(anchor, "argmax") ? [anchor.attrs.axis] : [];
  return { input, reduced, kept: input.shape.map((_, axis) => axis).filter((axis) => !reduced.includes(axis)) };
}

/** Lanes along a group of adjacent input axes that are all kept or all reduced; null for scalar code. */
interface Scheme {
  readonly group: VectorAxis;
  readonly over: "results" | "elements";
}

function schemes({ input, reduced }: Axes, forArgmax: boolean): Scheme[] {
  const found: Scheme[] = [];
  for (let from = 0; from < input.shape.length; from++) {
    const over = reduced.includes(from) ? "elements" : "results";
    if (forArgmax && over === "elements") continue;
    for (let to = from + 1; to <= input.shape.length; to++) {
      if (reduced.includes(to - 1) !== reduced.includes(from)) break;
      found.push({ group: { from, to }, over });
    }
  }
  return found;
}

function chooseScheme(builder: KernelBuilder, axes: Axes, forArgmax: boolean): Scheme | null {
  const lanes = builder.lanes;
  const { shape } = axes.input;
  if (lanes === 1) return null;
  let best: Scheme | null = null;
  let least =
    1 +
    loadCost(
      [
        builder.lowering.value(
          axes.input,
          shape.map((extent, i) => ix.variable({ name: `o${i}`, extent })),
        ),
      ],
      1,
    );
  for (const scheme of schemes(axes, forArgmax)) {
    const { group } = scheme;
    const length = shape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
    const vectors = Math.floor(length / lanes);
    if (vectors === 0) continue;
    const outer = [...shape.slice(0, group.from), ...shape.slice(group.to)];
    const variables = outer.map((extent, i) => ix.variable({ name: `o${i}`, extent }));
    const position = ix.add(ix.scale(ix.variable({ name: "v", extent: vectors }), lanes), builder.lane);
    const value = builder.lowering.value(axes.input, expandGroup(shape, group, variables, position));
    if (value.lanes === 1) continue;
    const share = (vectors * lanes) / length;
    const folding = scheme.over === "elements" ? (2 * lanes) / length : 0;
    const cost = (share * (1 + loadCost([value], lanes))) / lanes + (1 - share) * 3 + folding - group.to * 1e-6;
    if (cost < least) {
      least = cost;
      best = scheme;
    }
  }
  return best;
}

/** Splits loops into an outer and an inner set, the inner one with at most BLOCK iterations. */
function blockLoops(extents: readonly number[]): { outer: number; extents: number[] } {
  const all = [...extents];
  let inner = 1;
  let cut = all.length;
  while (cut > 0 && inner * all[cut - 1] <= BLOCK) inner *= all[--cut];
  if (cut > 0 && inner < 64) {
    const long = all[cut - 1];
    let divisor = Math.min(long - 1, Math.floor(BLOCK / inner));
    while (divisor > 1 && long % divisor !== 0) divisor--;
    if (divisor > 1) all.splice(cut - 1, 1, long / divisor, divisor);
    else cut--;
  }
  return { outer: cut, extents: all };
}

/** The operand of a reduction: values by coordinates. */
interface Term {
  readonly kind: ReduceKind;
  readonly type: RegisterType;
  readonly value: (at: readonly ix.Index[]) => Expr;
}

interface Sums {
  readonly statements: Stmt[];
  /** The register of each term. */
  readonly results: Expr[];
}

/** Statements that reduce terms over loops of the given extents, in blocks, into a register each. */
function reduceLoops(builder: KernelBuilder, terms: readonly Term[], lanes: number, extents: readonly number[]): Sums {
  const points = extents.reduce((a, b) => a * b, 1);
  const origin = extents.map(() => ix.zero);
  if (points === 1) return { statements: [], results: terms.map(({ value }) => splat(value(origin), lanes)) };
  const { outer, extents: loops } = blockLoops(extents);
  const variables = loops.map((extent) => builder.variable("r", extent));
  // Coordinates in the original extents: a split loop has the index outer · length + inner.
  const position = ix.flatten(variables.map(ix.variable), loops);
  const at = (offset: ix.Index) => ix.unflatten(offset, extents);
  const innermost = variables[variables.length - 1];
  const width = innermost.extent % ACCUMULATORS === 0 && innermost.extent > ACCUMULATORS ? ACCUMULATORS : 1;
  const short: ix.LoopVar = { name: innermost.name, extent: innermost.extent / width };
  const lines = terms.map(({ kind, type, value }) => {
    const combine = (a: Expr, b: Expr) => builder.lowering.combine(kind, a, b);
    const identity = splat(identityOf(kind, type), lanes);
    const accumulators = Array.from({ length: width }, () => register(builder.fresh("a"), type, lanes));
    const steps = accumulators.map((accumulator, k) => {
      const moved = new Map([[innermost.name, ix.plus(ix.scale(ix.variable(short), width), k)]]);
      const element = value(at(ix.substitute(position, moved)));
      return set(nameOf(accumulator), combine(accumulator, splat(element, lanes)));
    });
    const start = accumulators.map((accumulator) => declare(nameOf(accumulator), identity));
    const joined = accumulators.reduce(combine);
    const total = register(builder.fresh("t"), type, lanes);
    const add = set(nameOf(total), combine(total, joined));
    return { steps, start, joined, total, add, begin: declare(nameOf(total), identity) };
  });
  const inner = nest(
    [...variables.slice(outer, -1), short],
    // Element by element, so that common loads of the terms are adjacent and shared.
    Array.from({ length: width }, (_, k) => lines.map(({ steps }) => steps[k])).flat(),
  );
  const sums = [...lines.flatMap(({ start }) => start), ...inner];
  if (outer === 0) return { statements: sums, results: lines.map(({ joined }) => joined) };
  const blocks = nest(variables.slice(0, outer), [...sums, ...lines.map(({ add }) => add)]);
  return { statements: [...lines.map(({ begin }) => begin), ...blocks], results: lines.map(({ total }) => total) };
}

/** A reduction, and the roots that it and its epilogue store. */
export interface ReduceNest {
  readonly anchor: Node<"reduce">;
  readonly roots: readonly Node[];
}

/** Lowers reductions of the same axes of values of one shape, and their epilogues, in one pass. */
export function lowerReduce(builder: KernelBuilder, nests: readonly ReduceNest[]): number {
  const [{ anchor }] = nests;
  const axes = axesOf(anchor);
  const lanes = builder.lanes;
  const { shape } = axes.input;
  const scheme = chooseScheme(builder, axes, false);
  const origin = shape.map(() => ix.zero);
  const work = operations(nests.map((nest) => builder.lowering.value(nest.anchor.inputs[0], origin)));
  const perResult = work * axes.reduced.reduce((n, axis) => n * shape[axis], 1);
  const finish = (results: readonly Expr[], at: readonly ix.Index[]): Stmt[] =>
    nests.flatMap((nest, k) => builder.storeEpilogue(nest.anchor, results[k], nest.roots, at));
  /** Terms whose elements have the coordinates that the function gives. */
  const termsAt = (place: (at: readonly ix.Index[]) => ix.Index[]): Term[] =>
    nests.map((nest) => ({
      kind: nest.anchor.attrs.kind,
      type: registerOf(nest.anchor.dtype),
      value: (at) => builder.lowering.value(nest.anchor.inputs[0], place(at)),
    }));
  /** The reductions at result coordinates `at`, by loops over all reduced axes. */
  const whole = (at: readonly ix.Index[], width: number): Stmt[] => {
    const extents = axes.reduced.map((axis) => shape[axis]);
    const terms = termsAt((r) => merge(axes, at, r));
    const { statements, results } = reduceLoops(builder, terms, width, extents);
    return [...statements, ...finish(results, at)];
  };
  const keptShape = axes.kept.map((axis) => shape[axis]);
  if (!scheme) {
    addNest(builder, keptShape, perResult, (at) => whole(at, 1));
  } else if (scheme.over === "results") {
    const first = axes.kept.indexOf(scheme.group.from);
    const group = { from: first, to: first + scheme.group.to - scheme.group.from };
    const length = keptShape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
    const outer = [...keptShape.slice(0, group.from), ...keptShape.slice(group.to)];
    const vectors = Math.floor(length / lanes);
    addNest(builder, [...outer, vectors], perResult * lanes, (at) => {
      const position = ix.add(ix.scale(at[at.length - 1], lanes), builder.lane);
      return whole(expandGroup(keptShape, group, at.slice(0, -1), position), lanes);
    });
    const tail = length - vectors * lanes;
    addNest(builder, [...outer, tail], perResult, (at) => {
      const position = ix.plus(at[at.length - 1], vectors * lanes);
      return whole(expandGroup(keptShape, group, at.slice(0, -1), position), 1);
    });
  } else {
    addNest(builder, keptShape, perResult / 4, (at) =>
      lanesOverElements(builder, axes, scheme.group, at, termsAt, finish),
    );
  }
  return work * sizeOfShape(shape);
}

/** Coordinates of the input from those of kept and of reduced axes. */
function merge({ input, reduced }: Axes, kept: readonly ix.Index[], elements: readonly ix.Index[]): ix.Index[] {
  let k = 0;
  const order = [...reduced].sort((a, b) => a - b);
  return input.shape.map((_, axis) => {
    const position = order.indexOf(axis);
    return position >= 0 ? elements[reduced.indexOf(axis)] : kept[k++];
  });
}

function lanesOverElements(
  builder: KernelBuilder,
  axes: Axes,
  group: VectorAxis,
  at: readonly ix.Index[],
  termsAt: (place: (at: readonly ix.Index[]) => ix.Index[]) => Term[],
  finish: (results: readonly Expr[], at: readonly ix.Index[]) => Stmt[],
): Stmt[] {
  const lanes = builder.lanes;
  const { shape } = axes.input;
  const inGroup = (axis: number) => axis >= group.from && axis < group.to;
  const others = axes.reduced.filter((axis) => !inGroup(axis));
  const length = shape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
  const vectors = Math.floor(length / lanes);
  const place = (r: readonly ix.Index[], position: ix.Index): ix.Index[] => {
    const inside = ix.unflatten(position, shape.slice(group.from, group.to));
    const elements = axes.reduced.map((axis) => (inGroup(axis) ? inside[axis - group.from] : r[others.indexOf(axis)]));
    return merge(axes, at, elements);
  };
  const extents = others.map((axis) => shape[axis]);
  const terms = termsAt((r) => place(r, ix.add(ix.scale(r[r.length - 1], lanes), builder.lane)));
  const main = reduceLoops(builder, terms, lanes, [...extents, vectors]);
  const folded = main.results.map((result, k) => foldLanes(terms[k].kind, result));
  const tail = length - vectors * lanes;
  if (tail === 0) return [...main.statements, ...finish(folded, at)];
  const lastTerms = termsAt((r) => place(r, ix.plus(r[r.length - 1], vectors * lanes)));
  const rest = reduceLoops(builder, lastTerms, 1, [...extents, tail]);
  const whole = folded.map((result, k) => builder.lowering.combine(terms[k].kind, result, rest.results[k]));
  return [...main.statements, ...rest.statements, ...finish(whole, at)];
}

/** Lowers the position of the largest element and its epilogue. */
export function lowerArgmax(builder: KernelBuilder, anchor: Node<"argmax">, roots: readonly Node[]): number {
  const axes = axesOf(anchor);
  const { shape } = axes.input;
  const lanes = builder.lanes;
  const type = registerOf(axes.input.dtype);
  const keptShape = axes.kept.map((axis) => shape[axis]);
  const extent = shape[anchor.attrs.axis];
  const body = (at: readonly ix.Index[], width: number): Stmt[] => {
    const best = register(builder.fresh("a"), type, width);
    const position = register(builder.fresh("p"), "i32", width);
    const step = builder.variable("r", extent - 1);
    const index = ix.plus(ix.variable(step), 1);
    const element = splat(builder.lowering.value(axes.input, merge(axes, at, [index])), width);
    const wins = register(builder.fresh("w"), "bool", width);
    const e = builder.lowering.algebra;
    const first = splat(builder.lowering.value(axes.input, merge(axes, at, [ix.zero])), width);
    const zero = splat(e.typed(0, "i32", first), width);
    const counter: Expr = { kind: "index", index, type: "i32", lanes: 1, key: `i(${index.key})` };
    const statements = [
      declare(nameOf(best), first),
      declare(nameOf(position), zero),
      ...nest(
        [step],
        [
          declare(nameOf(wins), builder.lowering.beats(element, best)),
          set(nameOf(position), e.op("select", wins, splat(counter, width), position)),
          set(nameOf(best), e.op("select", wins, element, best)),
        ],
      ),
    ];
    const stores = builder.storeEpilogue(anchor, position, roots, at);
    return [...(extent > 1 ? statements : statements.slice(0, 2)), ...stores];
  };
  const scheme = chooseScheme(builder, axes, true);
  const first = scheme ? axes.kept.indexOf(scheme.group.from) : 0;
  const group = scheme
    ? { from: first, to: first + scheme.group.to - scheme.group.from }
    : { from: 0, to: keptShape.length };
  const length = keptShape.slice(group.from, group.to).reduce((a, b) => a * b, 1);
  const outer = [...keptShape.slice(0, group.from), ...keptShape.slice(group.to)];
  const vectors = scheme ? Math.floor(length / lanes) : 0;
  addNest(builder, [...outer, vectors], 4 * extent * lanes, (at) => {
    const position = ix.add(ix.scale(at[at.length - 1], lanes), builder.lane);
    return body(expandGroup(keptShape, group, at.slice(0, -1), position), lanes);
  });
  addNest(builder, [...outer, length - vectors * lanes], 4 * extent, (at) => {
    const position = ix.plus(at[at.length - 1], vectors * lanes);
    return body(expandGroup(keptShape, group, at.slice(0, -1), position), 1);
  });
  return 4 * sizeOfShape(shape);
}
