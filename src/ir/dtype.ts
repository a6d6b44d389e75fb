/**
 * Element types: names, sizes, host arrays and promotion. Must not know tensors, graphs or devices.
 */

/** The type of an element in memory. */
export type DType = "f32" | "f64" | "i32" | "u8" | "bool";
/** Host arrays of elements. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

interface DTypeFacts {
  readonly sizeBytes: number;
  readonly kind: "float" | "int" | "bool";
  /** Rank in promotion: the operand of the higher rank wins. */
  readonly rank: number;
  readonly array: (length: number) => TypedArray;
}

const facts: Readonly<Record<DType, DTypeFacts>> = {
  bool: { sizeBytes: 1, kind: "bool", rank: 0, array: (length) => new Uint8Array(length) },
  u8: { sizeBytes: 1, kind: "int", rank: 1, array: (length) => new Uint8Array(length) },
  i32: { sizeBytes: 4, kind: "int", rank: 2, array: (length) => new Int32Array(length) },
  f32: { sizeBytes: 4, kind: "float", rank: 3, array: (length) => new Float32Array(length) },
  f64: { sizeBytes: 8, kind: "float", rank: 4, array: (length) => new Float64Array(length) },
};

export const dtypes = Object.keys(facts) as readonly DType[];
export const sizeOf = (dtype: DType): number => facts[dtype].sizeBytes;
export const isFloat = (dtype: DType): boolean => facts[dtype].kind === "float";
export const hostArray = (dtype: DType, length: number): TypedArray => facts[dtype].array(length);
/** The common dtype of two operands. */
export const promote = (a: DType, b: DType): DType => (facts[a].rank >= facts[b].rank ? a : b);

/**
 * Converts a floating-point value to `dtype`, as PyTorch does: i32 truncates towards zero, saturates, and maps NaN to
 * 0; u8 is the low byte of that; bool is true unless the value is 0.
 */
export function convert(value: number, dtype: DType): number {
  const whole = dtype === "i32" || dtype === "u8";
  return wrap(whole ? Math.min(Math.max(Math.trunc(value), -(2 ** 31)), 2 ** 31 - 1) : value, dtype);
}

/** Wraps the result of integer arithmetic to `dtype`: integers keep their low bits. */
export function wrap(value: number, dtype: DType): number {
  switch (dtype) {
    case "bool":
      return value !== 0 ? 1 : 0;
    case "u8":
      return value & 255;
    case "i32":
      return value | 0;
    default:
      return value;
  }
}
