/** Sizes along one, two or three axes of space, as the options of convolutions and pooling give them. */
import type { Pair } from "../ir/graph.js";
import { either, type Kind, sizes, word } from "../util/kinds.js";

export type { Pair };

/** Number of axes of space. */
export type Rank = 1 | 2 | 3;
/** A size of a sequence. */
export type Size1d = number | readonly [number];
/** A size for both axes of an image, or [height, width]. */
export type Size2d = number | Pair;
/** A size for all axes of a volume, or [depth, height, width]. */
export type Size3d = number | readonly [number, number, number];
/** Elements before and after an axis. */
export type Side = readonly [before: number, after: number];
/** Padding of a sequence: the same on both sides, or [[before, after]]; `"same"` keeps the size, `"valid"` is 0. */
export type Padding1d = Size1d | readonly [Side] | "same" | "valid";
/** Padding of an image: the same on both sides of an axis, or a [before, after] pair for each axis. */
export type Padding2d = Size2d | readonly [Side, Side] | "same" | "valid";
/** Padding of a volume: the same on both sides of an axis, or a [before, after] pair for each axis. */
export type Padding3d = Size3d | readonly [Side, Side, Side] | "same" | "valid";

/** Any number of axes; functions for one rank declare narrower types. */
export type Sizes = number | readonly number[];
export type Padding = Sizes | readonly Side[] | "same" | "valid";

/** The names of the axes of space in shapes of messages. */
export const AXES = { 1: "L", 2: "H, W", 3: "D, H, W" } as const;
/** The names of the sizes of a kernel in shapes of messages. */
export const KERNEL = { 1: "K", 2: "Kh, Kw", 3: "Kd, Kh, Kw" } as const;

/** A size for each axis. */
export const sizesOf = (value: Sizes, rank: Rank): readonly number[] =>
  typeof value === "number" ? new Array<number>(rank).fill(value) : value;

/** A size as [height, width]. */
export const pairOf = (value: Size2d): Pair => (typeof value === "number" ? [value, value] : value);

/** The padding of a convolution over so many axes. */
export const paddingKind = (rank: Rank): Kind => ({
  ...either(sizes(rank, 0), sidesKind(rank), word(["same", "valid"])),
  name: `${sizes(rank, 0).name}, a [before, after] pair for each axis, "same" or "valid"`,
});

const sidesKind = (rank: Rank): Kind => ({
  name: "a [before, after] pair for each axis",
  accepts: (value) => isSides(value) && value.length === rank,
});

function isSides(value: unknown): value is readonly Side[] {
  return (
    Array.isArray(value) &&
    value.every((side) => Array.isArray(side) && side.length === 2 && side.every((n) => Number.isInteger(n) && n >= 0))
  );
}

/**
 * The padding before and after each axis. With `"same"` the output has the size of the input: the odd element of an
 * even
 * kernel goes after the axis, as in PyTorch. It needs stride 1, which the caller checks.
 */
export function sidesOf(padding: Padding, kernel: readonly number[], dilation: readonly number[]): readonly Side[] {
  if (padding === "valid") return kernel.map(() => [0, 0]);
  if (padding === "same") {
    return kernel.map((size, axis) => {
      const total = dilation[axis] * (size - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (isSides(padding)) return padding;
  return kernel.map((_, axis) => {
    const pixels = typeof padding === "number" ? padding : (padding as readonly number[])[axis];
    return [pixels, pixels];
  });
}
