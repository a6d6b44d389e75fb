/** Attention in several heads, each with projections of its own. */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { type Generator, ones, Parameter, type Tensor, zeros } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, flag, nullable, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { linear } from "../functional.js";
import { xavierUniform } from "../init/scaled.js";
import { generatorKind } from "../kinds.js";
import { Linear } from "../linear.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import { dropped } from "../regularisation/checks.js";
import { additive, scaledDotProductAttention } from "./scaled-dot-product.js";

export interface MultiheadAttentionOptions {
  /** Probability of dropping a probability in training. Default 0, range 0 to 1. */
  readonly dropout?: number;
  /** Whether the projections have biases. Default true. */
  readonly bias?: boolean;
  /** Features of the keys. Default embedDim. */
  readonly kdim?: number | null;
  /** Features of the values. Default embedDim. */
  readonly vdim?: number | null;
  /** Whether inputs and outputs are `[N, L, E]`; else they are `[L, N, E]`. Default false. */
  readonly batchFirst?: boolean;
  /** Source of the dropout masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

/** What a call of {@link MultiheadAttention} takes beside queries, keys and values. */
export interface MultiheadAttentionCall {
  /** `[N, S]`: bool, true at keys to ignore, or numbers to add to the scores. Default none. */
  readonly keyPaddingMask?: Tensor | null;
  /** `[L, S]` or `[N · numHeads, L, S]`: bool, true where attention is forbidden, or numbers to add. Default none. */
  readonly attnMask?: Tensor | null;
  /** Whether the query at position t attends to the keys at positions up to t alone. Default false. */
  readonly isCausal?: boolean;
  /** Whether to return the probabilities, which are stored then. Default false. */
  readonly needWeights?: boolean;
  /** Whether the probabilities are averaged over the heads. Default true. */
  readonly averageAttnWeights?: boolean;
}

const parameters = takes<MultiheadAttentionOptions>(
  { embedDim: count(), numHeads: count() },
  {
    dropout: range(0, 1),
    bias: flag,
    kdim: nullable(count()),
    vdim: nullable(count()),
    batchFirst: flag,
    generator: generatorKind,
  },
);
const check = checkedConstructor("MultiheadAttention", parameters);

/**
 * Multi-head attention: queries, keys and values are projected, each head attends with its share of the features, and
 * the joined heads are projected again.
 *
 * Shape: `query [L, N, E], key [S, N, kdim], value [S, N, vdim] -> [L, N, E]` and null, or the probabilities
 * `[N, L, S]` (`[N, numHeads, L, S]` if not averaged); with batchFirst N comes first.
 * Formula: `y = concat(head_1, …) W_Oᵀ + b_O`, `head_i = softmax(q_i k_iᵀ / √(E / numHeads) + mask) v_i`.
 *
 * Bool masks are true where attention is forbidden, as in PyTorch, and the opposite of scaledDotProductAttention.
 *
 * @param embedDim features E of queries and outputs, a multiple of numHeads
 * @param numHeads heads, ≥ 1
 * @throws ConfigError if numHeads does not divide embedDim; ShapeError from the call if shapes do not fit together
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
 * @example
 * const attention = new MultiheadAttention(16, 4, { batchFirst: true });
 * const x = ones([2, 10, 16]);
 * const y = attention(x, x, x)[0]; // shape [2, 10, 16]
 */
export class MultiheadAttention extends Module<
  [query: Tensor, key: Tensor, value: Tensor, options?: MultiheadAttentionCall],
  [output: Tensor, weights: Tensor | null]
> {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  /** Projections of queries, keys and values, `[3 E, E]`; null if kdim or vdim is another than embedDim. */
  readonly inProjWeight: Parameter | null;
  /** Projection of queries, `[E, E]`; null if the three are one parameter. */
  readonly qProjWeight: Parameter | null;
  /** Projection of keys, `[E, kdim]`; null if the three are one parameter. */
  readonly kProjWeight: Parameter | null;
  /** Projection of values, `[E, vdim]`; null if the three are one parameter. */
  readonly vProjWeight: Parameter | null;
  /** Biases of the three projections, `[3 E]`; null without bias. */
  readonly inProjBias: Parameter | null;
  /** Projection of the joined heads. */
  readonly outProj: Linear;
  /** The random stream of the dropout masks. */
  readonly generator: Generator;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    check([embedDim, numHeads, options]);
    super();
    if (embedDim % numHeads !== 0) {
      const problem = `embedDim ${embedDim} is no multiple of numHeads ${numHeads}`;
      throw configError("MultiheadAttention", problem, "Each head gets embedDim / numHeads features");
    }
    const { dropout = 0, bias = true, batchFirst = false } = options;
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    const [kdim, vdim] = [options.kdim ?? embedDim, options.vdim ?? embedDim];
    const one = kdim === embedDim && vdim === embedDim;
    const weight = (name: string, rows: number, columns: number) =>
      new Parameter(xavierUniform([rows, columns]), { name: `multiheadAttention.${name}` });
    this.inProjWeight = one ? weight("inProjWeight", 3 * embedDim, embedDim) : null;
    this.qProjWeight = one ? null : weight("qProjWeight", embedDim, embedDim);
    this.kProjWeight = one ? null : weight("kProjWeight", embedDim, kdim);
    this.vProjWeight = one ? null : weight("vProjWeight", embedDim, vdim);
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim]), { name: "multiheadAttention.inProjBias" }) : null;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    this.outProj.bias?.assign(zeros([embedDim]));
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    call: MultiheadAttentionCall = {},
  ): [output: Tensor, weights: Tensor | null] {
    const { isCausal = false, needWeights = false, averageAttnWeights = true } = call;
    this.checkInputs(query, key, value);
    const [q, k, v] = this.project(query, key, value); // each [N, H, L or S, E / H]
    const [N, H, L] = q.shape;
    const S = k.shape[2];
    const mask = this.maskOf(call, [N, H, L, S], q);
    const dropoutP = this.training ? this.dropout : 0;
    const { generator } = this;
    let joined: Tensor;
    let weights: Tensor | null = null;
    if (needWeights) {
      const seen = isCausal ? additive(ones([L, S]).tril().ne(0), q) : null;
      const scores = q.mul(1 / Math.sqrt(q.shape[3])).matmul(k.transpose()); // [N, H, L, S]
      const biased = [mask, seen].reduce<Tensor>((sum, bias) => (bias ? sum.add(bias) : sum), scores);
      const probabilities = biased.softmax(3);
      const kept = dropoutP > 0 ? dropped(probabilities, generator, dropoutP, probabilities.shape) : probabilities;
      joined = kept.matmul(v);
      weights = averageAttnWeights ? kept.mean({ dim: 1 }) : kept;
    } else {
      joined = scaledDotProductAttention(q, k, v, { attnMask: mask, dropoutP, isCausal, generator });
    }
    const order = this.batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3];
    const rows = joined.permute(order); // [N, L, H, E / H], or [L, N, H, E / H]
    return [this.outProj(rows.reshape([...rows.shape.slice(0, 2), this.embedDim])), weights];
  }

  /** Throws unless the inputs are sequences whose lengths and features fit together. */
  private checkInputs(query: Tensor, key: Tensor, value: Tensor): void {
    const inputs = { query, key, value };
    const text = Object.entries(inputs)
      .map(([name, { shape }]) => `${name} ${shapeText(shape)}`)
      .join(", ");
    const order = this.batchFirst ? "[N, L, E]" : "[L, N, E]";
    if (Object.values(inputs).some(({ rank }) => rank !== 3)) {
      const hint = "Add the batch axis with unsqueeze";
      throw shapeError("MultiheadAttention", `expected inputs of rank 3 ${order}, got ${text}`, hint);
    }
    const [length, batch] = this.batchFirst ? [1, 0] : [0, 1];
    const sizes = [key, value].map(({ shape }) => shape[batch]);
    if (sizes.some((size) => size !== query.shape[batch]) || key.shape[length] !== value.shape[length]) {
      const hint = "All need one batch size, keys and values one length";
      throw shapeError("MultiheadAttention", `batch sizes or lengths differ in ${order}: ${text}`, hint);
    }
  }

  /** Queries, keys and values of every head: [N, H, length, E / H]. */
  private project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { embedDim: E, numHeads: H } = this;
    const bias = (from: number, to: number) => this.inProjBias?.slice(0, from * E, to * E) ?? null;
    const heads = (x: Tensor, parts: number): Tensor[] => {
      const split = x.reshape([...x.shape.slice(0, 2), parts, H, E / H]);
      const ordered = split.permute(this.batchFirst ? [2, 0, 3, 1, 4] : [2, 1, 3, 0, 4]); // [parts, N, H, length, E / H]
      return Array.from({ length: parts }, (_, i) => ordered.slice(0, i, i + 1).squeeze({ dim: 0 }));
    };
    const { inProjWeight: all } = this;
    if (all) {
      // Inputs that are the same tensor are projected by one product.
      const part = (x: Tensor, from: number, to: number) =>
        heads(linear(x, all.slice(0, from * E, to * E), { bias: bias(from, to) }), to - from);
      if (query === key && key === value) return heads(linear(query, all, { bias: this.inProjBias }), 3);
      if (key === value) return [...part(query, 0, 1), ...part(key, 1, 3)];
      return [...part(query, 0, 1), ...part(key, 1, 2), ...part(value, 2, 3)];
    }
    const weights = [this.qProjWeight, this.kProjWeight, this.vProjWeight];
    return [query, key, value].flatMap((x, i) => {
      const weight = weights[i];
      return weight ? heads(linear(x, weight, { bias: bias(i, i + 1) }), 1) : [];
    });
  }

  /** Both masks as numbers to add to scores [N, H, L, S]; null if there is none. */
  private maskOf(
    { keyPaddingMask, attnMask }: MultiheadAttentionCall,
    [N, H, L, S]: readonly number[],
    like: Tensor,
  ): Tensor | null {
    const numbers = (name: string, mask: Tensor): Tensor => {
      if (mask.dtype !== "bool" && mask.dtype !== like.dtype) {
        throw dtypeError("MultiheadAttention", `${name} is ${mask.dtype}`, `Use bool or ${like.dtype}`);
      }
      return additive(mask.dtype === "bool" ? mask.logicalNot() : mask, like);
    };
    const refuse = (name: string, mask: Tensor, wanted: string): never => {
      throw shapeError("MultiheadAttention", `expected ${name} ${wanted}, got ${shapeText(mask.shape)}`);
    };
    let sum: Tensor | null = null;
    if (keyPaddingMask) {
      if (keyPaddingMask.shape.join() !== [N, S].join()) {
        refuse("keyPaddingMask", keyPaddingMask, shapeText([N, S]));
      }
      sum = numbers("keyPaddingMask", keyPaddingMask).reshape([N, 1, 1, S]);
    }
    if (attnMask) {
      const perHead = attnMask.rank === 3;
      const wanted = perHead ? [N * H, L, S] : [L, S];
      if (attnMask.shape.join() !== wanted.join()) {
        refuse("attnMask", attnMask, `${shapeText([L, S])} or ${shapeText([N * H, L, S])}`);
      }
      const mask = numbers("attnMask", attnMask);
      const shaped = perHead ? mask.reshape([N, H, L, S]) : mask;
      sum = sum ? sum.add(shaped) : shaped;
    }
    return sum;
  }
}

export const multiheadAttentionEntry = layerEntry("MultiheadAttention", parameters, MultiheadAttention);
