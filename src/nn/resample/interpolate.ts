/** Interpolation to another size, as a function. This file must not know layers. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import type { Rank } from "../../tensor/sizes.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, either, flag, type Kind, list, range, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { adaptiveAvg } from "../pool/adaptive.js";
import { resampleAxis } from "./axis.js";
import type { Kernel } from "./taps.js";

/** Nearest elements; lines along one, two or three axes; cubics along two; or the mean over areas. */
export type InterpolateMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";

export interface InterpolateOptions {
  /** Sizes of the axes behind N and C: one for all, or one for each. Either it or `scaleFactor` must be given. */
  readonly size?: number | readonly number[];
  /** Factors of the sizes, > 0: one for all axes, or one for each; sizes are rounded down. */
  readonly scaleFactor?: number | readonly number[];
  /** Method. Default `"nearest"`. */
  readonly mode?: InterpolateMode;
  /** Whether the centres of the corner elements, not their outer edges, are mapped onto each other. Default false. */
  readonly alignCorners?: boolean;
}

export interface InterpolateFunctionOptions extends InterpolateOptions {
  /** Whether positions follow from the rounded sizes, not from `scaleFactor`. Default false. */
  readonly recomputeScaleFactor?: boolean;
  /** Whether a smaller output averages over all elements (bilinear and bicubic). Default false. */
  readonly antialias?: boolean;
}

const KERNELS: Readonly<Record<Exclude<InterpolateMode, "area">, Kernel>> = {
  nearest: "nearest",
  "nearest-exact": "nearest-exact",
  linear: "linear",
  bilinear: "linear",
  trilinear: "linear",
  bicubic: "cubic",
};
const RANKS: Readonly<Partial<Record<InterpolateMode, Rank>>> = { linear: 1, bilinear: 2, trilinear: 3, bicubic: 2 };

const factor: Kind = {
  name: "a number > 0",
  accepts: (value) => range(0, Number.POSITIVE_INFINITY).accepts(value) && value !== 0,
};

/** Kinds of the options of the function and of the layer. */
export const interpolateKinds = () => ({
  size: either(count(), list(count(), "an array of them")),
  scaleFactor: either(factor, list(factor, "an array of them")),
  mode: word([...Object.keys(KERNELS), "area"]),
  alignCorners: flag,
});

/**
 * Resamples the axes behind N and C to another size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, likewise `[N, C, L]` and `[N, C, D, H, W]`; `Ho = size`, or
 * `⌊H · scaleFactor⌋`.
 * Formula: along each axis `y[o] = Σ_k w_k(o) x[k]` around position `(o + ½) · H/Ho − ½`, with `alignCorners`
 * `o · (H − 1)/(Ho − 1)`; positions outside stand for the nearest element. `nearest` takes `x[⌊o · H/Ho⌋]`,
 * `nearest-exact` `x[⌊(o + ½) · H/Ho⌋]`, `linear`, `bilinear` and `trilinear` two elements per axis, `bicubic` four
 * (Keys, a = −0.75), `area` the mean as `adaptiveAvgPool2d`.
 *
 * @throws ConfigError unless exactly one of size and scaleFactor is given, or if options exclude each other; ShapeError
 * if the rank does not fit the mode
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
 * @example
 * const y = interpolate(zeros([8, 16, 7, 7]), { scaleFactor: 2, mode: "bilinear" }); // shape [8, 16, 14, 14]
 */
export const interpolate = checked(
  "interpolate",
  takes<InterpolateFunctionOptions>(
    { x: tensorKind },
    { ...interpolateKinds(), recomputeScaleFactor: flag, antialias: flag },
  ),
  (x: Tensor, options: InterpolateFunctionOptions = {}): Tensor => {
    const { mode = "nearest", alignCorners = false, antialias = false, recomputeScaleFactor = false } = options;
    checkInterpolation("interpolate", options);
    const rank = x.rank - 2;
    const wanted = RANKS[mode];
    if (rank < 1 || rank > 3 || (wanted !== undefined && rank !== wanted)) {
      const names = { 1: "linear", 2: "bilinear or bicubic", 3: "trilinear" }[rank];
      const hint = names ? `Use ${names} for this rank` : "Give x the axes N, C and one to three of space";
      throw shapeError("interpolate", `${mode} does not fit x ${shapeText(x.shape)}`, hint);
    }
    const { scaleFactor } = options;
    const input = x.shape.slice(2);
    const factors = scaleFactor === undefined ? null : perAxis("scaleFactor", scaleFactor, x);
    const output = factors
      ? input.map((n, i) => Math.floor(n * factors[i]))
      : perAxis("size", options.size ?? input, x);
    if (output.some((n) => n < 1) || input.some((n) => n < 1)) {
      throw shapeError("interpolate", `cannot give ${shapeText(output)} from x ${shapeText(x.shape)}`);
    }
    if (mode === "area") return adaptiveAvg(rank as Rank, x, output);
    const known = factors && !recomputeScaleFactor ? factors : null;
    // From the last axis on: its pass is the one over the fewest elements.
    return input.reduceRight((y, length, i) => {
      const scale = alignCorners
        ? output[i] > 1
          ? (length - 1) / (output[i] - 1)
          : 0
        : known
          ? 1 / known[i]
          : length / output[i];
      const plan = { kernel: KERNELS[mode], input: length, output: output[i], scale, alignCorners, antialias };
      const same = length === output[i] && (alignCorners || scale === 1);
      return same ? y : resampleAxis(y, i + 2, plan);
    }, x);
  },
);

/** Throws for options that exclude each other. */
export function checkInterpolation(op: string, options: InterpolateFunctionOptions): void {
  const { size, scaleFactor, mode = "nearest", alignCorners, antialias, recomputeScaleFactor } = options;
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw configError(op, "needs exactly one of size and scaleFactor", "Write { scaleFactor: 2 } or { size: [h, w] }");
  }
  if (alignCorners && !RANKS[mode]) {
    throw configError(op, `${mode} has no alignCorners`, "Only linear, bilinear, trilinear and bicubic have it");
  }
  if (antialias && mode !== "bilinear" && mode !== "bicubic") {
    throw configError(op, `${mode} has no antialias`, "Only bilinear and bicubic have it");
  }
  if (recomputeScaleFactor && scaleFactor === undefined) {
    throw configError(op, "recomputeScaleFactor needs scaleFactor", "A given size is exact already");
  }
}

function perAxis(name: string, value: number | readonly number[], x: Tensor): readonly number[] {
  const rank = x.rank - 2;
  if (typeof value === "number") return new Array<number>(rank).fill(value);
  if (value.length === rank) return value;
  throw shapeError("interpolate", `${name} [${value.join(", ")}] does not fit x ${shapeText(x.shape)}`, `Give ${rank}`);
}
