/** What losses of sequences share: their lengths. This file must not know any loss. */
import { dtypeError, shapeError } from "../../tensor/check.js";
import { Tensor, tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { DataError } from "../../util/errors.js";
import { count, either, list } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { findKnown, knownValues } from "./targets.js";

/** Lengths of the sequences of a batch: an i32 tensor `[N]`, or an array of N whole numbers. */
export type Lengths = Tensor | readonly number[];

export const lengthsKind = either(tensorKind, list(count(0), "an array of lengths"));

/** Lengths as a tensor, and as numbers if they are known while the graph is built. */
export interface KnownLengths {
  readonly tensor: Tensor;
  readonly values: readonly number[] | null;
  /** Whether each length is in range, `[N]`. */
  readonly isValid: Tensor;
}

/** The numbers of sequences, and of their positions at least and at most. */
export interface LengthBounds {
  readonly batch: number;
  readonly least?: number;
  readonly most: number;
}

/** The lengths of the sequences of a batch. Those out of range are refused where their values are known. */
export function checkLengths(op: string, name: string, lengths: Lengths, bounds: LengthBounds): KnownLengths {
  const { batch, least = 0, most } = bounds;
  const given = lengths instanceof Tensor ? lengths : tensor(lengths, { dtype: "i32" });
  if (given.dtype !== "i32")
    throw dtypeError(op, `expected ${name} of dtype i32, got ${given.dtype}`, 'Use .to("i32")');
  if (shapeText(given.shape) !== shapeText([batch])) {
    const problem = `expected ${name} [${batch}], got ${name} ${shapeText(given.shape)}`;
    throw shapeError(op, problem, "Give each sequence of the batch one length");
  }
  const wrong = findKnown(given, (value) => value < least || value > most);
  if (wrong) {
    const problem = `${name}[${wrong.place}] is ${wrong.value}, not between ${least} and ${most}`;
    throw new DataError(`[${op}] ${problem}`, { hint: "Lengths are numbers of positions" });
  }
  const values = knownValues(given);
  return { tensor: given, values: values && Array.from(values), isValid: given.ge(least).logicalAnd(given.le(most)) };
}
