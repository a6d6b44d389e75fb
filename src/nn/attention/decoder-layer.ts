/** The layer of a transformer's decoder. */
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

/** What a call of {@link TransformerDecoderLayer} takes beside target and memory. */
export interface TransformerDecoderLayerCall {
  /** `[L, L]` or `[N · nhead, L, L]`: bool, true where self-attention is forbidden, or numbers to add. Default none. */
  readonly tgtMask?: Tensor | null;
  /** `[L, S]` or `[N · nhead, L, S]`: the same for attention to the memory. Default none. */
  readonly memoryMask?: Tensor | null;
  /** `[N, L]`: bool, true at positions of the target to ignore, or numbers to add. Default none. */
  readonly tgtKeyPaddingMask?: Tensor | null;
  /** `[N, S]`: the same for positions of the memory. Default none. */
  readonly memoryKeyPaddingMask?: Tensor | null;
  /** Whether position t attends to the target's positions up to t alone. Default false. */
  readonly tgtIsCausal?: boolean;
  /** Whether position t attends to the memory's positions up to t alone. Default false. */
  readonly memoryIsCausal?: boolean;
}

const parameters = takes<TransformerLayerOptions>({ dModel: count(), nhead: count() }, transformerLayerKinds);
const check = checkedConstructor("TransformerDecoderLayer", parameters);

/**
 * A block of self-attention, one of attention to a memory, and a feed-forward block, each added to its input.
 *
 * Shape: `tgt [L, N, E], memory [S, N, E] -> [L, N, E]`; with batchFirst N comes first. Formula:
 * `x ← norm(x + attention(x))`, `x ← norm(x + attention(x, memory))`, `x ← norm(x + W₂ f(W₁ x + b₁) + b₂)`; with
 * normFirst each block is `x ← x + block(norm(x))`.
 *
 * @param dModel features E, a multiple of nhead
 * @param nhead heads of the attentions, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if an input has another rank or size
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
 * @example
 * const layer = new TransformerDecoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * const y = layer(ones([2, 5, 16]), ones([2, 10, 16]), { tgtIsCausal: true }); // shape [2, 5, 16]
 */
export class TransformerDecoderLayer extends Module<
  [tgt: Tensor, memory: Tensor, options?: TransformerDecoderLayerCall]
> {
  readonly dModel: number;
  readonly nhead: number;
  readonly options: Required<TransformerLayerOptions>;
  readonly selfAttn: MultiheadAttention;
  readonly multiheadAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    check([dModel, nhead, options]);
    super();
    this.dModel = dModel;
    this.nhead = nhead;
    this.options = withDefaults(options);
    const { dimFeedforward, dropout, layerNormEps: eps, batchFirst, bias } = this.options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout({ p: dropout });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.norm3 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout({ p: dropout });
    this.dropout2 = new Dropout({ p: dropout });
    this.dropout3 = new Dropout({ p: dropout });
  }

  /** A layer of the same settings and values with parameters of its own. */
  copy(): TransformerDecoderLayer {
    const layer = new TransformerDecoderLayer(this.dModel, this.nhead, this.options);
    copyValues(this, layer);
    return layer;
  }

  override forward(tgt: Tensor, memory: Tensor, call: TransformerDecoderLayerCall = {}): Tensor {
    const { normFirst, activation } = this.options;
    const attendSelf = (x: Tensor): Tensor => {
      const { tgtMask, tgtKeyPaddingMask, tgtIsCausal = false } = call;
      const masks = { attnMask: tgtMask ?? null, keyPaddingMask: tgtKeyPaddingMask ?? null, isCausal: tgtIsCausal };
      return this.dropout1(this.selfAttn(x, x, x, masks)[0]);
    };
    const attendMemory = (x: Tensor): Tensor => {
      const { memoryMask, memoryKeyPaddingMask, memoryIsCausal: isCausal = false } = call;
      const masks = { attnMask: memoryMask ?? null, keyPaddingMask: memoryKeyPaddingMask ?? null, isCausal };
      return this.dropout2(this.multiheadAttn(x, memory, memory, masks)[0]);
    };
    const feed = (x: Tensor): Tensor =>
      this.dropout3(this.linear2(this.dropout(activate(this.linear1(x), activation))));
    const blocks = [
      { block: attendSelf, norm: this.norm1 },
      { block: attendMemory, norm: this.norm2 },
      { block: feed, norm: this.norm3 },
    ];
    return blocks.reduce((x, { block, norm }) => (normFirst ? x.add(block(norm(x))) : norm(x.add(block(x)))), tgt);
  }
}

export const transformerDecoderLayerEntry = layerEntry("TransformerDecoderLayer", parameters, TransformerDecoderLayer);
