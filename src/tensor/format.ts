/** Conversion of values to nested arrays and aligned text. */
import type { DType, TypedArray } from "../ir/dtype.js";
import { formatShape, type Shape, sizeOfShape } from "../ir/graph.js";

/** Values as nested arrays; a scalar is a number (or, of bool, a boolean). */
export type Nested = number | boolean | Nested[];

export function nest(values: TypedArray, shape: Shape, dtype: DType): Nested {
  let at = 0;
  const build = (axis: number): Nested => {
    if (axis === shape.length) return dtype === "bool" ? values[at++] !== 0 : values[at++];
    return Array.from({ length: shape[axis] }, () => build(axis + 1));
  };
  return build(0);
}

/** Entries shown at either end of a long axis, and the number of elements from which axes are abridged. */
const EDGE = 3;
const LONG = 1000;

/** Whether a float is shown as `2.0` where all others are such numbers, too. */
const isShortFloat = (value: number): boolean =>
  !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e6);

function formatOne(value: number, dtype: DType, short: boolean): string {
  if (dtype === "bool") return value ? "true" : "false";
  if (dtype === "i32" || dtype === "u8") return String(value);
  if (!Number.isFinite(value)) return String(value);
  if (short) return value.toFixed(1);
  const size = Math.abs(value);
  if (size === 0) return value.toFixed(4);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(3) : value.toFixed(4);
}

/** The text for `console.log`: the values if available, else how to read them. Nothing is computed. */
export const formatKnown = (values: TypedArray | null, shape: Shape, dtype: DType): string =>
  values
    ? formatValues(values, shape, dtype)
    : `Tensor ${dtype}${formatShape(shape)}, not computed yet: await x.data(), or x.toText()`;

/** A text such as `Tensor f32[2, 2]` followed by aligned rows; long axes are abridged. */
export function formatValues(values: TypedArray, shape: Shape, dtype: DType): string {
  const abridge = sizeOfShape(shape) > LONG;
  const shown = (length: number): number[] => {
    const all = Array.from({ length }, (_, i) => i);
    return abridge && length > 2 * EDGE ? [...all.slice(0, EDGE), -1, ...all.slice(-EDGE)] : all;
  };
  const found: number[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) found.push(values[offset]);
    else for (const i of shown(shape[axis])) if (i >= 0) collect(axis + 1, offset * shape[axis] + i);
  };
  collect(0, 0);
  // One number of decimals for all, so that their points are below each other.
  const short = found.every(isShortFloat);
  const texts = found.map((value) => formatOne(value, dtype, short));
  const width = Math.max(0, ...texts.map((text) => text.length));
  let next = 0;
  const draw = (axis: number, indent: string): string => {
    if (axis === shape.length) return texts[next++].padStart(width);
    const inner = shown(shape[axis]).map((i) => (i < 0 ? "…" : draw(axis + 1, `${indent} `)));
    const last = axis === shape.length - 1;
    return `[${inner.join(last ? ", " : `,${"\n".repeat(Math.max(1, shape.length - 1 - axis))}${indent} `)}]`;
  };
  return `Tensor ${dtype}${formatShape(shape)}\n${draw(0, "")}`;
}
