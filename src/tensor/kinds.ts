/** Argument kinds of the tensor layer; those for tensors are in tensor.ts. */
import { dtypes } from "../ir/dtype.js";
import { DTypeError } from "../util/errors.js";
import { either, type Kind, list, whole, word } from "../util/kinds.js";

/**
 * Names of dtypes in NumPy, PyTorch and C, and the dtype to suggest; types without an equal map to a wider or nearest
 * one.
 */
const aliases = {
  float32: "f32",
  float: "f32",
  float16: "f32",
  half: "f32",
  bfloat16: "f32",
  float64: "f64",
  double: "f64",
  number: "f32",
  int32: "i32",
  int: "i32",
  int64: "i32",
  i64: "i32",
  long: "i32",
  int16: "i32",
  uint8: "u8",
  byte: "u8",
  boolean: "bool",
};

export const dtypeKind: Kind = { ...word(dtypes, aliases), error: DTypeError };
/** One axis; the function checks that the tensor has it. */
export const dimKind: Kind = whole;
export const dimsKind: Kind = either(whole, list(whole, "an array of whole numbers"));
