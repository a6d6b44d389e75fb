/** Instance normalisation: as a function, and as layers that own parameters and running statistics. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor, Variable } from "../../tensor/index.js";
import { standardised } from "../../tensor/standardise.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { variableKind } from "../../tensor/variable.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, flag, nullable, range } from "../../util/kinds.js";
import { checkChannels, checkPerChannel, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { checkRunning, moveTowards, normalise, statistics } from "./normalise.js";
import { RunningNorm, type RunningNormOptions, runningNormOptions } from "./running.js";

export interface InstanceNormFunctionOptions {
  /** Mean to normalise by where useInputStats is false, else updated by the input's, `[C]`. Default none. */
  readonly runningMean?: Variable | null;
  /** Variance to normalise by where useInputStats is false, else updated by the input's, `[C]`. Default none. */
  readonly runningVar?: Variable | null;
  /** Scale γ, `[C]`. Default 1. */
  readonly weight?: Tensor | null;
  /** Shift β, `[C]`. Default 0. */
  readonly bias?: Tensor | null;
  /** Whether to normalise by the statistics of the input and update the running ones. Default true. */
  readonly useInputStats?: boolean;
  /** Weight of the input in the running statistics. Default 0.1, range 0 to 1. */
  readonly momentum?: number;
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
}

/**
 * Normalises every channel of every sample to mean 0 and variance 1, then scales and shifts it.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided by n) over
 * all axes but N and C. Running statistics move towards the means over N of μ and of σ², there divided by n − 1.
 *
 * @throws ShapeError if a vector has not C values, or if a channel of a sample has a single value; ConfigError if there
 * are no statistics to normalise by
 * @see Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization", arXiv:1607.08022
 * @example
 * const y = instanceNorm(tensor([[[1, 2, 3]]])); // [[[-1.2247, 0, 1.2247]]]
 */
export const instanceNorm = checked(
  "instanceNorm",
  takes<InstanceNormFunctionOptions>(
    { x: tensorKind },
    {
      runningMean: nullable(variableKind),
      runningVar: nullable(variableKind),
      weight: nullable(tensorKind),
      bias: nullable(tensorKind),
      useInputStats: flag,
      momentum: range(0, 1),
      eps: range(0, Number.POSITIVE_INFINITY),
    },
  ),
  (x: Tensor, options: InstanceNormFunctionOptions = {}): Tensor => {
    const { runningMean, runningVar, weight, bias, useInputStats = true, momentum = 0.1, eps = 1e-5 } = options;
    const value = floats(x);
    checkInput(value, options);
    const C = value.shape[1];
    const perChannel = value.shape.map((_, axis) => (axis === 1 ? C : 1)); // [1, C, 1, ...]
    const affine = { eps, weight: weight?.reshape(perChannel), bias: bias?.reshape(perChannel) };
    if (!useInputStats && runningMean && runningVar) {
      const running = { mean: runningMean.reshape(perChannel), variance: runningVar.reshape(perChannel) };
      return normalise(value, running, affine);
    }
    if (!runningMean && !weight && !bias) return standardised(value, 2, eps);
    const own = statistics(
      value,
      value.shape.map((_, axis) => axis).filter((axis) => axis > 1),
    );
    if (runningMean && runningVar) {
      const n = value.size / (value.shape[0] * C);
      const overSamples = (each: Tensor) => each.mean({ dim: 0 }).reshape([C]);
      moveTowards(runningMean, overSamples(own.mean), momentum);
      moveTowards(runningVar, overSamples(own.variance).mul(n / (n - 1)), momentum);
    }
    return normalise(value, own, affine);
  },
);

function checkInput(x: Tensor, options: InstanceNormFunctionOptions): void {
  const { runningMean, runningVar, weight, bias, useInputStats = true } = options;
  if (x.rank < 3) {
    const problem = `expected x of rank 3 or more [N, C, ...], got x ${shapeText(x.shape)}`;
    throw shapeError("instanceNorm", problem, "Vectors have one value per channel: use layerNorm");
  }
  checkPerChannel("instanceNorm", x, { runningMean, runningVar, weight, bias });
  checkRunning("instanceNorm", runningMean, runningVar);
  if ((useInputStats || !runningMean) && x.size === x.shape[0] * x.shape[1]) {
    const problem = `a channel of a sample needs more than one value, got x ${shapeText(x.shape)}`;
    throw shapeError("instanceNorm", problem, "Normalise larger images, or use layerNorm");
  }
}

export interface InstanceNormOptions extends RunningNormOptions {
  /** Whether to scale and shift by the parameters weight and bias. Default false. */
  readonly affine?: boolean;
  /** Whether to keep running statistics, by which evaluation then normalises. Default false. */
  readonly trackRunningStats?: boolean;
}

const parameters = takes<InstanceNormOptions>({ numFeatures: count() }, runningNormOptions);
const check1d = checkedConstructor("InstanceNorm1d", parameters);
const check2d = checkedConstructor("InstanceNorm2d", parameters);
const check3d = checkedConstructor("InstanceNorm3d", parameters);

const AXES = ["D", "H", "W"];

abstract class InstanceNorm extends RunningNorm {
  readonly #op: string;
  readonly #spatial: number;

  constructor(op: string, spatial: number, numFeatures: number, options: InstanceNormOptions) {
    const { affine = false, trackRunningStats = false, ...rest } = options;
    super(op, numFeatures, { ...rest, affine, trackRunningStats });
    this.#op = op;
    this.#spatial = spatial;
  }

  override forward(x: Tensor): Tensor {
    const full = this.#spatial + 2;
    if (x.rank === full - 1) return this.#normalise(x.unsqueeze(0)).squeeze({ dim: 0 });
    if (x.rank === full) return this.#normalise(x);
    const axes = this.#spatial === 1 ? "L" : AXES.slice(-this.#spatial).join(", ");
    const problem = `expected x [N, C, ${axes}] or [C, ${axes}], got x ${shapeText(x.shape)}`;
    throw shapeError(this.#op, problem, `Use the layer for inputs of rank ${x.rank}, or reshape x`);
  }

  /** PyTorch counts no batches here, and takes a momentum of null for 0. */
  #normalise(x: Tensor): Tensor {
    checkChannels(this.#op, x, this.numFeatures);
    const { runningMean, runningVar, weight, bias, eps, training } = this;
    const useInputStats = training || !runningMean;
    const momentum = this.momentum ?? 0;
    return instanceNorm(x, { runningMean, runningVar, weight, bias, eps, useInputStats, momentum });
  }
}

/**
 * Instance normalisation of sequences.
 *
 * Shape: `[N, C, L]` or `[C, L]`, unchanged. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided by n)
 * of each channel of each sample.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html
 * @example
 * const y = new InstanceNorm1d(16)(zeros([8, 16, 100])); // shape [8, 16, 100]
 */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    check1d([numFeatures, options]);
    super("instanceNorm1d", 1, numFeatures, options);
  }
}

/**
 * Instance normalisation of images.
 *
 * Shape: `[N, C, H, W]` or `[C, H, W]`, unchanged. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided
 * by n) of each channel of each sample.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
 * @example
 * const y = new InstanceNorm2d(16, { affine: true })(zeros([8, 16, 28, 28])); // shape [8, 16, 28, 28]
 */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    check2d([numFeatures, options]);
    super("instanceNorm2d", 2, numFeatures, options);
  }
}

/**
 * Instance normalisation of volumes or videos.
 *
 * Shape: `[N, C, D, H, W]` or `[C, D, H, W]`, unchanged. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ²
 * (divided by n) of each channel of each sample.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html
 * @example
 * const y = new InstanceNorm3d(4)(zeros([2, 4, 8, 8, 8])); // shape [2, 4, 8, 8, 8]
 */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    check3d([numFeatures, options]);
    super("instanceNorm3d", 3, numFeatures, options);
  }
}

export const instanceNorm1dEntry = layerEntry("InstanceNorm1d", parameters, InstanceNorm1d);
export const instanceNorm2dEntry = layerEntry("InstanceNorm2d", parameters, InstanceNorm2d);
export const instanceNorm3dEntry = layerEntry("InstanceNorm3d", parameters, InstanceNorm3d);
