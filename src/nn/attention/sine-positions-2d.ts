/** Sines of rows and columns, added to images. */
import { type Tensor, tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count } from "../../util/kinds.js";
import { checkImages } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { sineTable } from "./waves.js";

const parameters = takes({ channels: count(4) });
const check = checkedConstructor("SinePositionalEncoding2d", parameters);

/**
 * Adds sines and cosines of the row to the first half of the channels, and of the column to the second half.
 *
 * Shape: `[N, C, H, W]`, unchanged. Formula: that of SinePositionalEncoding with `D = C / 2` for each half.
 *
 * @param channels C, a multiple of 4
 * @throws ConfigError if channels is no multiple of 4; ShapeError from the call if x has other channels
 * @see Carion et al. 2020, "End-to-End Object Detection with Transformers", arXiv:2005.12872
 * @example
 * const y = new SinePositionalEncoding2d(8)(zeros([2, 8, 4, 6])); // shape [2, 8, 4, 6]
 */
export class SinePositionalEncoding2d extends Module {
  readonly channels: number;

  constructor(channels: number) {
    check([channels]);
    super();
    if (channels % 4 !== 0) {
      const problem = `channels must be a multiple of 4, got ${channels}`;
      throw configError("SinePositionalEncoding2d", problem, "Rows and columns each need pairs of sine and cosine");
    }
    this.channels = channels;
  }

  override forward(x: Tensor): Tensor {
    checkImages("SinePositionalEncoding2d", x, this.channels);
    const [, , H, W] = x.shape;
    const half = this.channels / 2;
    const rows = sineTable(H, half);
    const columns = sineTable(W, half);
    const table = Array.from({ length: this.channels }, (_, c) =>
      rows.map((row) => columns.map((column) => (c < half ? row[c] : column[c - half]))),
    );
    return x.add(tensor(table.flat(2), { shape: [this.channels, H, W], dtype: x.dtype }));
  }
}

export const sinePositionalEncoding2dEntry = layerEntry(
  "SinePositionalEncoding2d",
  parameters,
  SinePositionalEncoding2d,
);
