/**
 * Augmentation of batches as tensor code, to be part of a compiled step: each image draws its own numbers from a
 * counter-based stream, so that the same seed gives the same images on every device. It must not know data sets.
 */
import { arange, Generator, type Tensor, tensor } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError, ShapeError } from "../util/errors.js";
import { instance, number, range, whole, word } from "../util/kinds.js";
import type { Standardisation } from "./dataset.js";
import { standardisationKind } from "./kinds.js";

/** The options of {@link randomCrop}. */
export interface CropOptions {
  /** Padding outside of the image: zeros, or the image mirrored at its border pixels. Default `zero`. */
  readonly mode?: "zero" | "reflect";
}

/** The options of {@link randomFlip}. */
export interface FlipOptions {
  /** Probability of a flip. Default 0.5, range 0 to 1. */
  readonly p?: number;
}

/** The options of {@link standardise}. */
export interface StandardiseOptions {
  /** Factor on every pixel; default 1/255 for bytes, else 1. */
  readonly scale?: number;
}

const generatorKind = instance(Generator, "a Generator");

/**
 * Pads each image and crops it to its old size at a random position.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = x[n, c, i + a_n, j + b_n]`, a and b whole numbers,
 * uniform from −padding to padding.
 *
 * @param padding largest shift to each side, in pixels; from 0 to 2047, for `reflect` below the size of the image
 * @param generator source of the shifts; its counter advances by two tensors
 * @throws ConfigError if the padding is out of range; ShapeError if x is no batch of images
 * @example
 * const y = randomCrop(zeros([2, 3, 8, 8]), 2, new Generator(0)); // shape [2, 3, 8, 8]
 */
export const randomCrop = checked(
  "randomCrop",
  takes<CropOptions>({ x: tensorKind, padding: whole, generator: generatorKind }, { mode: word(["zero", "reflect"]) }),
  (x: Tensor, padding: number, generator: Generator, { mode = "zero" }: CropOptions = {}): Tensor => {
    const [N, C, H, W] = sizes("randomCrop", x);
    checkWhole("randomCrop", "padding", padding, 0, mode === "reflect" ? Math.min(H, W) - 1 : LARGEST / 2 - 1);
    const down = wholeNumbers(generator, N, 2 * padding + 1).sub(padding);
    const right = wholeNumbers(generator, N, 2 * padding + 1).sub(padding);
    const row = arange(H)
      .reshape([1, H, 1])
      .add(down.reshape([N, 1, 1])); // [N, H, 1], in x where 0 ≤ row < H
    const column = arange(W)
      .reshape([1, 1, W])
      .add(right.reshape([N, 1, 1])); // [N, 1, W]
    const [inRow, inColumn] =
      mode === "reflect" ? [mirror(row, H), mirror(column, W)] : [inside(row, H), inside(column, W)];
    const index = inRow
      .mul(W)
      .add(inColumn)
      .reshape([N, 1, H * W])
      .expand([N, C, H * W]);
    const y = x
      .reshape([N, C, H * W])
      .gather(2, index)
      .reshape([N, C, H, W]);
    if (mode === "reflect") return y;
    const valid = row.eq(inRow).logicalAnd(column.eq(inColumn)).reshape([N, 1, H, W]); // [N, 1, H, W]
    return valid.where(y, 0);
  },
);

/**
 * Mirrors images left to right, each with probability p.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = x[n, c, i, W − 1 − j]` with probability p for each n.
 *
 * @param generator source of the choices; its counter advances by one tensor
 * @throws ConfigError if p is no probability; ShapeError if x is no batch of images
 * @example
 * const y = randomFlip(zeros([2, 3, 8, 8]), new Generator(0)); // shape [2, 3, 8, 8]
 */
export const randomFlip = checked(
  "randomFlip",
  takes<FlipOptions>({ x: tensorKind, generator: generatorKind }, { p: range(0, 1) }),
  (x: Tensor, generator: Generator, { p = 0.5 }: FlipOptions = {}): Tensor => {
    const [N] = sizes("randomFlip", x);
    return generator.bernoulli([N, 1, 1, 1], p).where(x.flip(3), x);
  },
);

/**
 * Zeroes a square of each image; its centre may be any pixel, so that it may lie partly outside.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = 0` where `0 ≤ i − a_n + ⌊size/2⌋ < size`, likewise
 * columns, a uniform over the rows.
 *
 * @param size side of the square in pixels, from 1 to 4096
 * @param generator source of the centres; its counter advances by two tensors
 * @throws ConfigError if the size is out of range; ShapeError if x is no batch of images
 * @see DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv:1708.04552
 * @example
 * const y = cutout(ones([2, 3, 8, 8]), 4, new Generator(0)); // shape [2, 3, 8, 8]
 */
export const cutout = checked(
  "cutout",
  takes({ x: tensorKind, size: whole, generator: generatorKind }),
  (x: Tensor, size: number, generator: Generator): Tensor => {
    const [N, , H, W] = sizes("cutout", x);
    checkWhole("cutout", "size", size, 1, LARGEST);
    checkWhole("cutout", "the longer side of x", Math.max(H, W), 1, LARGEST);
    const cut = (length: number, shape: readonly number[]) => {
      const start = wholeNumbers(generator, N, length)
        .sub(Math.floor(size / 2))
        .reshape([N, 1, 1, 1]);
      const place = arange(length).reshape(shape).sub(start);
      return place.ge(0).logicalAnd(place.lt(size));
    };
    const rows = cut(H, [1, 1, H, 1]); // [N, 1, H, 1]
    const columns = cut(W, [1, 1, 1, W]); // [N, 1, 1, W]
    return rows.logicalAnd(columns).where(0, x);
  },
);

/**
 * Standardises images, stored as bytes or as floats, per channel.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`, f32. Formula: `y = (x · scale − mean[c]) / std[c]`.
 *
 * @param statistics from the training split: {@link fitStandardisation}
 * @throws ShapeError if the numbers of channels differ, or x is no batch of images
 * @example
 * const y = standardise(ones([1, 2, 4, 4]), { mean: [0.5, 1], std: [0.25, 2] }); // 2 in channel 0, else 0
 */
export const standardise = checked(
  "standardise",
  takes<StandardiseOptions>({ x: tensorKind, statistics: standardisationKind }, { scale: number }),
  (
    x: Tensor,
    { mean, std }: Standardisation,
    { scale = x.dtype === "u8" ? 1 / 255 : 1 }: StandardiseOptions = {},
  ): Tensor => {
    const [, C] = sizes("standardise", x);
    if (mean.length !== C || std.length !== C) {
      throw new ShapeError(`[standardise] statistics of ${mean.length} channels for x [${x.shape.join(", ")}]`, {
        hint: "Give one mean and one deviation per channel",
      });
    }
    const perChannel = (values: readonly number[]) => tensor(Float32Array.from(values), { shape: [1, C, 1, 1] });
    const scaled = scale === 1 ? x.to("f32") : x.to("f32").mul(scale);
    return scaled.sub(perChannel(mean)).div(perChannel(std));
  },
);

/** Largest number of pixels along a side: {@link wholeNumbers} is exact up to it. */
const LARGEST = 4096;

/**
 * Uniform whole numbers ⌊u · n⌋ below n ≤ 4096, i32 [count], identical on every device: u has 24 binary digits, and
 * multiplied in two halves of 12 no product is rounded.
 */
function wholeNumbers(generator: Generator, count: number, n: number): Tensor {
  const u = generator.uniform([count]).mul(4096);
  const high = u.floor();
  const carry = u.sub(high).mul(n).floor();
  return high
    .mul(n)
    .add(carry)
    .mul(1 / 4096)
    .floor()
    .to("i32");
}

/** Positions clamped to the image. */
function inside(position: Tensor, length: number): Tensor {
  return position.maximum(0).minimum(length - 1);
}

/** Positions outside the image reflected at its first and last pixel. */
function mirror(position: Tensor, length: number): Tensor {
  const last = length - 1;
  return position.abs().sub(last).abs().neg().add(last);
}

function sizes(op: string, x: Tensor): readonly number[] {
  if (x.rank === 4) return x.shape;
  throw new ShapeError(`[${op}] needs x [N, C, H, W], got [${x.shape.join(", ")}]`);
}

function checkWhole(op: string, name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new ConfigError(`[${op}] ${name} must be a whole number from ${low} to ${high}, got ${value}`);
}
