/** Option types of the functions and methods of tensors. */
import type { DType } from "../ir/dtype.js";
import type { Tensor } from "./tensor.js";

/** Type of the elements. */
export interface DTypeOptions {
  /** Element type; default f32, or that of the values. */
  readonly dtype?: DType;
}
/** Option for one axis. */
export interface DimOptions {
  /** The axis, negative counted from the end; the default is that of the function. */
  readonly dim?: number;
}
/** Options of reductions. */
export interface ReduceOptions {
  /** Axes to reduce, negative counted from the end; all of them by default. */
  readonly dim?: number | readonly number[];
  /** Keep reduced axes with size 1; default false. */
  readonly keepdim?: boolean;
}
/** Options of `argmax` and `argmin`. */
export interface PositionOptions {
  /** The axis, negative counted from the end; default: all elements in row-major order. */
  readonly dim?: number;
  /** Keep the axis with size 1; default false. */
  readonly keepdim?: boolean;
}
/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** The axis, negative counted from the end; default −1. */
  readonly dim?: number;
  /** Largest first; default false. */
  readonly descending?: boolean;
}
/** Options of `topk`. */
export interface TopKOptions {
  /** The axis, negative counted from the end; default −1. */
  readonly dim?: number;
  /** The largest elements, or with false the smallest; default true. */
  readonly largest?: boolean;
}
/** Options of `median` and `kthvalue`. */
export interface RankOptions {
  /** The axis, negative counted from the end; default −1. */
  readonly dim?: number;
  /** Keep the axis with size 1; default false. */
  readonly keepdim?: boolean;
}
/** Option of functions that remove an axis. */
export interface KeepdimOptions {
  /** Keep the axis with size 1; default false. */
  readonly keepdim?: boolean;
}
/** How `scatterReduce` combines elements that meet. */
export type ScatterReduction = "sum" | "prod" | "mean" | "amax" | "amin";
/** Options of `scatterReduce`. */
export interface ScatterReduceOptions {
  /** Combine with this tensor's own element, rather than replace it where something is scattered; default true. */
  readonly includeSelf?: boolean;
}
/** Options of `indexPut`. */
export interface IndexPutOptions {
  /** Add to the elements rather than replace them; default false. */
  readonly accumulate?: boolean;
}
/** Options of `rot90`. */
export interface Rot90Options {
  /** Quarter turns; negative ones turn back; default 1. */
  readonly k?: number;
  /** The two axes of the plane; default the first two. */
  readonly dims?: readonly number[];
}
/** Option of functions of diagonals. */
export interface DiagonalOptions {
  /** 0 is the main diagonal, positive numbers lie above it, negative ones below; default 0. */
  readonly diagonal?: number;
}
/** Options of `diagonal`. */
export interface DiagonalPlaneOptions {
  /** 0 is the main diagonal, positive numbers lie above it, negative ones below; default 0. */
  readonly offset?: number;
  /** The axis of the rows; default 0. */
  readonly dim1?: number;
  /** The axis of the columns; default 1. */
  readonly dim2?: number;
}
/** Options of `searchsorted`. */
export interface SearchOptions {
  /** Positions behind equal elements rather than before them; default false. */
  readonly right?: boolean;
}
/** Options of `diff`. */
export interface DiffOptions {
  /** The axis, negative counted from the end; default −1. */
  readonly dim?: number;
  /** How often differences are taken; default 1. */
  readonly n?: number;
}
/** Options of `isclose` and `allclose`. */
export interface CloseOptions {
  /** Largest difference relative to the other element; default 1e-5. */
  readonly rtol?: number;
  /** Largest difference beside that; default 1e-8. */
  readonly atol?: number;
  /** NaN is close to NaN; default false. */
  readonly equalNan?: boolean;
}
/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** The exponent: 2 is the Euclidean norm, ∞ the largest magnitude, 0 the number of elements that are not 0; default 2. */
  readonly p?: number;
}
/** Options of `histogram`. */
export interface HistogramOptions {
  /** The lower bound of the first bin; default: the smallest element. */
  readonly min?: number;
  /** The upper bound of the last bin, which is part of it; default: the largest element. */
  readonly max?: number;
}
/** Options of `bincount`. */
export interface BincountOptions {
  /** What an element adds to its count; default 1 each. */
  readonly weights?: Tensor;
}
/** Options of `cdist`. */
export interface CdistOptions {
  /** The exponent of the norm, from 0; default 2. */
  readonly p?: number;
}
/** Options of `linspace`. */
export interface LinspaceOptions {
  /** Element type, f32 or f64; default f32. */
  readonly dtype?: DType;
}
/** Options of variances. */
export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements in the divisor: 1 is unbiased, 0 the mean of squares; default 1. */
  readonly correction?: number;
}
/** Options of `clamp`. */
export interface ClampOptions {
  /** Least value; default none. */
  readonly min?: number;
  /** Largest value; default none. */
  readonly max?: number;
}
/** Options of `addcmul` and `addcdiv`. */
export interface AddcOptions {
  /** Factor of the product or quotient; default 1. */
  readonly value?: number;
}
/** Options of `nanToNum`. */
export interface NanToNumOptions {
  /** Replaces NaN; default 0. */
  readonly nan?: number;
  /** Replaces ∞; default the largest number of the dtype. */
  readonly posinf?: number;
  /** Replaces −∞; default the least number of the dtype. */
  readonly neginf?: number;
}
/** Options of `flatten`. */
export interface FlattenOptions {
  /** First axis, negative counted from the end; default 0. */
  readonly startDim?: number;
  /** Last axis, included; default −1. */
  readonly endDim?: number;
}
/** Options of `slice`. */
export interface SliceOptions {
  /** Distance between the selected elements, from 1; default 1. */
  readonly step?: number;
}
/** Options of `pad`. */
export interface PadOptions {
  /** Value of the padding; default 0. */
  readonly value?: number;
}
/** Options of `arange`. */
export interface ArangeOptions extends DTypeOptions {
  /** First value; default 0. */
  readonly start?: number;
  /** Difference of neighbouring values, which may be negative; default 1. */
  readonly step?: number;
}
