/** The layer that resamples. The arithmetic is in interpolate.ts. */
import type { Tensor } from "../../tensor/index.js";
import { checkedConstructor, takes } from "../../util/arguments.js";
import { flag } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import {
  checkInterpolation,
  type InterpolateMode,
  type InterpolateOptions,
  interpolate,
  interpolateKinds,
} from "./interpolate.js";

export interface UpsampleOptions extends InterpolateOptions {
  /** Whether positions follow from the rounded sizes, not from `scaleFactor`. Default false. */
  readonly recomputeScaleFactor?: boolean;
}

const parameters = takes<UpsampleOptions>({}, { ...interpolateKinds(), recomputeScaleFactor: flag });
const check = checkedConstructor("Upsample", parameters);

/**
 * Resamples the axes behind N and C to another size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, likewise `[N, C, L]` and `[N, C, D, H, W]`; `Ho = size`, or
 * `⌊H · scaleFactor⌋`.
 * Formula: that of the function `interpolate`.
 *
 * @throws ConfigError unless exactly one of size and scaleFactor is given, or if options exclude each other; ShapeError
 * from the call if the rank does not fit the mode
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html
 * @example
 * const y = new Upsample({ scaleFactor: 2, mode: "bilinear" })(zeros([8, 16, 7, 7])); // shape [8, 16, 14, 14]
 */
export class Upsample extends Module {
  readonly size: number | readonly number[] | null;
  readonly scaleFactor: number | readonly number[] | null;
  readonly mode: InterpolateMode;
  readonly alignCorners: boolean;
  readonly recomputeScaleFactor: boolean;

  constructor(options: UpsampleOptions = {}) {
    check([options]);
    super();
    checkInterpolation("Upsample", options);
    this.size = options.size ?? null;
    this.scaleFactor = options.scaleFactor ?? null;
    this.mode = options.mode ?? "nearest";
    this.alignCorners = options.alignCorners ?? false;
    this.recomputeScaleFactor = options.recomputeScaleFactor ?? false;
  }

  override forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this;
    const sizes = size === null ? { scaleFactor: scaleFactor ?? 1, recomputeScaleFactor } : { size };
    return interpolate(x, { ...sizes, mode, alignCorners });
  }
}

export const upsampleEntry = layerEntry("Upsample", parameters, Upsample);
