/**
 * The fully connected layer. This file holds its parameters and their initial values; the arithmetic is in
 * functional.ts.
 */
import { type Generator, Parameter, type Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { count, flag } from "../util/kinds.js";
import { layerEntry } from "./entries.js";
import { linear } from "./functional.js";
import { kaimingUniform } from "./init/index.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { defaultGenerator } from "./random.js";

export interface LinearOptions {
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<LinearOptions>(
  { inFeatures: count(), outFeatures: count() },
  { bias: flag, generator: generatorKind },
);
const check = checkedConstructor("Linear", parameters);

/**
 * Fully connected layer.
 *
 * Shape: `[..., inFeatures] -> [..., outFeatures]`.
 * Formula: `y = x Wᵀ + b`. W and b start as `U(−1/√inFeatures, 1/√inFeatures)`, PyTorch's default.
 *
 * @param inFeatures size of the last axis of the input, ≥ 1
 * @param outFeatures size of the last axis of the output, ≥ 1
 * @throws ConfigError if a size is not a whole number ≥ 1; ShapeError from the call if the last axis differs
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 * @example
 * const logits = new Linear(784, 10)(zeros([32, 784])); // shape [32, 10]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Weight W, `[outFeatures, inFeatures]`. */
  readonly weight: Parameter;
  /** Bias b, `[outFeatures]`; null without bias. */
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    check([inFeatures, outFeatures, options]);
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const { bias = true, generator = defaultGenerator() } = options;
    const bound = 1 / Math.sqrt(inFeatures);
    this.weight = new Parameter(kaimingUniform([outFeatures, inFeatures], { a: Math.sqrt(5), generator }), {
      name: "linear.weight",
    });
    this.bias = bias
      ? new Parameter(generator.uniform([outFeatures], { low: -bound, high: bound }), { name: "linear.bias" })
      : null;
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, { bias: this.bias });
  }
}

export const linearEntry = layerEntry("Linear", parameters, Linear);
