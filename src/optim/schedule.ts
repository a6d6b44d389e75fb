/**
 * Learning-rate schedules: pure functions from the step, counted from 0, to the learning rate. This file must not know
 * optimizers; whoever trains sets `optimizer.lr = schedule(step)` before each step.
 */
import { checkCount, checkNonNegative, configError } from "./checks.js";

/** Learning rate of a step; steps count from 0, in batches or in epochs as the caller likes. */
export type Schedule = (step: number) => number;

/**
 * The same learning rate in every step.
 *
 * Formula: `lr(t) = lr`.
 *
 * @param lr learning rate, ≥ 0
 * @throws ConfigError if lr is out of range
 * @example
 * constant(0.1)(1000); // 0.1
 */
export function constant(lr: number): Schedule {
  checkNonNegative("constant", "lr", lr);
  return () => lr;
}

export interface StepDecayOptions {
  /** Number of steps between two decays, ≥ 1. */
  readonly stepSize: number;
  /** Factor of each decay. Default 0.1, range ≥ 0. */
  readonly gamma?: number;
}

/**
 * Multiplies the learning rate by gamma every `stepSize` steps.
 *
 * Formula: `lr(t) = lr · gamma^⌊t / stepSize⌋`.
 *
 * @param lr learning rate of the first step, ≥ 0
 * @throws ConfigError if an option is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 * @example
 * stepDecay(0.1, { stepSize: 30 })(45); // 0.01
 */
export function stepDecay(lr: number, { stepSize, gamma = 0.1 }: StepDecayOptions): Schedule {
  checkNonNegative("stepDecay", "lr", lr);
  checkCount("stepDecay", "stepSize", stepSize);
  checkNonNegative("stepDecay", "gamma", gamma);
  return (step) => lr * gamma ** Math.floor(step / stepSize);
}

export interface MultiStepOptions {
  /** Steps from which the learning rate is multiplied once more, ascending. */
  readonly milestones: readonly number[];
  /** Factor of each milestone. Default 0.1, range ≥ 0. */
  readonly gamma?: number;
}

/**
 * Multiplies the learning rate by gamma at each milestone.
 *
 * Formula: `lr(t) = lr · gamma^n`, n the number of milestones ≤ t.
 *
 * @param lr learning rate of the first step, ≥ 0
 * @throws ConfigError if an option is out of range or the milestones do not ascend
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
 * @example
 * multiStep(0.1, { milestones: [32000, 48000] })(40000); // 0.01
 */
export function multiStep(lr: number, { milestones, gamma = 0.1 }: MultiStepOptions): Schedule {
  checkNonNegative("multiStep", "lr", lr);
  checkNonNegative("multiStep", "gamma", gamma);
  milestones.forEach((milestone, index) => {
    checkCount("multiStep", `milestones[${index}]`, milestone, 0);
    if (index > 0 && milestone <= milestones[index - 1]) {
      throw configError("multiStep", `milestones must ascend, got ${milestones.join(", ")}`, "Sort them");
    }
  });
  return (step) => lr * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

export interface CosineOptions {
  /** Number of steps until the minimum is reached, warm-up included, ≥ 1. */
  readonly totalSteps: number;
  /** Number of steps of linear warm-up, below totalSteps. Default 0. */
  readonly warmupSteps?: number;
  /** Learning rate at and after the last step. Default 0, range 0 to lr. */
  readonly minLr?: number;
}

/**
 * Half a cosine wave from lr down to `minLr`, after an optional linear warm-up.
 *
 * Formula, with W = warmupSteps and T = totalSteps:
 * ```text
 * lr(t) = lr · (t + 1) / W                                               for t < W
 * lr(t) = minLr + (lr − minLr) · (1 + cos(π · (t − W) / (T − W))) / 2    for W ≤ t < T
 * lr(t) = minLr                                                          for t ≥ T
 * ```
 *
 * @param lr largest learning rate, ≥ 0
 * @throws ConfigError if an option is out of range
 * @see Loshchilov & Hutter 2017, "SGDR", arXiv:1608.03983; warm-up: Goyal et al. 2017, arXiv:1706.02677
 * @example
 * cosine(0.1, { totalSteps: 1000 })(500); // 0.05
 */
export function cosine(lr: number, { totalSteps, warmupSteps = 0, minLr = 0 }: CosineOptions): Schedule {
  checkNonNegative("cosine", "lr", lr);
  checkCount("cosine", "totalSteps", totalSteps);
  checkCount("cosine", "warmupSteps", warmupSteps, 0);
  checkNonNegative("cosine", "minLr", minLr);
  if (warmupSteps >= totalSteps) {
    const problem = `warmupSteps ${warmupSteps} must be below totalSteps ${totalSteps}`;
    throw configError("cosine", problem, "Shorten the warm-up, or train longer");
  }
  if (minLr > lr) throw configError("cosine", `minLr ${minLr} is above lr ${lr}`, "Swap them");
  return (step) => {
    if (step < warmupSteps) return (lr * (step + 1)) / warmupSteps;
    const progress = Math.min((step - warmupSteps) / (totalSteps - warmupSteps), 1);
    return minLr + ((lr - minLr) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

export interface OneCycleOptions {
  /** Number of steps of the whole cycle, ≥ 1. */
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises. Default 0.3, range 0 to 1. */
  readonly pctStart?: number;
  /** The first rate is lr / divFactor. Default 25, range > 0. */
  readonly divFactor?: number;
  /** The last rate is the first one / finalDivFactor. Default 1e4, range > 0. */
  readonly finalDivFactor?: number;
  /** The way between two rates: half a cosine wave, or a straight line. Default `cos`. */
  readonly anneal?: "cos" | "linear";
}

/**
 * One cycle: up from a small rate to lr, then down to almost nothing. With `anneal: "linear"` it is a triangle.
 *
 * Formula, with the peak at step `P = pctStart · totalSteps − 1` and the end at `E = totalSteps − 1`:
 * ```text
 * lr(t) = way(lr / divFactor, lr, t / P)                                            for t ≤ P
 * lr(t) = way(lr, lr / (divFactor · finalDivFactor), min((t − P) / (E − P), 1))     for t > P
 * way(a, b, s) = b + (a − b) · (1 + cos(π · s)) / 2, or a + (b − a) · s
 * ```
 * Where P is below 0 the cycle begins at its peak, in step 0.
 *
 * @param lr largest learning rate, ≥ 0
 * @throws ConfigError if an option is out of range
 * @see Smith & Topin 2018, "Super-Convergence", arXiv:1708.07120
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
 * @example
 * oneCycle(0.4, { totalSteps: 100 })(29); // 0.4
 */
export function oneCycle(lr: number, options: OneCycleOptions): Schedule {
  const { totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = "cos" } = options;
  checkNonNegative("oneCycle", "lr", lr);
  checkCount("oneCycle", "totalSteps", totalSteps);
  checkNonNegative("oneCycle", "pctStart", pctStart);
  if (pctStart > 1) throw configError("oneCycle", `pctStart must be at most 1, got ${pctStart}`);
  for (const [name, value] of Object.entries({ divFactor, finalDivFactor })) {
    if (Number.isFinite(value) && value > 0) continue;
    throw configError("oneCycle", `${name} must be a finite number > 0, got ${String(value)}`);
  }
  if (anneal !== "cos" && anneal !== "linear") {
    throw configError("oneCycle", `anneal must be cos or linear, got ${String(anneal)}`);
  }
  const way = (from: number, to: number, share: number) =>
    anneal === "cos" ? to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2 : from + (to - from) * share;
  const peak = Math.max(pctStart * totalSteps - 1, 0);
  const end = totalSteps - 1;
  return (step) => {
    if (step < peak) return way(lr / divFactor, lr, step / peak);
    const share = end > peak ? Math.min((step - peak) / (end - peak), 1) : 1;
    return way(lr, lr / divFactor / finalDivFactor, step === peak ? 0 : share);
  };
}
