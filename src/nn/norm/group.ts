/** Group normalisation: as a function, as a layer, and as an entry of the registry. */
import { shapeError } from "../../tensor/check.js";
import { ones, Parameter, type Tensor, zeros } from "../../tensor/index.js";
import { standardised } from "../../tensor/standardise.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, flag, nullable, range } from "../../util/kinds.js";
import { checkChannels, checkPerChannel, shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { normalise, statistics } from "./normalise.js";

export interface GroupNormFunctionOptions {
  /** Scale γ, `[C]`. Default 1. */
  readonly weight?: Tensor | null;
  /** Shift β, `[C]`. Default 0. */
  readonly bias?: Tensor | null;
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
}

const eps = range(0, Number.POSITIVE_INFINITY);

/**
 * Normalises every group of neighbouring channels of every sample to mean 0 and variance 1, then scales and shifts each
 * channel.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided by n) over
 * the C / numGroups channels of a group and all axes behind C.
 *
 * @param numGroups number of groups, a divisor of C
 * @throws ShapeError if C is no multiple of numGroups, or if a vector has not C values
 * @see Wu & He 2018, "Group Normalization", arXiv:1803.08494
 * @example
 * const y = groupNorm(zeros([8, 32, 14, 14]), 4); // shape [8, 32, 14, 14]
 */
export const groupNorm = checked(
  "groupNorm",
  takes<GroupNormFunctionOptions>(
    { x: tensorKind, numGroups: count() },
    { weight: nullable(tensorKind), bias: nullable(tensorKind), eps },
  ),
  (x: Tensor, numGroups: number, options: GroupNormFunctionOptions = {}): Tensor => {
    const { weight, bias, eps = 1e-5 } = options;
    checkGroups(x, numGroups);
    checkPerChannel("groupNorm", x, { weight, bias });
    const [N, C] = x.shape;
    const width = C / numGroups;
    const rest = x.size / (N * C) || 0;
    const grouped = floats(x).reshape([N, numGroups, width, rest]);
    const perChannel = [1, numGroups, width, 1];
    const affine = { eps, weight: weight?.reshape(perChannel), bias: bias?.reshape(perChannel) };
    // Gradients of weight and bias are sums of their own, which share passes with those of the statistics.
    if (!weight && !bias) return standardised(grouped, 2, eps).reshape(x.shape);
    return normalise(grouped, statistics(grouped, [2, 3]), affine).reshape(x.shape);
  },
);

function checkGroups(x: Tensor, numGroups: number): void {
  if (x.rank < 2) {
    const problem = `expected x of rank 2 or more [N, C, ...], got x ${shapeText(x.shape)}`;
    throw shapeError("groupNorm", problem, "Add the batch axis with x.unsqueeze(0)");
  }
  if (x.shape[1] % numGroups !== 0) {
    const problem = `${x.shape[1]} channels cannot be divided into ${numGroups} groups, got x ${shapeText(x.shape)}`;
    throw shapeError("groupNorm", problem, "Choose a divisor of the number of channels");
  }
}

export interface GroupNormOptions {
  /** ε, added to the variance. Default 1e-5, range ≥ 0. */
  readonly eps?: number;
  /** Whether to scale and shift by the parameters weight and bias. Default true. */
  readonly affine?: boolean;
}

const parameters = takes<GroupNormOptions>({ numGroups: count(), numChannels: count() }, { eps, affine: flag });
const check = checkedConstructor("GroupNorm", parameters);

/**
 * Normalisation over groups of neighbouring channels of each sample.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y = (x − μ) / √(σ² + eps) · γ + β`, with μ and σ² (divided by n) over
 * the channels of a group and all axes behind C.
 *
 * @param numGroups number of groups, a divisor of numChannels
 * @param numChannels C, ≥ 1
 * @throws ConfigError if numChannels is no multiple of numGroups; ShapeError from the call if channels differ
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
 * @example
 * const y = new GroupNorm(4, 32)(zeros([8, 32, 14, 14])); // shape [8, 32, 14, 14]
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  /** Scale γ, `[numChannels]`, starts at 1. */
  readonly weight: Parameter | null;
  /** Shift β, `[numChannels]`, starts at 0. */
  readonly bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    check([numGroups, numChannels, options]);
    super();
    if (numChannels % numGroups !== 0) {
      const problem = `${numChannels} channels cannot be divided into ${numGroups} groups`;
      throw configError("GroupNorm", problem, "Choose a divisor of the number of channels");
    }
    const { eps = 1e-5, affine = true } = options;
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? new Parameter(ones([numChannels]), { name: "groupNorm.weight" }) : null;
    this.bias = affine ? new Parameter(zeros([numChannels]), { name: "groupNorm.bias" }) : null;
  }

  override forward(x: Tensor): Tensor {
    if (x.rank >= 2) checkChannels("groupNorm", x, this.numChannels);
    const { weight, bias, eps } = this;
    return groupNorm(x, this.numGroups, { weight, bias, eps });
  }
}

export const groupNormEntry = layerEntry("GroupNorm", parameters, GroupNorm);
