/**
 * Random changes to batches as tensor code, to be part of a compiled step: every image draws its own numbers from a
 * counter-based stream, so that the same seed gives the same images on every device. It must not know data sets.
 */
import { arange, type Generator, type Tensor, tensor } from "../tensor/index.js";
import { ConfigError, ShapeError } from "../util/errors.js";
import type { Standardisation } from "./dataset.js";

/** How {@link randomCrop} crops. */
export interface CropOptions {
  /** Largest shift to each side, in pixels; from 0 to 2047, for `reflect` below the size of the image. */
  readonly padding: number;
  /** What lies outside of the image: zeros, or the image mirrored at its border pixels. Default `zero`. */
  readonly mode?: "zero" | "reflect";
  /** Source of the shifts; it moves on by two tensors. */
  readonly generator: Generator;
}

/** How {@link randomFlip} flips. */
export interface FlipOptions {
  /** Probability of a flip. Default 0.5, range 0 to 1. */
  readonly p?: number;
  /** Source of the choices; it moves on by one tensor. */
  readonly generator: Generator;
}

/** How {@link cutout} cuts. */
export interface CutoutOptions {
  /** Side of the square in pixels, from 1 to 4096. */
  readonly size: number;
  /** Source of the centres; it moves on by two tensors. */
  readonly generator: Generator;
}

/**
 * Pads each image and crops it back to its size at a place of its own.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = x[n, c, i + a_n, j + b_n]`, a and b whole numbers,
 * uniform from −padding to padding.
 *
 * @throws ConfigError when the padding is out of range; ShapeError when x is no batch of images
 * @example
 * const y = randomCrop(zeros([2, 3, 8, 8]), { padding: 2, generator: new Generator(0, { stream: "crop" }) }); // shape [2, 3, 8, 8]
 */
export function randomCrop(x: Tensor, { padding, mode = "zero", generator }: CropOptions): Tensor {
  const [N, C, H, W] = sizes("randomCrop", x);
  if (mode !== "zero" && mode !== "reflect") {
    throw new ConfigError(`[randomCrop] mode must be zero or reflect, got ${String(mode)}`);
  }
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
}

/**
 * Mirrors some images left to right.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = x[n, c, i, W − 1 − j]` with probability p for each n.
 *
 * @throws ConfigError when p is no probability; ShapeError when x is no batch of images
 * @example
 * const y = randomFlip(zeros([2, 3, 8, 8]), { generator: new Generator(0, { stream: "flip" }) }); // shape [2, 3, 8, 8]
 */
export function randomFlip(x: Tensor, { p = 0.5, generator }: FlipOptions): Tensor {
  const [N] = sizes("randomFlip", x);
  if (!(p >= 0 && p <= 1)) throw new ConfigError(`[randomFlip] p must be between 0 and 1, got ${p}`);
  return generator.bernoulli([N, 1, 1, 1], p).where(x.flip(3), x);
}

/**
 * Zeroes a square of each image; its centre may be any pixel, so that it may lie partly outside.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`. Formula: `y[n,c,i,j] = 0` where `0 ≤ i − a_n + ⌊size/2⌋ < size`, likewise
 * columns, a uniform over the rows.
 *
 * @throws ConfigError when the size is out of range; ShapeError when x is no batch of images
 * @see DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv:1708.04552
 * @example
 * const y = cutout(ones([2, 3, 8, 8]), { size: 4, generator: new Generator(0, { stream: "cutout" }) }); // shape [2, 3, 8, 8]
 */
export function cutout(x: Tensor, { size, generator }: CutoutOptions): Tensor {
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
}

/**
 * Standardises images of bytes or of numbers per channel.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`, f32. Formula: `y = (x · scale − mean[c]) / std[c]`.
 *
 * @param statistics from the training split: {@link fitStandardisation}
 * @param options - `scale`: factor on every pixel; default 1/255 for bytes, else 1
 * @throws ShapeError when the numbers of channels differ, or x is no batch of images
 * @example
 * const y = standardise(ones([1, 2, 4, 4]), { mean: [0.5, 1], std: [0.25, 2] }); // 2 in the first channel, 0 in the other
 */
export function standardise(
  x: Tensor,
  { mean, std }: Standardisation,
  { scale = x.dtype === "u8" ? 1 / 255 : 1 }: { readonly scale?: number } = {},
): Tensor {
  const [, C] = sizes("standardise", x);
  if (mean.length !== C || std.length !== C) {
    throw new ShapeError(`[standardise] statistics of ${mean.length} channels for x [${x.shape.join(", ")}]`, {
      hint: "Give one mean and one deviation per channel",
    });
  }
  const perChannel = (values: readonly number[]) => tensor(Float32Array.from(values), { shape: [1, C, 1, 1] });
  const scaled = scale === 1 ? x.to("f32") : x.to("f32").mul(scale);
  return scaled.sub(perChannel(mean)).div(perChannel(std));
}

/** Most pixels of a side: up to here {@link wholeNumbers} is exact. */
const LARGEST = 4096;

/**
 * Whole numbers ⌊u · n⌋, uniform below n ≤ 4096, i32 [count], the same on every device: u has 24 binary digits, and taken
 * in two halves of 12 no product is rounded.
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

/** Positions moved to the nearest one inside. */
function inside(position: Tensor, length: number): Tensor {
  return position.maximum(0).minimum(length - 1);
}

/** Positions up to a length outside, mirrored at the first and the last. */
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
