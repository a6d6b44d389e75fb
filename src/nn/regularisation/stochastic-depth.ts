/** Stochastic depth, also called drop path: as a function, as a layer that owns its random stream, and as an entry. */
import { shapeError } from "../../tensor/check.js";
import type { Generator, Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { flag, range, word } from "../../util/kinds.js";
import { layerEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { Module } from "../module.js";
import { nextDropoutGenerator } from "../random.js";
import { checkFloats, dropped, requiredGenerator } from "./checks.js";

/** What is dropped together: each sample (`row`), or the whole batch. */
export type StochasticDepthMode = "row" | "batch";

export interface StochasticDepthFunctionOptions {
  /** Whether to drop; false returns x. Default true. */
  readonly training?: boolean;
}

const positional = { p: range(0, 1), mode: word(["row", "batch"]) };

/**
 * Zeroes whole samples with probability p and scales the others by 1/(1−p): the branch of a residual block that is
 * dropped leaves the identity.
 *
 * Shape: `[N, ...]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample, or one in all.
 *
 * @param p probability of dropping, 0 to 1
 * @param mode `row` draws for each sample, `batch` once
 * @param generator source of the mask; its counter advances at every call in training
 * @throws ShapeError if x is a scalar; DTypeError if x is no float tensor
 * @see Huang et al. 2016, "Deep Networks with Stochastic Depth", arXiv:1603.09382
 * @example
 * const y = stochasticDepth(ones([8, 16]), 0.2, "row", new Generator(1)); // rows of 1.25 or of 0
 */
export const stochasticDepth = checked(
  "stochasticDepth",
  takes<StochasticDepthFunctionOptions>(
    { x: tensorKind, ...positional, generator: requiredGenerator },
    { training: flag },
  ),
  (
    x: Tensor,
    p: number,
    mode: StochasticDepthMode,
    generator: Generator,
    { training = true }: StochasticDepthFunctionOptions = {},
  ): Tensor => {
    checkFloats("stochasticDepth", x);
    if (x.rank === 0) throw shapeError("stochasticDepth", "expected x [N, ...], got a scalar", "Add the batch axis");
    if (!training || p === 0) return x;
    const shape = x.shape.map((size, axis) => (axis === 0 && mode === "row" ? size : 1));
    return dropped(x, generator, p, shape);
  },
);

export interface StochasticDepthOptions {
  /** Source of the masks. Default: a stream of its own under the seed of `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<StochasticDepthOptions>(positional, { generator: generatorKind });
const check = checkedConstructor("StochasticDepth", parameters);

/**
 * Stochastic depth, put behind the branch of a residual block: in training the output of whole samples is zeroed with
 * probability p and the others are scaled by 1/(1−p); in evaluation the input is returned.
 *
 * Shape: `[N, ...]`, unchanged. Formula: `y = x · m / (1 − p)`, `m ~ Bernoulli(1 − p)`, one m per sample, or one in all.
 *
 * @param p probability of dropping, 0 to 1
 * @param mode `row` draws for each sample, `batch` once
 * @throws ConfigError if p or the mode is out of range
 * @see https://pytorch.org/vision/stable/generated/torchvision.ops.stochastic_depth.html
 * @example
 * const y = new StochasticDepth(0.2, "row").eval()(ones([2, 2])); // [[1, 1], [1, 1]]
 */
export class StochasticDepth extends Module {
  readonly p: number;
  readonly mode: StochasticDepthMode;
  /** The random stream of the masks; its counter advances at every call in training. */
  readonly generator: Generator;

  constructor(p: number, mode: StochasticDepthMode, options: StochasticDepthOptions = {}) {
    check([p, mode, options]);
    super();
    this.p = p;
    this.mode = mode;
    this.generator = options.generator ?? nextDropoutGenerator();
  }

  override forward(x: Tensor): Tensor {
    return stochasticDepth(x, this.p, this.mode, this.generator, { training: this.training });
  }
}

export const stochasticDepthEntry = layerEntry("StochasticDepth", parameters, StochasticDepth);
