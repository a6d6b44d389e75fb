/** Whole derivatives of functions: Jacobians, Hessians, and products of them with vectors. */
import { formatShape, sameShape } from "../ir/graph.js";
import { checked, takes } from "../util/arguments.js";
import { callback, list } from "../util/kinds.js";
import { resultOf, shapeError } from "./check.js";
import { stack, zerosLike } from "./create.js";
import { grad } from "./grad.js";
import { type Tensor, tensorKind } from "./tensor.js";

type Fn = (...inputs: Tensor[]) => Tensor;

const tensors = list(tensorKind, "an array of tensors");
const ofInputs = takes({ fn: callback, inputs: tensors });

/** Gradients of each element of an output with respect to the inputs: one tensor per input, [...output, ...input]. */
function rowsOf(output: Tensor, inputs: readonly Tensor[]): Tensor[] {
  const flat = output.flatten();
  const rows = Array.from({ length: flat.size }, (_, i) => grad(flat.select(0, i), inputs));
  return inputs.map((x, k) =>
    rows.length === 0
      ? zerosLike(x)
          .expand([0, ...x.shape])
          .reshape([...output.shape, ...x.shape])
      : stack(rows.map((row) => row[k])).reshape([...output.shape, ...x.shape]),
  );
}

/**
 * The derivative of a function with respect to each input, every element by every element. It costs one gradient per
 * element of the output.
 *
 * Shape: for each input `[...output, ...input]`. Formula: `J_ij = ∂y_i / ∂x_j`.
 *
 * @param fn - a function of tensors that gives one tensor
 * @param inputs - what it is called with
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
 * @example
 * const [j] = jacobian((x) => x.square(), [tensor([1, 2])]);
 * j; // [[2, 0], [0, 4]]
 */
export const jacobian = checked("jacobian", ofInputs, (fn: Fn, inputs: readonly Tensor[]): Tensor[] =>
  rowsOf(resultOf("jacobian", fn, inputs), inputs),
);

/**
 * The second derivative of a scalar function: for each pair of inputs the mixed partial derivatives. It costs one
 * gradient per element of the inputs.
 *
 * Shape: at [i][k] `[...input i, ...input k]`. Formula: `H_ij = ∂²y / ∂x_i ∂x_j`.
 *
 * @param fn - a function of tensors that gives a scalar
 * @param inputs - what it is called with
 * @throws ShapeError if the output is not a scalar
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
 * @example
 * const [[h]] = hessian((x) => x.pow(3).sum(), [tensor([1, 2])]);
 * h; // [[6, 0], [0, 12]]
 */
export const hessian = checked("hessian", ofInputs, (fn: Fn, inputs: readonly Tensor[]): Tensor[][] => {
  const output = resultOf("hessian", fn, inputs);
  if (output.size !== 1) throw shapeError("hessian", `needs a scalar, got ${formatShape(output.shape)}`);
  return grad(output, inputs).map((first) => rowsOf(first, inputs));
});

/**
 * The value of a function, and the change of its output for a change of its inputs: the Jacobian times a vector, at the
 * cost of two gradients.
 *
 * Formula: `J v`, as the gradient of `uᵀ J v` with respect to `u`.
 *
 * @param fn - a function of tensors that gives one tensor
 * @param inputs - what it is called with
 * @param tangents - the change of each input, of its shape
 * @throws ShapeError if a tangent has another shape than its input
 * @see https://pytorch.org/docs/stable/generated/torch.func.jvp.html
 * @example
 * const { tangent } = jvp((x) => x.square(), [tensor([1, 2])], [tensor([1, 0])]);
 * tangent; // [2, 0]
 */
export const jvp = checked(
  "jvp",
  takes({ fn: callback, inputs: tensors, tangents: tensors }),
  (
    fn: Fn,
    inputs: readonly Tensor[],
    tangents: readonly Tensor[],
  ): { readonly output: Tensor; readonly tangent: Tensor } => {
    const wrong = inputs.findIndex((x, i) => !tangents[i] || !sameShape(x.shape, tangents[i].shape));
    if (wrong >= 0 || tangents.length !== inputs.length) {
      const place = wrong < 0 ? inputs.length : wrong;
      throw shapeError("jvp", `tangent ${place} does not have the shape of its input`, "Give one tangent per input");
    }
    const output = resultOf("jvp", fn, inputs);
    // The gradient is linear in u, so any u gives the same derivative.
    const u = zerosLike(output);
    const pulled = grad(output, inputs, { gradOutput: u });
    const product = pulled.map((g, i) => g.mul(tangents[i]).sum()).reduce((a, b) => a.add(b));
    return { output, tangent: grad(product, [u])[0] };
  },
);

/**
 * The value of a function, and its gradients for a given gradient of its output: a vector times the Jacobian.
 *
 * Formula: `vᵀ J`.
 *
 * @param fn - a function of tensors that gives one tensor
 * @param inputs - what it is called with
 * @param gradOutput - the vector, of the output's shape
 * @throws ShapeError if it has another shape
 * @see https://pytorch.org/docs/stable/generated/torch.func.vjp.html
 * @example
 * const { gradients } = vjp((x) => x.square(), [tensor([1, 2])], tensor([1, 0]));
 * gradients[0]; // [2, 0]
 */
export const vjp = checked(
  "vjp",
  takes({ fn: callback, inputs: tensors, gradOutput: tensorKind }),
  (
    fn: Fn,
    inputs: readonly Tensor[],
    gradOutput: Tensor,
  ): { readonly output: Tensor; readonly gradients: Tensor[] } => {
    const output = resultOf("vjp", fn, inputs);
    return { output, gradients: grad(output, inputs, { gradOutput }) };
  },
);
