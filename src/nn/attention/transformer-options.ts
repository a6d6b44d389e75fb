/** What the layers of transformers have in common: options, the feed-forward block, and copies of a layer. */
import type { Tensor } from "../../tensor/index.js";
import { count, flag, range, word } from "../../util/kinds.js";
import { gelu } from "../activation/gelu.js";
import { relu } from "../activation/relu.js";
import type { AnyModule } from "../module.js";
import { epsKind } from "../norm/layer.js";

export interface TransformerLayerOptions {
  /** Features between the two linear maps of the feed-forward block. Default 2048. */
  readonly dimFeedforward?: number;
  /** Probability of dropping in training. Default 0.1, range 0 to 1. */
  readonly dropout?: number;
  /** Activation of the feed-forward block. Default `relu`. */
  readonly activation?: "relu" | "gelu";
  /** ε of the layer normalisations. Default 1e-5, range ≥ 0. */
  readonly layerNormEps?: number;
  /** Whether inputs and outputs are `[N, L, E]`; else they are `[L, N, E]`. Default false. */
  readonly batchFirst?: boolean;
  /** Whether each block normalises its input; else the sum of its input and output. Default false. */
  readonly normFirst?: boolean;
  /** Whether linear maps and normalisations have biases. Default true. */
  readonly bias?: boolean;
}

export const transformerLayerKinds = {
  dimFeedforward: count(),
  dropout: range(0, 1),
  activation: word(["relu", "gelu"]),
  layerNormEps: epsKind,
  batchFirst: flag,
  normFirst: flag,
  bias: flag,
};

/** Options with all defaults. */
export const withDefaults = (options: TransformerLayerOptions): Required<TransformerLayerOptions> => ({
  dimFeedforward: 2048,
  dropout: 0.1,
  activation: "relu",
  layerNormEps: 1e-5,
  batchFirst: false,
  normFirst: false,
  bias: true,
  ...options,
});

export const activate = (x: Tensor, name: "relu" | "gelu"): Tensor => (name === "gelu" ? gelu(x) : relu(x));

/** Gives a module the values of another one of the same keys. */
export function copyValues(from: AnyModule, to: AnyModule): void {
  const source = new Map([...from.namedParameters(), ...from.namedBuffers()]);
  for (const [key, variable] of [...to.namedParameters(), ...to.namedBuffers()]) {
    const value = source.get(key);
    if (value) variable.assign(value.detach());
  }
}
