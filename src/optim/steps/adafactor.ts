/** Adafactor: mean squares of matrices kept as one row and one column, and a rate relative to the parameter. */
import type { Tensor, Variable } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { type Kind, nullable } from "../../util/kinds.js";
import type { HyperTensor, HyperValue } from "../hyper.js";
import { hyper, nonNegative } from "../kinds.js";
import { type ChainStep, likeParameter, perParameter, type StateSpec, step, updateType } from "../rule.js";

/** The options of {@link scaleByAdafactor}. */
export interface AdafactorScaling {
  /** η, largest relative learning rate. Default 0.01, range ≥ 0. */
  readonly lr?: HyperValue;
  /** c: step t keeps the share 1 − t^c of the running mean squares. Default −0.8, range ≤ 0. */
  readonly beta2Decay?: HyperValue;
  /**
   * ε₁, lower limit of the root mean square of gradients, and ε₂, that of parameters. Default null and 0.001: null is
   * the distance of 1 to the next number of the parameter's type. Range ≥ 0.
   */
  readonly eps?: readonly [eps1: HyperValue | null, eps2: HyperValue];
  /** d, largest root mean square of an update. Default 1, range ≥ 1. */
  readonly d?: HyperValue;
  /** λ, decoupled weight decay. Default 0, range ≥ 0. */
  readonly weightDecay?: HyperValue;
}

const notPositive: Kind = {
  name: "a finite number ≤ 0",
  accepts: (value) => typeof value === "number" && Number.isFinite(value) && value <= 0,
};
const fromOne: Kind = {
  name: "a finite number ≥ 1",
  accepts: (value) => typeof value === "number" && Number.isFinite(value) && value >= 1,
};
const epsKind: Kind = {
  name: "a pair, the first null or a number ≥ 0, the second a number ≥ 0",
  accepts: (value) =>
    Array.isArray(value) &&
    value.length === 2 &&
    nullable(hyper(nonNegative)).accepts(value[0]) &&
    hyper(nonNegative).accepts(value[1]),
};

/** The kinds of the options of {@link scaleByAdafactor}. */
export const adafactorScaling = {
  lr: hyper(nonNegative),
  beta2Decay: hyper(notPositive),
  eps: epsKind,
  d: hyper(fromOne),
  weightDecay: hyper(nonNegative),
};

const EPSILON = { f32: 2 ** -23, f64: 2 ** -52 };
const isMatrix = ({ rank }: Tensor): boolean => rank > 1;
const rms = (x: Tensor): Tensor => x.square().mean().sqrt();

function averages(p: Variable): Record<string, StateSpec> {
  if (!isMatrix(p)) return { variance: likeParameter(p) };
  const dtype = updateType(p);
  const { shape, rank } = p;
  return {
    row_var: { shape: [...shape.slice(0, -1), 1], dtype },
    col_var: { shape: [...shape.slice(0, rank - 2), 1, shape[rank - 1]], dtype },
  };
}

/**
 * Divides a matrix by the root of mean squares that are kept as one row and one column, limits the size of the update,
 * and scales it relative to the parameter. It includes the learning rate. Tensors of higher rank are matrices of their
 * last two axes; vectors have full mean squares.
 *
 * Formula, in step t = 1, 2, … of each parameter θ `[M, K]`, with `w = t^c` and `ρ = min(η, 1/√t)`:
 * ```text
 * R ← R + w·(mean of u² over columns − R),  C ← C + w·(mean of u² over rows − C)
 * û ← u / max(√(R·C / max(mean R, ε₁)), ε₁)
 * u ← ρ · max(ε₂, RMS(θ)) · û / max(1, RMS(û)/d) + η·λ·θ
 * ```
 *
 * @param options the hyper-parameters `lr`, `beta2Decay`, `eps1` (if it is no null) and `eps2` as `eps`, `d`,
 * `weightDecay`
 * @throws ConfigError if an option is unknown or out of range
 * @see Shazeer & Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", arXiv:1804.04235
 * @example
 * new Optimizer(model.parameters(), chain(clipByNorm(1), scaleByAdafactor({ lr: 0.02 }))).step();
 */
export const scaleByAdafactor = checked(
  "scaleByAdafactor",
  takes<AdafactorScaling>({}, adafactorScaling),
  (options: AdafactorScaling = {}): ChainStep => {
    const { lr = 0.01, beta2Decay = -0.8, eps = [null, 1e-3], d = 1, weightDecay = 0 } = options;
    const [eps1, eps2] = eps;
    return step<string, string>({
      name: "scaleByAdafactor",
      hypers: {
        lr: { value: lr, range: nonNegative },
        beta2Decay: { value: beta2Decay, range: notPositive },
        ...(eps1 !== null && { eps1: { value: eps1, range: nonNegative } }),
        eps2: { value: eps2, range: nonNegative },
        d: { value: d, range: fromOne },
        weightDecay: { value: weightDecay, range: nonNegative },
      },
      state: (p) => ({ step: perParameter(p), ...averages(p) }),
      update({ update, parameter, hypers, state }) {
        const count = state.step.add(1);
        const weight = count.pow(hypers.beta2Decay);
        const limit: HyperTensor | number = hypers.eps1 ?? EPSILON[update.dtype === "f64" ? "f64" : "f32"];
        const lerp = (from: Tensor, to: Tensor) => from.add(to.sub(from).mul(weight));
        const square = update.square();
        const next: Record<string, Tensor> = isMatrix(update)
          ? {
              row_var: lerp(state.row_var, square.mean({ dim: -1, keepdim: true })),
              col_var: lerp(state.col_var, square.mean({ dim: -2, keepdim: true })),
            }
          : { variance: lerp(state.variance, square) };
        const estimate = isMatrix(update)
          ? next.row_var.mul(next.col_var).div(next.row_var.mean({ dim: -2, keepdim: true }).maximum(limit))
          : next.variance;
        const scaled = update.div(estimate.sqrt().maximum(limit));
        const rate = hypers.lr.minimum(count.rsqrt()).mul(rms(parameter).maximum(hypers.eps2));
        const factor = rate.div(rms(scaled).div(hypers.d).maximum(1));
        return {
          update: scaled.mul(factor).add(parameter.mul(hypers.lr.mul(hypers.weightDecay))),
          state: { step: count, ...next },
        };
      },
    });
  },
);
