/** Sines of the position, added to sequences. */
import { type Tensor, tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { count } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { checkSequence, sineTable } from "./waves.js";

const parameters = takes({ features: count() });
const check = checkedConstructor("SinePositionalEncoding", parameters);

/**
 * Adds sines and cosines of the position, whose wave lengths grow from 2π to 10000 · 2π.
 *
 * Shape: `[..., T, D]`, unchanged. Formula: `y[t, 2i] = x[t, 2i] + sin(t / 10000^(2i/D))`,
 * `y[t, 2i+1] = x[t, 2i+1] + cos(t / 10000^(2i/D))`.
 *
 * @param features D, ≥ 1
 * @throws ShapeError from the call if the last axis has another size
 * @see Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.5
 * @example
 * const y = new SinePositionalEncoding(4)(zeros([2, 4])); // [[0, 1, 0, 1], [0.8415, 0.5403, 0.0100, 0.9999]]
 */
export class SinePositionalEncoding extends Module {
  readonly features: number;

  constructor(features: number) {
    check([features]);
    super();
    this.features = features;
  }

  override forward(x: Tensor): Tensor {
    checkSequence("SinePositionalEncoding", x, this.features);
    return x.add(tensor(sineTable(x.shape[x.rank - 2], this.features), { dtype: x.dtype }));
  }
}

export const sinePositionalEncodingEntry = layerEntry("SinePositionalEncoding", parameters, SinePositionalEncoding);
