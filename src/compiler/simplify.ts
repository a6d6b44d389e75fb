/**
 * Simplification: common subexpressions, constants, identities and movements that undo each other. Every rule keeps
 * IEEE semantics (x · 0 is not 0 for NaN), except that sums round differently once a common factor is moved out of
 * them. Graph in, graph out.
 */

import { isFloat, wrap } from "../ir/dtype.js";
import { isOp, type Node, sameShape, sizeOfShape, topological } from "../ir/graph.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import { graph, helpers, rebuild } from "../ops/index.js";
import { withOrigin } from "../util/scope.js";
import { structureOf } from "./structure-key.js";

/** The constant that all elements of the node equal, or null. */
function fillOf(node: Node): number | null {
  let source = node;
  while (source.op === "expand" || source.op === "reshape") source = source.inputs[0];
  return isOp(source, "const") ? source.attrs.value : null;
}

const constant = (value: number, like: Node): Node => graph.constant(value, like);

const isNeutral = (fill: number | null, x: Node): boolean => fill === 0 && (!isFloat(x.dtype) || Object.is(fill, -0));

/**
 * Whether `limited` is x clamped to the bounds that `inside` tests. Then it equals x where they hold (but for the sign
 * of a zero at a bound of zero), and the select, which a clamp has for the sake of its gradient, is redundant.
 */
function limits(limited: Node, x: Node, inside: Node): boolean {
  const tests = inside.op === "and" ? inside.inputs : [inside];
  let value = limited;
  for (const { op, inputs } of [...tests].reverse()) {
    if (op !== "le") return false;
    const above = inputs[1] === x;
    const bound = above ? inputs[0] : inputs[1];
    const kept = above || inputs[0] === x;
    if (!kept || value.op !== (above ? "max" : "min") || value.inputs[1] !== bound) return false;
    value = value.inputs[0];
  }
  return value === x;
}

function simplifyScalar(node: Node): Node {
  if (!isScalar(node.op)) return node;
  const fills = node.inputs.map(fillOf);
  const [a, b] = node.inputs;
  if (fills.every((fill): fill is number => fill !== null)) {
    const { meaning, integerMeaning } = scalarOps[node.op];
    const exact = a.dtype === "i32" && integerMeaning ? integerMeaning(...fills) : meaning(...fills);
    return constant(wrap(exact, node.dtype), node);
  }
  switch (node.op) {
    case "add":
      // The neutral element of float addition is −0: −0 + 0 is +0.
      return isNeutral(fills[1], a) ? a : isNeutral(fills[0], b) ? b : node;
    case "sub":
      return fills[1] === 0 ? a : node;
    case "mul":
      return fills[1] === 1 ? a : fills[0] === 1 ? b : node;
    case "div":
      return fills[1] === 1 ? a : node;
    case "neg":
      return a.op === "neg" ? a.inputs[0] : node;
    case "pow":
      // x⁰ is 1 for every base, NaN too; gradients are part of the graph already.
      return fills[1] === 0 ? constant(1, node) : node;
    case "select":
      if (fills[0] !== null) return fills[0] ? b : node.inputs[2];
      return limits(node.inputs[2], b, a) ? node.inputs[2] : node;
    default:
      return node;
  }
}

function simplifyMovement(node: Node): Node {
  const [x] = node.inputs;
  if (isOp(node, "detach") || isOp(node, "custom")) return x;
  if (isOp(node, "cast")) return x.dtype === node.dtype ? x : node;
  if (isOp(node, "reshape")) {
    if (sameShape(x.shape, node.shape)) return x;
    if (x.op === "reshape") return simplifyMovement(helpers.reshape(graph, x.inputs[0], node.shape));
    return isOp(x, "const") ? graph.constant(x.attrs.value, node) : node;
  }
  if (isOp(node, "expand")) {
    if (sameShape(x.shape, node.shape)) return x;
    if (isOp(x, "const")) return graph.constant(x.attrs.value, node);
    return x.op === "expand" ? graph.make("expand", [x.inputs[0]], {}, { shape: node.shape }) : node;
  }
  if (isOp(node, "permute")) {
    const { order } = node.attrs;
    if (order.every((axis, i) => axis === i)) return x;
    if (isOp(x, "permute"))
      return simplifyMovement(
        helpers.permute(
          graph,
          x.inputs[0],
          order.map((axis) => x.attrs.order[axis]),
        ),
      );
    // A reshape that only adds a leading axis of size 1 is transparent to this rule.
    if (x.op === "reshape" && sameShape(x.inputs[0].shape, [1, ...x.shape])) {
      const inner = helpers.permute(graph, x.inputs[0], [0, ...order.map((axis) => axis + 1)]);
      return simplifyMovement(helpers.reshape(graph, simplifyMovement(inner), node.shape));
    }
    // (A B)ᵀ = Bᵀ Aᵀ: the product is stored in the order in which it is read.
    if (isOp(x, "matmul") && order.join() === "0,2,1") {
      const [a, b] = x.inputs;
      return graph.make("matmul", [transposed(b), transposed(a)], {});
    }
  }
  const still = isOp(node, "slice") && sameShape(x.shape, node.shape) && node.attrs.step.every((step) => step === 1);
  if (still || (isOp(node, "pad") && sameShape(x.shape, node.shape))) return x;
  return node;
}

const transposed = (x: Node): Node => simplifyMovement(helpers.swap(graph, x, 1, 2));

/**
 * Most factors that are moved out of a sum at once: with more, a long product would be copied for every sum over it.
 */
const MAX_FACTORS = 4;

/**
 * Moves signs and factors that are constant over the reduced axes out of a sum, so that common-subexpression
 * elimination merges more sums; replaces reductions over no element, one element or constants by their value.
 */
function simplifyReduce(node: Node): Node {
  let sum = node;
  const outside: ((inner: Node) => Node)[] = [];
  while (isOp(sum, "reduce")) {
    const value = reducedAtOnce(sum);
    if (value) {
      sum = value;
      break;
    }
    const parts = outside.length < MAX_FACTORS ? factored(sum) : null;
    if (!parts) break;
    outside.push(parts.outside);
    sum = graph.make("reduce", [parts.inside], sum.attrs);
  }
  return outside.reduceRight((inner, apply) => apply(inner), sum);
}

/** The value of a reduction over axes of size 1 or of a constant; null if it must be computed. */
function reducedAtOnce(node: Node<"reduce">): Node | null {
  const [x] = node.inputs;
  const { kind, axes } = node.attrs;
  if (axes.length === 0) return x;
  if (axes.every((axis) => x.shape[axis] === 1)) return helpers.reshape(graph, x, node.shape);
  const fill = fillOf(x);
  if (fill === null || sizeOfShape(x.shape) === 0 || kind === "prod") return null;
  const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
  return constant(kind === "sum" ? fill * count : fill, node);
}

/**
 * Moves the outermost sign or factor out of a sum of floats: the remaining operand, and the function that applies it.
 */
function factored(node: Node<"reduce">): { inside: Node; outside: (inner: Node) => Node } | null {
  const [x] = node.inputs;
  const { kind, axes } = node.attrs;
  if (kind !== "sum" || !isFloat(x.dtype)) return null;
  if (x.op === "neg") return { inside: x.inputs[0], outside: (inner) => graph.op("neg", inner) };
  if (x.op !== "mul") return null;
  const at = x.inputs.findIndex((f) => isOp(f, "expand") && axes.every((axis) => f.inputs[0].shape[axis] === 1));
  if (at < 0) return null;
  const [factor] = x.inputs[at].inputs;
  const kept = factor.shape.filter((_, axis) => !axes.includes(axis));
  const spread = graph.make("expand", [helpers.reshape(graph, factor, kept)], {}, { shape: node.shape });
  const outer = simplifyMovement(spread);
  return { inside: x.inputs[1 - at], outside: (inner) => graph.op("mul", inner, outer) };
}

/**
 * Rebuilds the graph bottom-up through `rule`, which also gets the original node; the nodes that a rule creates have
 * the origin of the node that they replace.
 */
export function rewrite(outputs: readonly Node[], rule: (node: Node, original: Node) => Node): Node[] {
  const mapped = new Map<Node, Node>();
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((x) => mapped.get(x) ?? x);
    const made = withOrigin(node.origin, () => rule(rebuild(node, inputs), node));
    if (made !== node) mapped.set(node, made);
  }
  return outputs.map((node) => mapped.get(node) ?? node);
}

/** Eliminates common subexpressions. */
function shareCommon(outputs: readonly Node[]): Node[] {
  const ids = new Map<Node, number>();
  const known = new Map<string, Node>();
  return rewrite(outputs, (node) => {
    const key = structureOf(node, ids);
    const first = known.get(key);
    if (first) return first;
    known.set(key, node);
    ids.set(node, ids.size);
    return node;
  });
}

/** The simplified graph, in the same order of outputs. */
export function simplify(outputs: readonly Node[]): Node[] {
  const rule = (node: Node): Node => simplifyReduce(simplifyMovement(simplifyScalar(node)));
  return shareCommon(rewrite(shareCommon(rewrite(outputs, rule)), rule));
}
