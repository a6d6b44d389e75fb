/** `grad`: gradients as values; `Tensor.backward` accumulates them in `.grad`. */
import { isFloat } from "../ir/dtype.js";
import { formatShape, type Node, sameShape } from "../ir/graph.js";
import { graph } from "../ops/index.js";
import { checked, takes } from "../util/arguments.js";
import { list } from "../util/kinds.js";
import { activeTrace, gradCellOf } from "./cells.js";
import { dtypeError, shapeError } from "./check.js";
import { contextOf } from "./context.js";
import { gradientsOf } from "./history.js";
import { Tensor, tensorKind } from "./tensor.js";

/** Options of `grad`. */
export interface GradOptions {
  /** Gradient of the output, of its shape; default 1 for a scalar. */
  readonly gradOutput?: Tensor;
}

/**
 * Gradients of a scalar with respect to any tensors that it was computed from; zeros if it does not depend on one. The
 * results are expressions, so they can be differentiated again; reading one computes all that share its work. A value
 * that needs no gradient releases its graph when it is read: call `grad` before, or make the input with `requiresGrad`.
 *
 * @param options - `gradOutput` is the gradient of the output
 * @throws ShapeError if the output is not a scalar and no `gradOutput` is given
 * @throws FoveaError if a value between an input and the output was read before, and the input needs no gradient
 * @example
 * const x = tensor([1, 2, 3]);
 * const [dx] = grad(x.square().sum(), [x]);
 * dx; // [2, 4, 6]
 */
export const grad = checked(
  "grad",
  takes<GradOptions>(
    { output: tensorKind, inputs: list(tensorKind, "an array of tensors") },
    { gradOutput: tensorKind },
  ),
  (output: Tensor, inputs: readonly Tensor[], { gradOutput }: GradOptions = {}): Tensor[] => {
    if (!gradOutput && output.size !== 1) {
      throw shapeError(
        "grad",
        `the output ${formatShape(output.shape)} is not a scalar`,
        "Pass gradOutput, or take .sum()",
      );
    }
    if (gradOutput && !sameShape(gradOutput.shape, output.shape)) {
      throw shapeError(
        "grad",
        `gradOutput ${formatShape(gradOutput.shape)} does not match ${formatShape(output.shape)}`,
      );
    }
    if (!isFloat(output.dtype)) throw dtypeError("grad", `the output is ${output.dtype}`, "Only floats have gradients");
    const seed = gradOutput ? graph.cast(gradOutput.node, output.dtype) : graph.constant(1, output.node);
    const targets = inputs.map((x) => x.node);
    const wanted = new Set(targets);
    const boundary = (node: Node) => gradCellOf(node) !== undefined && !wanted.has(node);
    const found = gradientsOf(output.node, seed, targets, boundary).map((g, i) => g ?? graph.constant(0, targets[i]));
    if (!activeTrace()) for (const g of found) contextOf(g).pending.add(g);
    return found.map((g) => new Tensor(g));
  },
);
