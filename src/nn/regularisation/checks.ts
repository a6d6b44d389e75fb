/** What layers that drop values at random check alike. This file must not know any of them. */
import { dtypeError } from "../../tensor/check.js";
import { Generator, type Tensor } from "../../tensor/index.js";
import { floats } from "../../tensor/tensor.js";
import { flag, instance, range } from "../../util/kinds.js";
import { generatorKind } from "../kinds.js";

/** Options of functions that drop values at random. */
export interface DropFunctionOptions {
  /** Probability of dropping. Default 0.5, range 0 to 1. */
  readonly p?: number;
  /** Whether to drop; false returns x. Default true. */
  readonly training?: boolean;
}

/** Options of layers that drop values at random. */
export interface DropOptions {
  /** Probability of dropping. Default 0.5, range 0 to 1. */
  readonly p?: number;
  /** Source of the masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

export const requiredGenerator = instance(Generator, "a Generator");
export const dropFunctionKinds = { p: range(0, 1), training: flag };
export const dropKinds = { p: range(0, 1), generator: generatorKind };

export function checkFloats(op: string, x: Tensor): void {
  if (floats(x) !== x) throw dtypeError(op, `does not take ${x.dtype}`, 'Use x.to("f32")');
}

/**
 * x with the values where a mask of the shape is 0 set to 0 and the others divided by the probability of 1, so that the
 * expectation is x.
 */
export function dropped(x: Tensor, generator: Generator, p: number, shape: readonly number[]): Tensor {
  // The scale 1/(1−p) would be infinite at p = 1; multiplying by zero instead keeps the gradient zero too.
  if (p === 1) return x.mul(0);
  return generator.bernoulli(shape, 1 - p).where(x.mul(1 / (1 - p)), 0);
}
