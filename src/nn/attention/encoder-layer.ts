/** The layer of a transformer's encoder. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Linear } from "../linear.js";
import { Module } from "../module.js";
import { LayerNorm } from "../norm/layer.js";
import { Dropout } from "../regularisation/dropout.js";
import { MultiheadAttention } from "./multihead.js";
import {
  activate,
  copyValues,
  type TransformerLayerOptions,
  transformerLayerKinds,
  withDefaults,
} from "./transformer-options.js";

/** What a call of {@link TransformerEncoderLayer} takes beside its input. */
export interface TransformerEncoderLayerCall {
  /** `[L, L]` or `[N · nhead, L, L]`: bool, true where attention is forbidden, or numbers to add. Default none. */
  readonly srcMask?: Tensor | null;
  /** `[N, L]`: bool, true at positions to ignore, or numbers to add to the scores. Default none. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether position t attends to the positions up to t alone. Default false. */
  readonly isCausal?: boolean;
}

const parameters = takes<TransformerLayerOptions>({ dModel: count(), nhead: count() }, transformerLayerKinds);
const check = checkedConstructor("TransformerEncoderLayer", parameters);

/**
 * A block of self-attention and a feed-forward block, each added to its input.
 *
 * Shape: `[L, N, E]` (with batchFirst `[N, L, E]`), unchanged. Formula: `x ← norm(x + attention(x))`,
 * `x ← norm(x + W₂ f(W₁ x + b₁) + b₂)`; with normFirst `x ← x + attention(norm(x))`, `x ← x + W₂ f(W₁ norm(x) + b₁) + b₂`.
 *
 * @param dModel features E, a multiple of nhead
 * @param nhead heads of the attention, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if the input has another rank or size
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
 * @example
 * const layer = new TransformerEncoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true, normFirst: true });
 * const y = layer(ones([2, 10, 16])); // shape [2, 10, 16]
 */
export class TransformerEncoderLayer extends Module<[src: Tensor, options?: TransformerEncoderLayerCall]> {
  readonly dModel: number;
  readonly nhead: number;
  readonly options: Required<TransformerLayerOptions>;
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    check([dModel, nhead, options]);
    super();
    this.dModel = dModel;
    this.nhead = nhead;
    this.options = withDefaults(options);
    const { dimFeedforward, dropout, layerNormEps: eps, batchFirst, bias } = this.options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout({ p: dropout });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout({ p: dropout });
    this.dropout2 = new Dropout({ p: dropout });
  }

  /** A layer of the same settings and values with parameters of its own. */
  copy(): TransformerEncoderLayer {
    const layer = new TransformerEncoderLayer(this.dModel, this.nhead, this.options);
    copyValues(this, layer);
    return layer;
  }

  override forward(src: Tensor, call: TransformerEncoderLayerCall = {}): Tensor {
    const { normFirst, activation } = this.options;
    const { srcMask, srcKeyPaddingMask, isCausal = false } = call;
    const attend = (x: Tensor): Tensor => {
      const masks = { attnMask: srcMask ?? null, keyPaddingMask: srcKeyPaddingMask ?? null, isCausal };
      return this.dropout1(this.selfAttn(x, x, x, masks)[0]);
    };
    const feed = (x: Tensor): Tensor =>
      this.dropout2(this.linear2(this.dropout(activate(this.linear1(x), activation))));
    if (normFirst) {
      const attended = src.add(attend(this.norm1(src)));
      return attended.add(feed(this.norm2(attended)));
    }
    const attended = this.norm1(src.add(attend(src)));
    return this.norm2(attended.add(feed(attended)));
  }
}

export const transformerEncoderLayerEntry = layerEntry("TransformerEncoderLayer", parameters, TransformerEncoderLayer);
