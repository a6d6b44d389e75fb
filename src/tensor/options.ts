/** Options of the functions and methods of tensors: whatever has a default. */
import type { DType } from "../ir/dtype.js";

/** Type of the elements. */
export interface DTypeOptions {
  /** Element type; default f32, or what the values say. */
  readonly dtype?: DType;
}
/** One axis. */
export interface DimOptions {
  /** The axis, negative counted from the end; the default is that of the function. */
  readonly dim?: number;
}
/** Which axes to reduce, and whether they stay. */
export interface ReduceOptions {
  /** Axes to reduce, negative counted from the end; all of them by default. */
  readonly dim?: number | readonly number[];
  /** Whether reduced axes stay, with size 1; default false. */
  readonly keepdim?: boolean;
}
/** Which axis to look along, and whether it stays. */
export interface PositionOptions {
  /** The axis, negative counted from the end; default: all elements in row-major order. */
  readonly dim?: number;
  /** Whether the axis stays, with size 1; default false. */
  readonly keepdim?: boolean;
}
/** Which axes to reduce, and what is taken off the divisor. */
export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements in the divisor: 1 is unbiased, 0 the mean of squares; default 1. */
  readonly correction?: number;
}
/** Limits of elements. */
export interface ClampOptions {
  /** Least value; default none. */
  readonly min?: number;
  /** Largest value; default none. */
  readonly max?: number;
}
/** Which axes to merge. */
export interface FlattenOptions {
  /** First axis, negative counted from the end; default 0. */
  readonly startDim?: number;
  /** Last axis, which is merged too; default −1. */
  readonly endDim?: number;
}
/** Distance of the elements that a slice takes. */
export interface SliceOptions {
  /** From 1; default 1. */
  readonly step?: number;
}
/** What a tensor is surrounded by. */
export interface PadOptions {
  /** Default 0. */
  readonly value?: number;
}
/** Where a range starts, and how far apart its values are. */
export interface ArangeOptions extends DTypeOptions {
  /** First value; default 0. */
  readonly start?: number;
  /** Distance of neighbours, which may be negative; default 1. */
  readonly step?: number;
}
