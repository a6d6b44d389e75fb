/**
 * Conversion of host values to elements of a dtype: exact, or an error with the position of the first value out of
 * range. Floats round to the nearest f32. Must not know tensors.
 */
import { type DType, hostArray, type TypedArray } from "../ir/dtype.js";
import { formatShape, type Shape } from "../ir/graph.js";
import { DTypeError } from "../util/errors.js";
import { spell } from "../util/spelling.js";
import { located, shapeError } from "./check.js";

/** All typed arrays of JavaScript, including those without an equal dtype. */
export type HostArray =
  | TypedArray
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A number or boolean, or nested arrays of them, of equal length at each level. */
export type NestedValues = number | boolean | readonly NestedValues[];

type Value = number | boolean | bigint;

/** True for typed arrays; a DataView has no elements. */
export const isHostArray = (value: unknown): value is HostArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The dtype for the values of a typed array: u8 for unsigned bytes, i32 for all other integers. */
export function dtypeOfArray(array: HostArray): DType {
  if (array instanceof Float64Array) return "f64";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "u8";
  // Other float types, such as Float16Array, are represented exactly by f32.
  const whole = [Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];
  return whole.some((type) => array instanceof type) ? "i32" : "f32";
}

const LIMITS = { u8: [0, 255], i32: [-(2 ** 31), 2 ** 31 - 1] } as const;

/** True if the dtype can represent the value: integers exactly; floats unless they would become infinite. */
export function holds(dtype: DType, value: Value): boolean {
  const number = Number(value);
  if (dtype === "f32") return !Number.isFinite(number) || Number.isFinite(Math.fround(number));
  if (dtype === "f64") return typeof value !== "bigint" || BigInt(number) === value;
  if (dtype === "bool") return true;
  const [low, high] = LIMITS[dtype];
  return Number.isInteger(number) && number >= low && number <= high;
}

/** The range of each dtype and a wider alternative, for hints. */
const RANGE_HINTS: Readonly<Record<DType, string>> = {
  bool: "It holds true and false",
  u8: 'It holds whole numbers from 0 to 255; use dtype "i32" or "f32"',
  i32: 'It holds whole numbers from -2147483648 to 2147483647; use dtype "f64"',
  f32: 'Its largest value is 3.4e38; use dtype "f64"',
  f64: "It holds whole numbers exactly up to 2 ** 53",
};

const rangeError = (op: string, what: string, value: Value, dtype: DType): DTypeError =>
  new DTypeError(located(op, `${what} is ${value}, which ${dtype} does not hold`), { hint: RANGE_HINTS[dtype] });

/** One value as an element of a dtype. */
export function elementOf(op: string, what: string, value: number | boolean, dtype: DType): number {
  if (!holds(dtype, value)) throw rangeError(op, what, value, dtype);
  return dtype === "bool" ? Number(Number(value) !== 0) : Number(value);
}

/** The coordinates of a row-major position, as text for messages. */
function indexOf(at: number, shape: Shape): string {
  let rest = at;
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return formatShape(index);
}

/** A copy of the values as elements of a dtype; `shape` is for messages. */
export function elementsOf(op: string, source: HostArray | readonly Value[], dtype: DType, shape: Shape): TypedArray {
  const values = hostArray(dtype, source.length);
  // One copy if the source has the element type, or bytes, which every numeric dtype represents.
  const alike = source.constructor === values.constructor || source instanceof Uint8Array;
  if (alike && dtype !== "bool") {
    values.set(source as TypedArray);
    return values;
  }
  for (let i = 0; i < source.length; i++) {
    const value = source[i];
    if (!/^(number|boolean|bigint)$/.test(typeof value)) throw notNumber(op, value, indexOf(i, shape));
    if (!holds(dtype, value)) throw rangeError(op, `the value at ${indexOf(i, shape)}`, value, dtype);
    values[i] = dtype === "bool" ? Number(Number(value) !== 0) : Number(value);
  }
  return values;
}

function notNumber(op: string, value: unknown, where: string): DTypeError {
  const hint = "Give numbers, true or false, or nested arrays of them";
  return new DTypeError(located(op, `the value at ${where} is ${spell(value)}, not a number`), { hint });
}

/** Limit of axes, so that an array that contains itself ends. */
const MAX_AXES = 64;

/** Nested arrays as a flat one, with their shape. */
export function flattenNested(
  op: string,
  data: NestedValues,
): { readonly flat: (number | boolean)[]; readonly shape: number[] } {
  const shape: number[] = [];
  for (let at: unknown = data; Array.isArray(at) && shape.length < MAX_AXES; at = at[0]) shape.push(at.length);
  const flat: (number | boolean)[] = [];
  const index: number[] = [];
  const visit = (item: unknown): void => {
    const axis = index.length;
    if (!Array.isArray(item)) {
      if (typeof item !== "number" && typeof item !== "boolean") throw notNumber(op, item, formatShape(index));
      if (axis < shape.length) throw ragged(op, shape, index, "a number");
      flat.push(item);
      return;
    }
    if (axis >= shape.length) throw ragged(op, shape, index, "an array");
    if (item.length !== shape[axis]) throw ragged(op, shape, index, `${item.length} values`);
    // By index, because iteration methods skip holes.
    for (let i = 0; i < item.length; i++) {
      index[axis] = i;
      visit(item[i]);
      index.length = axis;
    }
  };
  visit(data);
  return { flat, shape };
}

function ragged(op: string, shape: Shape, index: readonly number[], found: string) {
  const problem = `nested arrays are ragged: expected ${formatShape(shape)}, got ${found} at ${formatShape(index)}`;
  return shapeError(op, problem, "Give every row as many values");
}
