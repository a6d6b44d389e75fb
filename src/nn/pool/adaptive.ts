/**
 * Pooling over windows that are placed so that the output has a given size, as functions. Windows of an axis whose
 * length the size divides are equal and lie side by side; others differ in length by up to one element and overlap.
 */
import { type Tensor, tensor, type ValuesAndIndices } from "../../tensor/index.js";
import { firstMax } from "../../tensor/pooling-functions.js";
import type { Pair, Rank } from "../../tensor/sizes.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, type Parameters, takes } from "../../util/arguments.js";
import type { Kind } from "../../util/kinds.js";
import { checkSpace } from "../checks.js";

/** A size per axis, null for the size of the input. */
export type Targets = readonly (number | null)[];
type Target = number | null;
/** The size of the output of a sequence; null for that of the input. */
export type OutputSize1d = Target | readonly [Target];
/** The size of the output of an image: one, or [height, width]; null for that of the input. */
export type OutputSize2d = Target | readonly [Target, Target];
/** The size of the output of a volume: one, or [depth, height, width]; null for that of the input. */
export type OutputSize3d = Target | readonly [Target, Target, Target];

/** A whole number from 1 or null, or one for each axis. */
export function outputSizeKind(rank: Rank): Kind {
  const fits = (value: unknown) => value === null || (Number.isInteger(value) && (value as number) >= 1);
  const many = { 1: "", 2: ", or a pair of them", 3: ", or three of them" }[rank];
  return {
    name: `a whole number ≥ 1 or null${many}`,
    accepts: (value) => (Array.isArray(value) ? value.length === rank && value.every(fits) : fits(value)),
  };
}

/** A target for each axis. */
export const targetsOf = (size: Target | Targets, rank: Rank): Targets =>
  size === null || typeof size === "number" ? new Array<Target>(rank).fill(size) : size;

// @__NO_SIDE_EFFECTS__
function adaptiveParameters(rank: Rank): Parameters {
  return takes({ x: tensorKind, outputSize: outputSizeKind(rank) });
}

/** First element of window i, and the first behind it. */
const bounds = (length: number, count: number, i: number): Pair => [
  Math.floor((i * length) / count),
  Math.ceil(((i + 1) * length) / count),
];

/** Checks the rank and returns the number of windows of each axis of space. */
function countsOf(op: string, rank: Rank, x: Tensor, outputSize: Target | Targets): number[] {
  checkSpace(op, rank, x);
  return targetsOf(outputSize, rank).map((count, i) => count ?? x.shape[i + 2]);
}

/** Equal windows side by side: [N, C, ...counts, ...sizes]; null if the counts do not divide the lengths. */
function evenWindows(x: Tensor, counts: readonly number[]): Tensor | null {
  const lengths = x.shape.slice(2);
  if (lengths.some((length, i) => length % counts[i] !== 0)) return null;
  const rank = counts.length;
  const parted = x.reshape([...x.shape.slice(0, 2), ...lengths.flatMap((n, i) => [counts[i], n / counts[i]])]);
  const along = (offset: number) => counts.map((_, i) => 2 + 2 * i + offset);
  return rank === 1 ? parted : parted.permute([0, 1, ...along(0), ...along(1)]);
}

export function adaptiveAvg(rank: Rank, image: Tensor, outputSize: Target | Targets): Tensor {
  const counts = countsOf(`adaptiveAvgPool${rank}d`, rank, image, outputSize);
  const x = floats(image);
  if (counts.every((count) => count === 1)) return x.mean({ dim: counts.map((_, i) => i + 2), keepdim: true });
  const even = evenWindows(x, counts);
  if (even) return even.mean({ dim: counts.map((_, i) => i + 2 + rank) });
  // Averaging is linear along each axis: a product with a constant matrix for each.
  return counts.reduce((y, count, i) => applyAlong(y, i + 2, averages(x.shape[i + 2], count)), x);
}

/** Weights `[count, length]`: row i holds 1/n at the n elements of window i, zero elsewhere. */
function averages(length: number, count: number): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const [start, end] = bounds(length, count, i);
    return Array.from({ length }, (_, l) => (l >= start && l < end ? 1 / (end - start) : 0));
  });
}

/** Multiplies an axis by a constant matrix `[out, in]`: `[.., in, ..] -> [.., out, ..]`. */
export function applyAlong(x: Tensor, axis: number, matrix: readonly (readonly number[])[]): Tensor {
  const [head, tail] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
  const shape = [...head, matrix.length, ...tail];
  const weights = tensor(Float64Array.from(matrix.flat()), {
    dtype: x.dtype,
    shape: [matrix.length, x.shape[axis]],
  });
  if (tail.length === 0)
    return x
      .reshape([size(head), x.shape[axis]])
      .matmul(weights.transpose())
      .reshape(shape);
  return weights.matmul(x.reshape([size(head), x.shape[axis], size(tail)])).reshape(shape);
}

/** Windows as rows of taps [N, C, ...counts, taps], and positions of the taps within a channel, [...counts, taps]. */
function tapsOf(x: Tensor, counts: readonly number[]): readonly [taps: Tensor, positions: number[]] {
  const lengths = x.shape.slice(2);
  // A shorter window repeats its last element, which changes neither its maximum nor the first position of it.
  const windows = lengths.map((length, axis) => {
    const found = Array.from({ length: counts[axis] }, (_, i) => bounds(length, counts[axis], i));
    const size = Math.max(...found.map(([start, end]) => end - start));
    return found.map(([start, end]) => Array.from({ length: size }, (_, t) => Math.min(start + t, end - 1)));
  });
  const positions = windows.reduce(
    (rows, along, axis) => {
      // [.., taps] and [count, size] give [.., count, taps · size].
      return rows.flatMap((row) => along.map((window) => row.flatMap((p) => window.map((q) => p * lengths[axis] + q))));
    },
    [[0]],
  );
  const shape = [...x.shape.slice(0, 2), ...counts, positions[0].length];
  const even = evenWindows(x, counts);
  if (even) return [even.reshape(shape), positions.flat()];
  const flat = x.reshape([...x.shape.slice(0, 2), lengths.reduce((product, n) => product * n, 1)]);
  const places = tensor(Int32Array.from(positions.flat()), { dtype: "i32" });
  return [flat.take(places, { dim: 2 }).reshape(shape), positions.flat()];
}

export function adaptiveMax(rank: Rank, x: Tensor, outputSize: Target | Targets): Tensor {
  const counts = countsOf(`adaptiveMaxPool${rank}d`, rank, x, outputSize);
  const [taps] = tapsOf(x, counts);
  return firstMax(taps);
}

export function adaptiveMaxWithIndices(rank: Rank, x: Tensor, outputSize: Target | Targets): ValuesAndIndices {
  const counts = countsOf(`adaptiveMaxPool${rank}dWithIndices`, rank, x, outputSize);
  const [taps, positions] = tapsOf(x, counts);
  const size = taps.shape[rank + 2];
  const rows = tensor(
    Int32Array.from({ length: positions.length / size }, (_, i) => i * size),
    { dtype: "i32", shape: counts },
  );
  const places = tensor(Int32Array.from(positions), { dtype: "i32" });
  const indices = places.take(taps.argmax({ dim: rank + 2 }).add(rows));
  return { values: firstMax(taps), indices };
}

/**
 * Mean of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html
 * @example
 * const y = adaptiveAvgPool1d(zeros([8, 16, 7]), 3); // shape [8, 16, 3]
 */
export const adaptiveAvgPool1d = checked(
  "adaptiveAvgPool1d",
  adaptiveParameters(1),
  (x: Tensor, outputSize: OutputSize1d): Tensor => adaptiveAvg(1, x, outputSize),
);

/**
 * Mean of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `[Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, or `[height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html
 * @example
 * const y = adaptiveAvgPool2d(zeros([8, 16, 7, 7]), [3, 2]); // shape [8, 16, 3, 2]
 */
export const adaptiveAvgPool2d = checked(
  "adaptiveAvgPool2d",
  adaptiveParameters(2),
  (x: Tensor, outputSize: OutputSize2d): Tensor => adaptiveAvg(2, x, outputSize),
);

/**
 * Mean of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `[Do, Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L averages the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, or `[depth, height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool3d.html
 * @example
 * const y = adaptiveAvgPool3d(zeros([2, 4, 3, 7, 7]), [1, 3, 2]); // shape [2, 4, 1, 3, 2]
 */
export const adaptiveAvgPool3d = checked(
  "adaptiveAvgPool3d",
  adaptiveParameters(3),
  (x: Tensor, outputSize: OutputSize3d): Tensor => adaptiveAvg(3, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]`, `Lo = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html
 * @example
 * const y = adaptiveMaxPool1d(zeros([8, 16, 7]), 3); // shape [8, 16, 3]
 */
export const adaptiveMaxPool1d = checked(
  "adaptiveMaxPool1d",
  adaptiveParameters(1),
  (x: Tensor, outputSize: OutputSize1d): Tensor => adaptiveMax(1, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size, and where it is.
 *
 * Shape: `[N, C, L] -> [N, C, Lo]` each. `indices` are i32 positions within a channel in row-major order.
 *
 * @param outputSize one number, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @example
 * const { values, indices } = adaptiveMaxPool1dWithIndices(zeros([8, 16, 7]), 3); // two tensors [8, 16, 3]
 */
export const adaptiveMaxPool1dWithIndices = checked(
  "adaptiveMaxPool1dWithIndices",
  adaptiveParameters(1),
  (x: Tensor, outputSize: OutputSize1d): ValuesAndIndices => adaptiveMaxWithIndices(1, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]`, `[Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, or `[height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html
 * @example
 * const y = adaptiveMaxPool2d(zeros([8, 16, 7, 7]), [3, 2]); // shape [8, 16, 3, 2]
 */
export const adaptiveMaxPool2d = checked(
  "adaptiveMaxPool2d",
  adaptiveParameters(2),
  (x: Tensor, outputSize: OutputSize2d): Tensor => adaptiveMax(2, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size, and where it is.
 *
 * Shape: `[N, C, H, W] -> [N, C, Ho, Wo]` each. `indices` are i32 positions within a channel in row-major order.
 *
 * @param outputSize one number, or `[height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @example
 * const { values, indices } = adaptiveMaxPool2dWithIndices(zeros([8, 16, 7, 7]), [3, 2]); // two tensors [8, 16, 3, 2]
 */
export const adaptiveMaxPool2dWithIndices = checked(
  "adaptiveMaxPool2dWithIndices",
  adaptiveParameters(2),
  (x: Tensor, outputSize: OutputSize2d): ValuesAndIndices => adaptiveMaxWithIndices(2, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]`, `[Do, Ho, Wo] = outputSize`.
 * Formula: output i of an axis of length L takes the maximum of the elements `⌊i·L/Lo⌋` to `⌈(i+1)·L/Lo⌉ − 1`.
 *
 * @param outputSize one number, or `[depth, height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html
 * @example
 * const y = adaptiveMaxPool3d(zeros([2, 4, 3, 7, 7]), [1, 3, 2]); // shape [2, 4, 1, 3, 2]
 */
export const adaptiveMaxPool3d = checked(
  "adaptiveMaxPool3d",
  adaptiveParameters(3),
  (x: Tensor, outputSize: OutputSize3d): Tensor => adaptiveMax(3, x, outputSize),
);

/**
 * Largest value of windows that are placed so that the output has the given size, and where it is.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, Do, Ho, Wo]` each. `indices` are i32 positions within a channel in row-major order.
 *
 * @param outputSize one number, or `[depth, height, width]`, ≥ 1, or null for the size of the input
 * @throws ConfigError if the size is out of range; ShapeError if x has another rank
 * @example
 * const { values, indices } = adaptiveMaxPool3dWithIndices(zeros([2, 4, 3, 7, 7]), 2); // two tensors [2, 4, 2, 2, 2]
 */
export const adaptiveMaxPool3dWithIndices = checked(
  "adaptiveMaxPool3dWithIndices",
  adaptiveParameters(3),
  (x: Tensor, outputSize: OutputSize3d): ValuesAndIndices => adaptiveMaxWithIndices(3, x, outputSize),
);
