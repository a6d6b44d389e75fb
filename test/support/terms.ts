/**
 * Bounds of rounding errors that hold on every machine. A result that is rounded at every step is off by a few units of
 * Σ|terms|: the same graph evaluated with absolute values. For a sum of terms it is Σ|t|, for a product |a| Σ|b| + |b| Σ|a|,
 * for f(x) it is |f'(x)| Σ|x|, and each step adds its own value. Vector widths, tiles, the order of sums and fused
 * multiply-adds change only how many units. Bounds relative to the largest result do not have this property: where terms
 * cancel, results are small, and errors are not.
 */
import { expect } from "vitest";
import { differentiate } from "../../src/autograd/index.js";
import { Tensor, useDevice } from "../../src/index.js";
import { isFloat } from "../../src/ir/dtype.js";
import { isOp, type Node, type StructuralName, topological } from "../../src/ir/graph.js";
import { isScalar, scalarOps } from "../../src/ir/scalar/index.js";
import { graph, isFactorization, isStructural, rebuild, structuralRecord } from "../../src/ops/index.js";
import { valuesOf } from "./devices.js";

type Rule = (x: Node) => Node;

/** |x|, and 0 where it is not finite: infinities are exact, and what hides behind a mask of −∞ contributes nothing. */
function abs(x: Node): Node {
  const size = graph.op("abs", x);
  return graph.op(
    "select",
    graph.op("lt", size, graph.constant(Number.POSITIVE_INFINITY, x)),
    size,
    graph.constant(0, x),
  );
}
const add = (a: Node, b: Node): Node => graph.op("add", a, b);

/** Of a scalar op: every operand contributes as much as its derivative lets through. */
function termsOfScalar(node: Node, name: keyof typeof scalarOps, terms: Rule): Node {
  const floats = [...new Set(node.inputs)].filter((x) => isFloat(x.dtype));
  const slopes = differentiate(node, graph.constant(1, node), floats, (x) => x !== node);
  const own = graph.op("mul", abs(node), graph.constant(1 + scalarOps[name].ulps, node));
  return floats.reduce((total, x, i) => {
    const slope = slopes[i];
    return slope ? add(total, graph.op("mul", abs(slope), terms(x))) : total;
  }, own);
}

/**
 * A convolution that some target may compute by Winograd's algorithm, as that: its transforms add terms of their own,
 * many times those of the sum that they replace. Null for other nodes.
 */
function asWinograd(node: Node): Node | null {
  if (!isOp(node, "conv2d") && !isOp(node, "convWeightGrad")) return null;
  const { stride, dilation, groups } = node.attrs;
  const [x, y] = node.inputs;
  const kernel = isOp(node, "convWeightGrad") ? node.attrs.kernel : y.shape.slice(2);
  const plain = [...stride, ...dilation, groups].every((n) => n === 1) && kernel.every((n) => n === 3);
  // Whole vectors, which have at least four lanes.
  if (!plain || x.shape[1] % 4 !== 0 || node.shape[1] % 4 !== 0) return null;
  const tile = 4;
  if (isOp(node, "conv2d")) {
    return graph.make("winogradConv2d", [x, graph.make("winogradFilter", [y], { tile })], { ...node.attrs, tile });
  }
  return graph.make("winogradWeightGrad", [x, y], { ...node.attrs, tile });
}

/** Of a running sum, extremum, or recurrence y ← a y + b, whose earlier values count by the factors between. */
function termsOfScan(node: Node<"scan">, terms: Rule): Node {
  const { kind, reverse } = node.attrs;
  const [x] = node.inputs;
  if (kind !== "linear") return graph.make("scan", [terms(x)], { kind: kind === "sum" ? "sum" : "max", reverse });
  const [a, b] = node.inputs;
  const [h, length, t] = node.shape;
  const kept = graph.make(
    "slice",
    [abs(node)],
    { start: [0, reverse ? 1 : 0, 0], step: [1, 1, 1] },
    { shape: [h, length - 1, t] },
  );
  const before = graph.make("pad", [kept], { before: [0, reverse ? 0 : 1, 0], value: 0 }, { shape: node.shape });
  return graph.make("scan", [abs(a), add(terms(b), graph.op("mul", terms(a), before))], { kind, reverse });
}

/**
 * Of a factorization, which is backward stable: as many terms of the size of the largest as a row has, everywhere. Good
 * for matrices that are well conditioned.
 */
function termsOfFactorization(node: Node, terms: Rule): Node {
  const most = (x: Node): Node => {
    const largest = graph.make("reduce", [x], { kind: "max", axes: [1, 2] });
    const lifted = graph.make("reshape", [largest], {}, { shape: [x.shape[0], 1, 1] });
    return graph.make("expand", [lifted], {}, { shape: node.shape });
  };
  const size = node.inputs.reduce((sum, x) => add(sum, most(terms(x))), most(abs(node)));
  return graph.op("mul", size, graph.constant(node.shape[1], node));
}

function termsOfStructural(node: Node<StructuralName>, terms: Rule): Node {
  const { inputs } = node;
  if (isOp(node, "reduce")) {
    const { kind, axes } = node.attrs;
    const [x] = inputs;
    if (kind !== "prod") return graph.make("reduce", [terms(x)], { kind: kind === "sum" ? "sum" : "max", axes });
    const [slope] = differentiate(node, graph.constant(1, node), [x], (one) => one !== node);
    if (!slope) return abs(node);
    return graph.make("reduce", [graph.op("mul", abs(slope), terms(x))], { kind: "sum", axes });
  }
  if (isOp(node, "pad")) {
    const { before, value } = node.attrs;
    return graph.make("pad", [terms(inputs[0])], { before, value: Math.abs(value) }, { shape: node.shape });
  }
  if (isFactorization(node)) return termsOfFactorization(node, terms);
  if (isOp(node, "scan")) return termsOfScan(node, terms);
  if (isOp(node, "scatter") && node.attrs.kind !== "prod") {
    const [base, x, rows] = inputs;
    const { kind } = node.attrs;
    return graph.make("scatter", [terms(base), terms(x), rows], { kind: kind === "min" ? "max" : kind });
  }
  const { kind, decompose } = structuralRecord(node) ?? {};
  const isLinear = kind === "elementwise" || kind === "movement" || kind === "gather";
  if (isLinear)
    return rebuild(
      node,
      inputs.map((x) => (isFloat(x.dtype) ? terms(x) : x)),
    );
  if (!decompose) throw new Error(`Σ|terms| of ${node.op} is not defined here`);
  return terms(asWinograd(node) ?? decompose(graph, node));
}

/** Σ|terms| of every element of the nodes, as expressions; 0 for integers, which are exact. */
function termsOf(nodes: readonly Node[]): Tensor[] {
  const known = new Map<Node, Node>();
  const terms = (root: Node): Node => {
    for (const node of topological([root], (x) => known.has(x))) {
      if (known.has(node)) continue;
      if (!isFloat(node.dtype)) known.set(node, graph.constant(0, node));
      else if (node.inputs.every((x) => !isFloat(x.dtype))) known.set(node, abs(node));
      else if (isScalar(node.op)) known.set(node, termsOfScalar(node, node.op, terms));
      else if (isStructural(node)) known.set(node, termsOfStructural(node, terms));
    }
    return known.get(root) as Node;
  };
  return nodes.map((node) => new Tensor(terms(node)));
}

/** Half the distance between 1 and the next f32. */
const UNIT = 2 ** -24;
/** Everything below the smallest normal f32 may be lost by vector code. */
const SMALLEST = 2 ** -126;

/** Units of Σ|terms| that every device keeps to: the sweeps need at most two. */
const UNITS = 8;

/** Values, and Σ|terms| of each, in float64. */
export interface Conditioned {
  readonly values: ArrayLike<number>;
  readonly terms: ArrayLike<number>;
}

/** What the oracle computes for nodes, also for those whose values another device has computed. */
export async function conditionedNodes(nodes: readonly Node[]): Promise<Conditioned[]> {
  await useDevice("interp");
  const found = await valuesOf([...nodes.map((node) => new Tensor(node)), ...termsOf(nodes)]);
  return nodes.map((_, i) => ({ values: found[i], terms: found[nodes.length + i] }));
}

/** What the oracle computes for the tensors of `work`. */
export async function conditioned(work: () => readonly Tensor[]): Promise<Conditioned[]> {
  await useDevice("interp");
  return conditionedNodes(work().map(({ node }) => node));
}

/**
 * Fails with the element whose error is the largest in units of Σ|terms|, if it is more than `units`: by default eight;
 * √k for sums of k thousands of terms, which some targets add up in one register, because the errors of partial sums are
 * as good as independent.
 */
export function expectRounded(
  found: ArrayLike<number>,
  { values, terms }: Conditioned,
  what: string,
  units = UNITS,
): void {
  expect(found.length, `length of ${what}`).toBe(values.length);
  let [worst, at] = [0, 0];
  for (let i = 0; i < found.length; i++) {
    if (Object.is(found[i], values[i]) || found[i] === values[i]) continue;
    const error = Math.abs(found[i] - values[i]) / (UNIT * terms[i] + SMALLEST);
    if (error <= worst) continue;
    [worst, at] = [Number.isNaN(error) ? Number.POSITIVE_INFINITY : error, i];
  }
  const text = `${what} element ${at}: ${found[at]}, expected ${values[at]}; units of Σ|terms| ${terms[at]}`;
  expect(worst, text).toBeLessThanOrEqual(units);
}

/** Compares all tensors of `work` on a device with the oracle's. */
export async function compareRounded(device: string, work: () => readonly Tensor[]): Promise<void> {
  const wanted = await conditioned(work);
  await useDevice(device);
  const found = await valuesOf(work());
  expect(found).toHaveLength(wanted.length);
  found.forEach((values, i) => {
    expectRounded(values, wanted[i], `tensor ${i} on ${device}`);
  });
}
