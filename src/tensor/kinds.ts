/** Kinds of arguments that only the tensor layer knows; those of tensors themselves are in tensor.ts. */
import { dtypes } from "../ir/dtype.js";
import { DTypeError } from "../util/errors.js";
import { either, type Kind, list, whole, word } from "../util/kinds.js";

/** NumPy's, PyTorch's and C's names of our dtypes, and of those that we have no equal of, with what to use instead. */
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
  long: "i32",
  int16: "i32",
  uint8: "u8",
  byte: "u8",
  boolean: "bool",
};

export const dtypeKind: Kind = { ...word(dtypes, aliases), error: DTypeError };
/** One axis; whether the tensor has it is for the function to check. */
export const dimKind: Kind = whole;
export const dimsKind: Kind = either(whole, list(whole, "an array of whole numbers"));
