/** The encoder of a transformer: layers of one kind, one after the other. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { instance, nullable } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { layersKind, moduleKind } from "../kinds.js";
import { Module } from "../module.js";
import { TransformerEncoderLayer } from "./encoder-layer.js";

export interface TransformerEncoderOptions {
  /** Module behind the last layer. Default none. */
  readonly norm?: Module | null;
}

/** What a call of {@link TransformerEncoder} takes beside its input. */
export interface TransformerEncoderCall {
  /** `[L, L]` or `[N · nhead, L, L]`: bool, true where attention is forbidden, or numbers to add. Default none. */
  readonly mask?: Tensor | null;
  /** `[N, L]`: bool, true at positions to ignore, or numbers to add to the scores. Default none. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether position t attends to the positions up to t alone. Default false. */
  readonly isCausal?: boolean;
}

const parameters = takes<TransformerEncoderOptions>(
  { encoderLayer: instance(TransformerEncoderLayer, "a TransformerEncoderLayer"), numLayers: layersKind },
  { norm: nullable(moduleKind) },
);
const check = checkedConstructor("TransformerEncoder", parameters);

/**
 * Copies of an encoder layer, one after the other. As in PyTorch, all start with the values of the given layer, which is
 * not one of them.
 *
 * Shape: `[L, N, E]` (if the layer has batchFirst `[N, L, E]`), unchanged.
 *
 * @param encoderLayer the layer to copy
 * @param numLayers layers, 1 to 1000
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
 * @example
 * const layer = new TransformerEncoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * const y = new TransformerEncoder(layer, 2)(ones([2, 10, 16])); // shape [2, 10, 16]
 */
export class TransformerEncoder extends Module<[src: Tensor, options?: TransformerEncoderCall]> {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: Module | null;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, options: TransformerEncoderOptions = {}) {
    check([encoderLayer, numLayers, options]);
    super();
    this.layers = Array.from({ length: numLayers }, () => encoderLayer.copy());
    this.norm = options.norm ?? null;
  }

  override forward(src: Tensor, call: TransformerEncoderCall = {}): Tensor {
    const { mask: srcMask = null, srcKeyPaddingMask = null, isCausal = false } = call;
    const y = this.layers.reduce((x, layer) => layer(x, { srcMask, srcKeyPaddingMask, isCausal }), src);
    return this.norm ? this.norm(y) : y;
  }
}

export const transformerEncoderEntry = layerEntry("TransformerEncoder", parameters, TransformerEncoder);
