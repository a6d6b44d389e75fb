/** Clipping of gradients: as steps of a chain, and as functions to call between `backward` and `step`. */
import { arange, noGrad, Tensor, Variable, zeros } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { count, either, instance, type Kind, range } from "../../util/kinds.js";
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
const percent = range(0, 100);
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

/**
 * Norms of the incoming weights of each output unit or channel, `[O, …] -> [O, 1, …]`; of vectors and scalars the norm
 * as a whole.
 */
export const unitNorm = (x: Tensor): Tensor =>
  x.rank < 2
    ? x.square().sum().sqrt()
    : x
        .square()
        .sum({ dim: Array.from({ length: x.rank - 1 }, (_, i) => i + 1), keepdim: true })
        .sqrt();

/** The options of {@link clipByUnitNorm}. */
export interface UnitNormOptions {
  /** ε, lower limit of the norm of weights, so that those that start at zero can grow. Default 0.001, range > 0. */
  readonly eps?: HyperValue;
}

/**
 * Adaptive gradient clipping: scales the update of each output unit or channel, `[O, …]`, whose norm is above a share of
 * the norm of its weights. Of vectors, such as biases, the norm is that of the whole vector.
 *
 * Formula: `u[o] ← u[o] · min(1, λ·max(‖θ[o]‖, ε) / ‖u[o]‖)` for each o.
 *
 * @param clipping λ, the hyper-parameter of that name. Range > 0
 * @param options the hyper-parameter `eps`
 * @throws ConfigError if an argument is out of range
 * @see Brock et al. 2021, "High-Performance Large-Scale Image Recognition Without Normalization", arXiv:2102.06171
 * @example
 * new Optimizer(model.parameters(), chain(clipByUnitNorm(0.01), scaleByMomentum(0.9), scaleByRate(0.1))).step();
 */
export const clipByUnitNorm = checked(
  "clipByUnitNorm",
  takes<UnitNormOptions>({ clipping: hyper(positive) }, { eps: hyper(positive) }),
  (clipping: HyperValue, { eps = 1e-3 }: UnitNormOptions = {}): ChainStep =>
    step({
      name: "clipByUnitNorm",
      hypers: { clipping: { value: clipping, range: positive }, clippingEps: { value: eps, range: positive } },
      update({ update, parameter, hypers: { clipping: share, clippingEps } }) {
        const limit = unitNorm(parameter).maximum(clippingEps).mul(share);
        // By the larger of norm and limit, so that a norm of 0 divides nothing.
        return { update: update.mul(limit.div(unitNorm(update).maximum(limit))) };
      },
    }),
);

/** The options of {@link clipByPercentile}. */
export interface PercentileOptions {
  /** Number of last norms that are kept; cannot change later. Default 256, range ≥ 1. */
  readonly history?: number;
}

/**
 * AutoClip: scales all updates of the chain by one factor if their norm, taken over all parameters, is above a
 * percentile of the norms of the last steps, including this one. Norms that are not finite make every update NaN, so
 * that the error is noticed at once.
 *
 * Formula: `u ← u · min(1, q / (‖u‖ + 1e-6))`, q the percentile with linear interpolation.
 *
 * @param percentile the hyper-parameter of that name. Range 0 to 100
 * @param options `history`
 * @throws ConfigError if an argument is out of range
 * @see Seetharaman et al. 2020, "AutoClip: Adaptive Gradient Clipping for Source Separation Networks", arXiv:2007.14469
 * @example
 * new Optimizer(model.parameters(), chain(clipByPercentile(10), scaleByAdam(), scaleByRate(1e-3))).step();
 */
export const clipByPercentile = checked(
  "clipByPercentile",
  takes<PercentileOptions>({ percentile: hyper(percent) }, { history: count() }),
  (percentile: HyperValue, { history = 256 }: PercentileOptions = {}): ChainStep =>
    step({
      name: "clipByPercentile",
      hypers: { percentile: { value: percentile, range: percent } },
      shared: { norms: { shape: [history], dtype: "f32" }, seen: { shape: [], dtype: "f32" } },
      across({ updates, hypers, shared }) {
        const norm = globalNorm(updates).to("f32");
        const place = shared.seen.sub(shared.seen.div(history).floor().mul(history));
        const norms = arange(history, { dtype: "f32" }).eq(place).where(norm, shared.norms);
        const seen = shared.seen.add(1);
        const limit = percentileOf(norms, seen.minimum(history), hypers.percentile);
        return { values: { factor: clipFactor(norm, limit) }, shared: { norms, seen } };
      },
      update: ({ update, values }) => ({ update: update.mul(values.factor.to(update.dtype)) }),
    }),
);

/** A percentile of the first `count` values, with linear interpolation. `[N] -> []` */
function percentileOf(values: Tensor, filled: Tensor, percentile: Tensor): Tensor {
  const [size] = values.shape;
  const index = arange(size, { dtype: "f32" });
  const known = index.lt(filled);
  const [a, b] = [values.reshape([size, 1]), values.reshape([1, size])];
  // The rank of a value is the number of known ones below it; of equal ones, those at smaller indices count.
  const isFirst = index.reshape([1, size]).lt(index.reshape([size, 1]));
  const below = b
    .lt(a)
    .logicalOr(b.eq(a).logicalAnd(isFirst))
    .logicalAnd(known.reshape([1, size]));
  const rank = known.where(below.to("f32").sum({ dim: 1 }), -1);
  const at = (position: Tensor) => rank.eq(position).where(values, 0).sum();
  const position = percentile.mul(0.01).mul(filled.sub(1));
  const low = position.floor();
  const [from, to] = [at(low), at(low.add(1).minimum(filled.sub(1)))];
  return from.add(to.sub(from).mul(position.sub(low)));
}

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
