/** The decoder of a transformer: layers of one kind, one after the other. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { instance, nullable } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { layersKind, moduleKind } from "../kinds.js";
import { Module } from "../module.js";
import { TransformerDecoderLayer, type TransformerDecoderLayerCall } from "./decoder-layer.js";

export interface TransformerDecoderOptions {
  /** Module behind the last layer. Default none. */
  readonly norm?: Module | null;
}

const parameters = takes<TransformerDecoderOptions>(
  { decoderLayer: instance(TransformerDecoderLayer, "a TransformerDecoderLayer"), numLayers: layersKind },
  { norm: nullable(moduleKind) },
);
const check = checkedConstructor("TransformerDecoder", parameters);

/**
 * Copies of a decoder layer, one after the other. As in PyTorch, all start with the values of the given layer, which is
 * not one of them.
 *
 * Shape: `tgt [L, N, E], memory [S, N, E] -> [L, N, E]`; if the layer has batchFirst, N comes first.
 *
 * @param decoderLayer the layer to copy
 * @param numLayers layers, 1 to 1000
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html
 * @example
 * const layer = new TransformerDecoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * const y = new TransformerDecoder(layer, 2)(ones([2, 5, 16]), ones([2, 10, 16])); // shape [2, 5, 16]
 */
export class TransformerDecoder extends Module<[tgt: Tensor, memory: Tensor, options?: TransformerDecoderLayerCall]> {
  readonly layers: readonly TransformerDecoderLayer[];
  readonly norm: Module | null;

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, options: TransformerDecoderOptions = {}) {
    check([decoderLayer, numLayers, options]);
    super();
    this.layers = Array.from({ length: numLayers }, () => decoderLayer.copy());
    this.norm = options.norm ?? null;
  }

  override forward(tgt: Tensor, memory: Tensor, call: TransformerDecoderLayerCall = {}): Tensor {
    const y = this.layers.reduce((x, layer) => layer(x, memory, call), tgt);
    return this.norm ? this.norm(y) : y;
  }
}

export const transformerDecoderEntry = layerEntry("TransformerDecoder", parameters, TransformerDecoder);
