/** Clipping of gradients: as steps of a chain, and as functions to call between `backward` and `step`. */
import { noGrad, Tensor, Variable, zeros } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { either, instance, type Kind } from "../../util/kinds.js";
import type { HyperValue } from "../hyper.js";
import { hyper, positive } from "../kinds.js";
import { type ChainStep, step } from "../rule.js";

/** The kind of an array of instances of a class. */
function each(type: typeof Tensor | typeof Variable, name: string): Kind {
  return {
    name: `an array of ${name}`,
    accepts: (value) => Array.isArray(value) && value.every((x) => x instanceof type),
  };
}
const limitKind = either(positive, instance(Tensor, "a scalar tensor"));

/**
 * The norm of all elements of several tensors together: 0 without tensors, with gradient 0 rather than NaN at norm 0.
 *
 * Shape: `any shapes -> []`. Formula: `√(Σ x²)`.
 *
 * @param tensors float tensors; their norms are of f32 unless they are f64
 * @example
 * const norm = globalNorm([tensor([3, 0]), tensor([[4]])]); // 5
 */
export const globalNorm = checked(
  "globalNorm",
  takes({ tensors: each(Tensor, "tensors") }),
  (tensors: readonly Tensor[]): Tensor =>
    noGrad(() => {
      const squares = tensors.map((x) => x.square().sum());
      return squares.length === 0 ? zeros([]) : squares.reduce((sum, square) => sum.add(square)).sqrt();
    }),
);

/**
 * The factor that scales a norm to at most `limit`. It is NaN for a norm that is not finite, which every update then
 * shows.
 */
const clipFactor = (norm: Tensor, limit: Tensor | number): Tensor =>
  norm.add(1e-6).reciprocal().mul(limit).minimum(1).add(norm.mul(0));

/**
 * Scales all updates of the chain by one factor if their norm, taken over all parameters, is above a limit.
 *
 * Formula: `u ← u · min(1, c / (‖u‖ + 1e-6))`, `‖u‖` over all parameters. NaN or an infinity in one gradient makes
 * every update NaN, so that the error is noticed at once.
 *
 * @param maxNorm c, the hyper-parameter of that name. Range > 0
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 * @example
 * new Optimizer(model.parameters(), chain(clipByNorm(1), scaleByAdam(), scaleByRate(1e-3))).step();
 */
export const clipByNorm = checked(
  "clipByNorm",
  takes({ maxNorm: hyper(positive) }),
  (maxNorm: HyperValue): ChainStep =>
    step({
      name: "clipByNorm",
      hypers: { maxNorm: { value: maxNorm, range: positive } },
      across: ({ updates, hypers }) => ({ values: { factor: clipFactor(globalNorm(updates), hypers.maxNorm) } }),
      update: ({ update, values }) => ({ update: update.mul(values.factor.to(update.dtype)) }),
    }),
);

/**
 * Clips every element of the updates.
 *
 * Formula: `u ← min(max(u, −c), c)`.
 *
 * @param clipValue c, the hyper-parameter of that name. Range > 0
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
 * @example
 * new Optimizer(model.parameters(), chain(clipByValue(0.5), scaleByRate(0.1))).step();
 */
export const clipByValue = checked(
  "clipByValue",
  takes({ clipValue: hyper(positive) }),
  (clipValue: HyperValue): ChainStep =>
    step({
      name: "clipByValue",
      hypers: { clipValue: { value: clipValue, range: positive } },
      update: ({ update, hypers: { clipValue: limit } }) => ({ update: update.maximum(limit.neg()).minimum(limit) }),
    }),
);

const gradientsOf = (parameters: readonly Variable[]): [Variable, Tensor][] =>
  parameters.flatMap((p): [Variable, Tensor][] => (p.grad ? [[p, p.grad]] : []));

/**
 * Scales the gradients of all parameters by one factor if their norm is above a limit; between `backward` and `step`.
 *
 * Formula: `g ← g · min(1, c / (‖g‖ + 1e-6))`, `‖g‖` over all parameters that have a gradient.
 *
 * @param parameters parameters whose gradients are scaled
 * @param maxNorm c: a number, or a scalar tensor that may change between calls of a compiled function. Range > 0
 * @returns the norm before clipping, a scalar
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 * @example
 * loss.backward();
 * const norm = clipGradNorm(model.parameters(), 1); // shape []
 * optimizer.step();
 */
export const clipGradNorm = checked(
  "clipGradNorm",
  takes({ parameters: each(Variable, "parameters"), maxNorm: limitKind }),
  (parameters: readonly Variable[], maxNorm: Tensor | number): Tensor =>
    noGrad(() => {
      const found = gradientsOf(parameters);
      const norm = globalNorm(found.map(([, gradient]) => gradient));
      const factor = clipFactor(norm, maxNorm);
      for (const [parameter, gradient] of found) parameter.grad = gradient.mul(factor.to(gradient.dtype));
      return norm;
    }),
);

/**
 * Clips every element of the gradients; between `backward` and `step`.
 *
 * Formula: `g ← min(max(g, −c), c)`.
 *
 * @param parameters parameters whose gradients are clipped
 * @param clipValue c: a number, or a scalar tensor that may change between calls of a compiled function. Range > 0
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
 * @example
 * loss.backward();
 * clipGradValue(model.parameters(), 0.5);
 * optimizer.step();
 */
export const clipGradValue = checked(
  "clipGradValue",
  takes({ parameters: each(Variable, "parameters"), clipValue: limitKind }),
  (parameters: readonly Variable[], clipValue: Tensor | number): void =>
    noGrad(() => {
      for (const [parameter, gradient] of gradientsOf(parameters)) {
        const low = typeof clipValue === "number" ? -clipValue : clipValue.neg();
        parameter.grad = gradient.maximum(low).minimum(clipValue);
      }
    }),
);
