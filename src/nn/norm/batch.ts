/** Batch normalisation: as a function, and as layers that own parameters and running statistics. */
import { shapeError } from "../../tensor/check.js";
import { noGrad, type Tensor, type Variable } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { variableKind } from "../../tensor/variable.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, either, flag, nullable, range } from "../../util/kinds.js";
import { checkChannels, checkImages, checkPerChannel, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { checkRunning, moveTowards, normalise, statistics } from "./normalise.js";
import { RunningNorm, type RunningNormOptions, runningNormOptions } from "./running.js";

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
  checkPerChannel("batchNorm", x, { runningMean, runningVar, weight, bias });
  checkRunning("batchNorm", runningMean, runningVar);
  if (training && x.size / x.shape[1] < 2) {
    const problem = `training needs more than one value per channel, got x ${shapeText(x.shape)}`;
    throw shapeError("batchNorm", problem, "Use larger batches (drop the last, incomplete one), or eval()");
  }
}

export interface BatchNormOptions extends RunningNormOptions {
  /** Whether to scale and shift by the parameters weight and bias. Default true. */
  readonly affine?: boolean;
  /** Whether to keep running statistics; without them evaluation normalises by the batch too. Default true. */
  readonly trackRunningStats?: boolean;
}

const parameters = takes<BatchNormOptions>({ numFeatures: count() }, runningNormOptions);
const check1d = checkedConstructor("BatchNorm1d", parameters);
const check2d = checkedConstructor("BatchNorm2d", parameters);
const check3d = checkedConstructor("BatchNorm3d", parameters);

abstract class BatchNorm extends RunningNorm {
  constructor(op: string, numFeatures: number, options: BatchNormOptions) {
    const { affine = true, trackRunningStats = true, ...rest } = options;
    super(op, numFeatures, { ...rest, affine, trackRunningStats });
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

/**
 * Batch normalisation of volumes or videos.
 *
 * Shape: `[N, C, D, H, W] -> [N, C, D, H, W]`.
 * Formula: `y = (x − μ) / √(σ² + eps) · γ + β` per channel; in training with the batch's μ and σ², which also update
 * the running statistics (`running ← (1 − momentum) · running + momentum · batch`), in evaluation with the running
 * ones.
 *
 * @param numFeatures C, ≥ 1
 * @throws ConfigError if an option is out of range; ShapeError from the call if rank or channels differ
 * @see Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167
 * @example
 * const y = new BatchNorm3d(4)(zeros([2, 4, 8, 8, 8])); // shape [2, 4, 8, 8, 8]
 */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    check3d([numFeatures, options]);
    super("batchNorm3d", numFeatures, options);
  }

  protected override checkInput(x: Tensor): void {
    if (x.rank !== 5) {
      const problem = `expected x of rank 5 [N, C, D, H, W], got x ${shapeText(x.shape)}`;
      const hint = x.rank === 4 ? "Images need BatchNorm2d" : "Reshape x to volumes: x.reshape([N, C, D, H, W])";
      throw shapeError("batchNorm3d", problem, hint);
    }
    checkChannels("batchNorm3d", x, this.numFeatures);
  }
}

export const batchNorm1dEntry = layerEntry("BatchNorm1d", parameters, BatchNorm1d);
export const batchNorm2dEntry = layerEntry("BatchNorm2d", parameters, BatchNorm2d);
export const batchNorm3dEntry = layerEntry("BatchNorm3d", parameters, BatchNorm3d);
