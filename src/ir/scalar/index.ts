/**
 * The table of all scalar ops, one record per op in the file of its family. Everything else (Tensor methods, loop
 * language, code generators, test sweep) is derived from this table (docs/add-an-op.md).
 */
import type { DType } from "../dtype.js";
import { type ArithmeticName, arithmetic } from "./arithmetic.js";
import { type BitsName, bits } from "./bits.js";
import { type ExponentialName, exponential } from "./exponential.js";
import { type HyperbolicName, hyperbolic } from "./hyperbolic.js";
import { type LogicName, logic } from "./logic.js";
import { type ProbabilityName, probability } from "./probability.js";
import type { ScalarRecord } from "./record.js";
import { type RoundingName, rounding } from "./rounding.js";
import { type TrigonometricName, trigonometric } from "./trigonometric.js";

export type { ScalarRecord } from "./record.js";

/** The scalar ops. A name without a record in the table of its family (or the reverse) does not compile. */
export type ScalarName =
  | ArithmeticName
  | ExponentialName
  | HyperbolicName
  | ProbabilityName
  | TrigonometricName
  | RoundingName
  | LogicName
  | BitsName;

export const scalarOps: Readonly<Record<ScalarName, ScalarRecord>> = {
  ...arithmetic,
  ...exponential,
  ...hyperbolic,
  ...probability,
  ...trigonometric,
  ...rounding,
  ...logic,
  ...bits,
};
export const scalarNames = Object.keys(scalarOps) as readonly ScalarName[];
export const isScalar = (name: string): name is ScalarName => name in scalarOps;

/** The dtype of the result from the dtypes of the operands. */
export function scalarResult(name: ScalarName, operands: readonly DType[]): DType {
  const { result } = scalarOps[name];
  return result === "same" ? operands[operands.length - 1] : result;
}
