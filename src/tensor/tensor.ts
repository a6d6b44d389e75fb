/**
 * Tensor: an immutable handle to a node of the lazy graph. Building is synchronous and checks shapes and dtypes;
 * reading is asynchronous and computes. Its methods are in `methods/`: a family is an abstract class that extends the
 * one before it, and a table of its parameters. Must not know devices.
 */
import type { Node } from "../ir/graph.js";
import { checkMethods } from "../util/arguments.js";
import { arithmeticParameters } from "./methods/arithmetic.js";
import { bitwiseParameters } from "./methods/bitwise.js";
import { coreParameters } from "./methods/core.js";
import { indexingParameters } from "./methods/indexing.js";
import { LinearAlgebra, linearAlgebraParameters } from "./methods/linear-algebra.js";
import { mathParameters } from "./methods/math.js";
import { movementParameters } from "./methods/movement.js";
import { reductionParameters } from "./methods/reduction.js";
import { sortingParameters } from "./methods/sorting.js";

export { floats, tensorKind, tensorLikeKind } from "./methods/core.js";

/** A tensor, or a number that is broadcast. */
export type TensorLike = Tensor | number;

/**
 * A multi-dimensional array that is computed when it is read.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const y = x.matmul(x).add(1).sum({ dim: 1 }); // [19, 39]
 */
export class Tensor extends LinearAlgebra {
  protected override wrap(node: Node): Tensor {
    return new Tensor(node);
  }
  protected override get self(): Tensor {
    return this;
  }
}

checkMethods(Tensor, {
  ...coreParameters,
  ...arithmeticParameters,
  ...bitwiseParameters,
  ...mathParameters,
  ...movementParameters,
  ...indexingParameters,
  ...reductionParameters,
  ...sortingParameters,
  ...linearAlgebraParameters,
});
