/** Batch normalisation: as a function, and as layers that own parameters and running statistics. */
import { shapeError } from "../../tensor/check.js";
import { noGrad, ones, Parameter, type Tensor, Variable, zeros } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { variableKind } from "../../tensor/variable.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, either, flag, nullable, range } from "../../util/kinds.js";
import { checkChannels, checkImages, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { moveTowards, normalise, statistics } from "./normalise.js";

export interface BatchNormFunctionOptions {
  /** Mean that evaluation normalises by, `[C]`; in training updated by the mean of the batch. Default none. */
  readonly runningMean?: Variable | null;
  /** Variance that evaluation normalises by, `[C]`; in training updated by that of the batch. Default none. */
  readonly runningVar?: Variable | null;
  /** Scale γ, `[C]`. Default 1. */
  readonly weight?: Tensor | null;
  /** Shift β, `[C]`. Default 0. */
  readonly bias?: Tensor | null;
  /** Whether to normalise by the statistics of the batch and update the running ones. Default false. */
  readonly training?: boolean;
  /** Weight of the batch in the running statistics, a number or a scalar tensor. Default 0.1, range 0 to 1. */
  readonly momentum?: number | Tensor;
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
}

/**
 * Normalises every channel to mean 0 and variance 1, then scales and shifts it.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`. In training μ and σ² are those of
 * the batch over all axes but C (σ² divided by n), and `running ← (1 − momentum) · running + momentum · batch`, there
 * with σ² divided by n − 1. In evaluation, and only if there are any, the running statistics are used.
 *
 * @throws ShapeError if a vector has not C values, or if the batch has one value per channel in training
 * @see Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167
 * @example
 * const y = batchNorm(images, { training: true }); // mean 0, variance 1 in each channel
 */
export const batchNorm = checked(
  "batchNorm",
  takes<BatchNormFunctionOptions>(
    { x: tensorKind },
    {
      weight: nullable(tensorKind),
      bias: nullable(tensorKind),
      training: flag,
      momentum: either(range(0, 1), tensorKind),
      eps: range(0, Number.POSITIVE_INFINITY),
      runningMean: nullable(variableKind),
      runningVar: nullable(variableKind),
    },
  ),
  (x: Tensor, options: BatchNormFunctionOptions = {}): Tensor => {
    const { runningMean, runningVar, weight, bias, training = false, momentum = 0.1, eps = 1e-5 } = options;
    checkBatchNorm(x, options);
    const C = x.shape[1];
    const perChannel = x.shape.map((_, axis) => (axis === 1 ? C : 1)); // [1, C, 1, ...]
    const affine = { eps, weight: weight?.reshape(perChannel), bias: bias?.reshape(perChannel) };
    if (!training && runningMean && runningVar) {
      const running = { mean: runningMean.reshape(perChannel), variance: runningVar.reshape(perChannel) };
      return normalise(x, running, affine);
    }
    const dim = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const batch = statistics(x, dim);
    if (training && runningMean && runningVar) {
      const count = x.size / C;
      moveTowards(runningMean, batch.mean.reshape([C]), momentum);
      moveTowards(runningVar, batch.variance.reshape([C]).mul(count / (count - 1)), momentum);
    }
    return normalise(x, batch, affine);
  },
);

function checkBatchNorm(x: Tensor, options: BatchNormFunctionOptions): void {
  const { runningMean, runningVar, weight, bias, training } = options;
  if (x.rank < 2) {
    const problem = `expected x of rank 2 or more [N, C, ...], got x ${shapeText(x.shape)}`;
    throw shapeError("batchNorm", problem, "Add the batch axis with x.unsqueeze(0)");
  }
  const C = x.shape[1];
  for (const [name, vector] of Object.entries({ runningMean, runningVar, weight, bias })) {
    if (vector && (vector.rank !== 1 || vector.shape[0] !== C)) {
      const problem = `expected ${name} [${C}] for x ${shapeText(x.shape)}, got ${name} ${shapeText(vector.shape)}`;
      throw shapeError("batchNorm", problem, "Use one value per channel");
    }
  }
  if (!runningMean !== !runningVar) {
    throw configError("batchNorm", "got one of runningMean and runningVar", "Pass both or neither");
  }
  if (training && x.size / C < 2) {
    const problem = `training needs more than one value per channel, got x ${shapeText(x.shape)}`;
    throw shapeError("batchNorm", problem, "Use larger batches (drop the last, incomplete one), or eval()");
  }
}

export interface BatchNormOptions {
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
  /** Weight of each batch in the running statistics; null averages all batches equally. Default 0.1, range 0 to 1. */
  readonly momentum?: number | null;
  /** Whether to scale and shift by the parameters weight and bias. Default true. */
  readonly affine?: boolean;
  /** Whether to keep running statistics; without them evaluation normalises by the batch too. Default true. */
  readonly trackRunningStats?: boolean;
}

const parameters = takes<BatchNormOptions>(
  { numFeatures: count() },
  {
    eps: range(0, Number.POSITIVE_INFINITY),
    momentum: nullable(range(0, 1)),
    affine: flag,
    trackRunningStats: flag,
  },
);
const check1d = checkedConstructor("BatchNorm1d", parameters);
const check2d = checkedConstructor("BatchNorm2d", parameters);

abstract class BatchNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  /** Scale γ, `[numFeatures]`, starts at 1. */
  readonly weight: Parameter | null;
  /** Shift β, `[numFeatures]`, starts at 0. */
  readonly bias: Parameter | null;
  /** Running mean, `[numFeatures]`, starts at 0. */
  readonly runningMean: Variable | null;
  /** Running variance, `[numFeatures]`, starts at 1; updated with variances divided by n − 1. */
  readonly runningVar: Variable | null;
  /** Number of batches in the running statistics, an i32 scalar. */
  readonly numBatchesTracked: Variable | null;

  constructor(op: string, numFeatures: number, options: BatchNormOptions) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    const shape = [numFeatures];
    this.weight = affine ? new Parameter(ones(shape), { name: `${op}.weight` }) : null;
    this.bias = affine ? new Parameter(zeros(shape), { name: `${op}.bias` }) : null;
    const buffer = (initial: Tensor, name: string) =>
      trackRunningStats ? new Variable(initial, { name: `${op}.${name}` }) : null;
    this.runningMean = buffer(zeros(shape), "running_mean");
    this.runningVar = buffer(ones(shape), "running_var");
    this.numBatchesTracked = buffer(zeros([], { dtype: "i32" }), "num_batches_tracked");
  }

  protected abstract checkInput(x: Tensor): void;

  override forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { runningMean, runningVar, weight, bias, eps, training } = this;
    const momentum = training ? this.#countBatch() : 0;
    return batchNorm(x, { runningMean, runningVar, weight, bias, eps, training, momentum });
  }

  /** Counts the batch and returns its weight in the running statistics. */
  #countBatch(): number | Tensor {
    const batches = this.numBatchesTracked;
    if (!batches) return 0;
    return noGrad(() => {
      batches.assign(batches.add(1));
      return this.momentum ?? batches.to("f32").reciprocal();
    });
  }
}

/**
 * Batch normalisation of vectors or sequences.
 *
 * Shape: `[N, C] -> [N, C]` or `[N, C, L] -> [N, C, L]`.
 * Formula: `y = (x − μ) / √(σ² + eps) · γ + β` per channel; in training with the batch's μ and σ², which also update
 * the running statistics (`running ← (1 − momentum) · running + momentum · batch`), in evaluation with the running
 * ones.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167
 * @example
 * const y = new BatchNorm1d(16)(zeros([8, 16])); // shape [8, 16]
 */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    check1d([numFeatures, options]);
    super("batchNorm1d", numFeatures, options);
  }

  protected override checkInput(x: Tensor): void {
    if (x.rank !== 2 && x.rank !== 3) {
      const hint = x.rank === 4 ? "Images need BatchNorm2d" : "Add the batch axis with x.unsqueeze(0)";
      throw shapeError("batchNorm1d", `expected x [N, C] or [N, C, L], got x ${shapeText(x.shape)}`, hint);
    }
    checkChannels("batchNorm1d", x, this.numFeatures);
  }
}

/**
 * Batch normalisation of images.
 *
 * Shape: `[N, C, H, W] -> [N, C, H, W]`.
 * Formula: `y = (x − μ) / √(σ² + eps) · γ + β` per channel; in training with the batch's μ and σ², which also update
 * the running statistics (`running ← (1 − momentum) · running + momentum · batch`), in evaluation with the running
 * ones.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167
 * @example
 * const y = new BatchNorm2d(16)(zeros([8, 16, 28, 28])); // shape [8, 16, 28, 28]
 */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    check2d([numFeatures, options]);
    super("batchNorm2d", numFeatures, options);
  }

  protected override checkInput(x: Tensor): void {
    checkImages("batchNorm2d", x, this.numFeatures);
  }
}

export const batchNorm1dEntry = layerEntry("BatchNorm1d", parameters, BatchNorm1d);
export const batchNorm2dEntry = layerEntry("BatchNorm2d", parameters, BatchNorm2d);
