/**
 * The base of normalisation layers per channel: their parameters and running statistics. It must not know which
 * statistics they are.
 */
import { ones, Parameter, type Tensor, Variable, zeros } from "../../tensor/index.js";
import { flag, nullable, range } from "../../util/kinds.js";
import { Module } from "../module.js";

export interface RunningNormOptions {
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
  /** Weight of each batch in the running statistics; null averages all batches equally. Default 0.1, range 0 to 1. */
  readonly momentum?: number | null;
}

/** The kinds of all options of such layers. */
export const runningNormOptions = {
  eps: range(0, Number.POSITIVE_INFINITY),
  momentum: nullable(range(0, 1)),
  affine: flag,
  trackRunningStats: flag,
};

interface Owned extends RunningNormOptions {
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
}

export abstract class RunningNorm extends Module {
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

  constructor(op: string, numFeatures: number, options: Owned) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine, trackRunningStats } = options;
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

  /**
   * Sets the running statistics to what they were before the first batch: mean 0, variance 1, no batches.
   *
   * @example
   * new BatchNorm2d(3).resetRunningStats();
   */
  resetRunningStats(): void {
    this.runningMean?.assign(0);
    this.runningVar?.assign(1);
    this.numBatchesTracked?.assign(0);
  }
}
