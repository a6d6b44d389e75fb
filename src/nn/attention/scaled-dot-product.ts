/** Scaled dot-product attention as a function; the op behind it stores no matrix of scores. */
import { attend } from "../../tensor/attention.js";
import { dtypeError, shapeError } from "../../tensor/check.js";
import { type Generator, ones, type Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { finite, flag, nullable, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { generatorKind } from "../kinds.js";
import { checkFloats, dropped } from "../regularisation/checks.js";

export interface ScaledDotProductAttentionOptions {
  /**
   * Mask that broadcasts to `[..., T, S]`: bool, true where the query may attend to the key, or numbers that are added to
   * the scores. Default none.
   */
  readonly attnMask?: Tensor | null;
  /** Probability of dropping a probability, in evaluation 0. Default 0, range 0 to 1. */
  readonly dropoutP?: number;
  /** Whether the query at position t attends to the keys at positions up to t alone. Default false. */
  readonly isCausal?: boolean;
  /** Factor of the scores. Default 1/√D. */
  readonly scale?: number;
  /** Source of the dropout mask; needed if dropoutP is not 0. */
  readonly generator?: Generator;
}

const NAME = "scaledDotProductAttention";

/** The shape that all broadcast to; null if they do not. */
function broadcastShape(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(...shapes.map(({ length }) => length));
  const common = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (const [i, size] of shape.entries()) {
      const axis = rank - shape.length + i;
      if (size !== common[axis] && size !== 1 && common[axis] !== 1) return null;
      if (size !== 1) common[axis] = size;
    }
  }
  return common;
}

/** The leading axes of all operands. Throws unless they fit together. */
function batchOf(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null): number[] {
  const operands = Object.entries({ query: q, key: k, value: v });
  const text = operands.map(([name, { shape }]) => `${name} ${shapeText(shape)}`).join(", ");
  for (const [name, x] of operands) {
    checkFloats(NAME, x);
    if (x.dtype !== q.dtype)
      throw dtypeError(NAME, `query is ${q.dtype}, ${name} is ${x.dtype}`, "Convert one with to");
    if (x.rank < 2) throw shapeError(NAME, `expected ${name} [..., length, features], got ${shapeText(x.shape)}`);
  }
  const [T, D] = q.shape.slice(-2);
  const [S, features] = k.shape.slice(-2);
  if (D !== features) throw shapeError(NAME, `query and key have other features: ${text}`, `Both need ${D}`);
  if (v.shape[v.rank - 2] !== S) throw shapeError(NAME, `key and value have other lengths: ${text}`, `Both need ${S}`);
  const batch = broadcastShape(operands.map(([, { shape }]) => shape.slice(0, -2)));
  if (!batch) throw shapeError(NAME, `leading axes do not broadcast: ${text}`, "Each must be equal or 1");
  if (!mask) return batch;
  const scores = [...batch, T, S];
  const joined = broadcastShape([scores, mask.shape]);
  if (!joined || joined.slice(-2).join() !== [T, S].join()) {
    const problem = `attnMask ${shapeText(mask.shape)} does not broadcast to the scores ${shapeText(scores)}`;
    throw shapeError(NAME, problem, "Its last axes count queries and keys");
  }
  return joined.slice(0, -2);
}

/**
 * Attention: for each query the mean of the values, weighted by the softmax of the products with the keys. On `native`
 * and `wasm` neither scores nor probabilities are stored, so memory grows with T + S, not with T · S.
 *
 * Shape: `query [..., T, D], key [..., S, D], value [..., S, E] -> [..., T, E]`; leading axes broadcast.
 * Formula: `y = softmax(scale · q kᵀ + mask) v`. A query that may attend to no key gets zeros, as in PyTorch.
 *
 * @throws ShapeError if shapes do not fit together; DTypeError if the operands are no floats or differ; ConfigError if
 * values are dropped without a generator
 * @see Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762; Dao 2023, "FlashAttention-2", arXiv:2307.08691
 * @example
 * const q = ones([2, 4, 10, 8]);
 * const y = functional.scaledDotProductAttention(q, q, q, { isCausal: true }); // shape [2, 4, 10, 8]
 */
export const scaledDotProductAttention = checked(
  NAME,
  takes<ScaledDotProductAttentionOptions>(
    { query: tensorKind, key: tensorKind, value: tensorKind },
    {
      attnMask: nullable(tensorKind),
      dropoutP: range(0, 1),
      isCausal: flag,
      scale: finite,
      generator: generatorKind,
    },
  ),
  (query: Tensor, key: Tensor, value: Tensor, options: ScaledDotProductAttentionOptions = {}): Tensor => {
    const { attnMask = null, dropoutP = 0, isCausal = false, generator } = options;
    const batch = batchOf(query, key, value, attnMask);
    const [T, D] = query.shape.slice(-2);
    const S = key.shape[key.rank - 2];
    const { scale = 1 / Math.sqrt(Math.max(1, D)) } = options;
    if (dropoutP > 0 && !generator) {
      throw configError(NAME, "dropoutP without a generator", "Pass a generator, such as new Generator(0)");
    }
    const scores = [...batch, T, S];
    const factor =
      dropoutP > 0 && generator ? dropped(ones(scores, { dtype: query.dtype }), generator, dropoutP, scores) : null;
    return attend(query, key, value, {
      batch,
      scale,
      causal: isCausal,
      bias: attnMask && additive(attnMask, query),
      factor,
    });
  },
);

/** A mask as numbers to add: −∞ where a bool one is false. */
export const additive = (mask: Tensor, like: Tensor): Tensor =>
  (mask.dtype === "bool" ? mask.where(0, Number.NEGATIVE_INFINITY) : mask).to(like.dtype);
