/**
 * Records of scaled dot-product attention and of its gradient (Vaswani et al. 2017). Both hold several results in one
 * flat value, since a node has one result and a kernel makes them together; slices take it apart. The gradient computes
 * the probabilities anew from the log-sum-exp of each row, so that nothing of size T · S need be stored (Dao 2023,
 * "FlashAttention-2").
 */
import {
  type AttentionAttrs,
  formatShape,
  type Node,
  type Shape,
  type StructuralName,
  sameShape,
  sizeOfShape,
} from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import { reduceSum, reshape, swap } from "./helpers.js";
import type { Builder, StructuralRecord } from "./record.js";

/** The operands of an attention by name. */
interface AttentionOperands {
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly bias: Node | null;
  readonly factor: Node | null;
  /** The operands of the gradient behind those. */
  readonly rest: readonly Node[];
}

/** The operands of an attention or of its gradient by name. */
export function attentionOperands({ inputs, attrs }: Node<"attention"> | Node<"attentionGrad">): AttentionOperands {
  return operandsOf(inputs, attrs);
}

function operandsOf(inputs: readonly Node[], attrs: AttentionAttrs): AttentionOperands {
  const [q, k, v, ...others] = inputs;
  const bias = attrs.bias ? others[0] : null;
  const factor = attrs.factor ? others[attrs.bias ? 1 : 0] : null;
  return { q, k, v, bias, factor, rest: others.slice(Number(attrs.bias) + Number(attrs.factor)) };
}

function check(op: string, inputs: readonly Node[], attrs: AttentionAttrs): AttentionOperands {
  const operands = operandsOf(inputs, attrs);
  const { q, k, v, bias, factor } = operands;
  const [batch, t, d] = q.shape;
  const s = k.shape[1];
  const fits = (x: Node | null, shape: Shape) => x === null || sameShape(x.shape, shape);
  const heads = [q, k, v].every((x) => x.shape.length === 3 && x.shape[0] === batch);
  if (!heads || k.shape[2] !== d || v.shape[1] !== s || !fits(bias, [batch, t, s]) || !fits(factor, [batch, t, s])) {
    throw new ShapeError(`[${op}] operands do not fit: ${inputs.map(({ shape }) => formatShape(shape)).join(", ")}`);
  }
  return operands;
}

const transposed = (e: Builder, x: Node): Node => swap(e, x, 1, 2);

/** A value of each row [B, T], repeated along the keys. */
const alongKeys = (e: Builder, x: Node, like: Node): Node =>
  e.make("expand", [reshape(e, x, [...x.shape, 1])], {}, { shape: like.shape });

/** scale · q kᵀ + bias, −∞ where the key is hidden: [B, T, S] */
function scoresOf(e: Builder, { q, k, bias }: AttentionOperands, { scale, causal }: AttentionAttrs): Node {
  const scaled = e.op("mul", q, e.constant(scale, q));
  const products = e.make("matmul", [scaled, transposed(e, k)], {});
  const scores = bias ? e.op("add", products, bias) : products;
  if (!causal) return scores;
  const [query, key] = [1, 2].map((axis) => e.make("iota", [], { axis }, { shape: scores.shape }));
  return e.op("select", e.op("le", key, query), scores, e.constant(Number.NEGATIVE_INFINITY, scores));
}

/** Part of a flat value, in the shape that it has by itself. */
function partOf(e: Builder, flat: Node, start: number, shape: Shape): Node {
  const size = sizeOfShape(shape);
  return reshape(e, e.make("slice", [flat], { start: [start], step: [1] }, { shape: [size] }), shape);
}

/** Values one behind the other in a flat one. */
function flatOf(e: Builder, parts: readonly Node[]): Node {
  return e.make(
    "concat",
    parts.map((x) => reshape(e, x, [sizeOfShape(x.shape)])),
    { axis: 0 },
  );
}

/** The results [B, T, E] and the log-sum-exp [B, T] that an attention holds. */
export function attentionResults(e: Builder, node: Node, { q, v }: { readonly q: Node; readonly v: Node }) {
  const [batch, t] = q.shape;
  const results = [batch, t, v.shape[2]];
  return { results: partOf(e, node, 0, results), logSumExp: partOf(e, node, sizeOfShape(results), [batch, t]) };
}

/** The derivatives by the scores and by the factor: [B, T, S], built only where something reads them. */
function scoreGradients(e: Builder, operands: AttentionOperands, attrs: AttentionAttrs) {
  const { v, factor, rest } = operands;
  const [dy, logSumExp, delta] = rest;
  const scores = scoresOf(e, operands, attrs);
  const probabilities = e.op("exp", e.op("sub", scores, alongKeys(e, logSumExp, scores)));
  const products = e.make("matmul", [dy, transposed(e, v)], {});
  const dp = factor ? e.op("mul", products, factor) : products;
  const ds = e.op("mul", probabilities, e.op("sub", dp, alongKeys(e, delta, scores)));
  return { probabilities, ds, dFactor: e.op("mul", probabilities, products) };
}

/**
 * A row of scores without a key (all −∞) has zeros as probabilities, as in PyTorch. Its log-sum-exp is stored as +∞, so
 * that exp(score − log-sum-exp) is 0 too.
 */
const attentionRecord: StructuralRecord<"attention"> = {
  kind: "template",
  type: (inputs, attrs) => {
    const { q, v } = check("attention", inputs, attrs);
    return { shape: [q.shape[0] * q.shape[1] * (v.shape[2] + 1)], dtype: q.dtype };
  },
  gradient: (e, g, node) => {
    const { q, k, v, bias, factor } = attentionOperands(node);
    const { results, logSumExp } = attentionResults(e, node, { q, v });
    const gradient = attentionResults(e, g, { q, v });
    const dy = gradient.results;
    // d logSumExp / d score is the probability, by which Σ dy · y is subtracted.
    const delta = e.op("sub", reduceSum(e, e.op("mul", dy, results), [2]), gradient.logSumExp);
    const inputs = [...node.inputs, dy, logSumExp, delta];
    const flat = e.make("attentionGrad", inputs, node.attrs);
    let start = 0;
    const take = (x: Node): Node => {
      const part = partOf(e, flat, start, x.shape);
      start += sizeOfShape(x.shape);
      return part;
    };
    const operands = [take(q), take(k), take(v)];
    if (!bias && !factor) return operands;
    const { ds, dFactor } = scoreGradients(e, operandsOf(inputs, node.attrs), node.attrs);
    return [...operands, ...(bias ? [ds] : []), ...(factor ? [dFactor] : [])];
  },
  multiplyAdds: ({ inputs: [q, k, v] }) => q.shape[1] * (sizeOfShape(k.shape) + sizeOfShape(v.shape)),
  decompose: (e, node) => {
    const operands = attentionOperands(node);
    const { v, factor } = operands;
    const scores = scoresOf(e, operands, node.attrs);
    const [batch, t] = scores.shape;
    const largest = e.make("reduce", [scores], { kind: "max", axes: [2] });
    const none = e.op("eq", largest, e.constant(Number.NEGATIVE_INFINITY, largest));
    const offset = e.op("select", none, e.constant(0, largest), largest);
    const powers = e.op("exp", e.op("sub", scores, alongKeys(e, offset, scores)));
    const total = reduceSum(e, powers, [2]);
    const divisor = e.op("select", none, e.constant(1, total), total);
    const probabilities = e.op("div", powers, alongKeys(e, divisor, scores));
    const results = e.make("matmul", [factor ? e.op("mul", probabilities, factor) : probabilities, v], {});
    const sum = e.op("add", offset, e.op("log", divisor));
    const logSumExp = e.op("select", none, e.constant(Number.POSITIVE_INFINITY, sum), sum);
    return flatOf(e, [results, reshape(e, logSumExp, [batch, t])]);
  },
};

const attentionGradRecord: StructuralRecord<"attentionGrad"> = {
  kind: "template",
  type: (inputs, attrs) => {
    const { q, k, v, rest } = check("attentionGrad", inputs, attrs);
    const [batch, t] = q.shape;
    const [dy, ...rows] = rest;
    if (!sameShape(dy.shape, [batch, t, v.shape[2]]) || !rows.every((x) => sameShape(x.shape, [batch, t]))) {
      throw new ShapeError(`[attentionGrad] ${rest.map(({ shape }) => formatShape(shape)).join(", ")} do not fit q`);
    }
    return { shape: [[q, k, v].reduce((sum, x) => sum + sizeOfShape(x.shape), 0)], dtype: q.dtype };
  },
  gradient: "decomposed",
  multiplyAdds: ({ inputs: [q, k, v] }) => q.shape[1] * (3 * sizeOfShape(k.shape) + 2 * sizeOfShape(v.shape)),
  decompose: (e, node) => {
    const operands = attentionOperands(node);
    const { q, k, factor, rest } = operands;
    const { scale } = node.attrs;
    const { probabilities, ds } = scoreGradients(e, operands, node.attrs);
    const dq = e.make("matmul", [ds, e.op("mul", k, e.constant(scale, k))], {});
    const dk = e.make("matmul", [transposed(e, ds), e.op("mul", q, e.constant(scale, q))], {});
    const dropped = factor ? e.op("mul", probabilities, factor) : probabilities;
    return flatOf(e, [dq, dk, e.make("matmul", [transposed(e, dropped), rest[0]], {})]);
  },
};

export const attentionRecords = {
  attention: attentionRecord,
  attentionGrad: attentionGradRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
