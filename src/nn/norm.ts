/**
 * Batch normalisation layers. This file holds their parameters and running statistics; the arithmetic is in
 * functional.ts.
 */

import { shapeError } from "../tensor/check.js";
import { noGrad, ones, Parameter, type Tensor, Variable, zeros } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { count, flag, nullable, range } from "../util/kinds.js";
import { checkChannels, checkImages, shapeText } from "./checks.js";
import { layerEntry } from "./entries.js";
import { batchNorm } from "./functional.js";
import { Module } from "./module.js";

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
