/** The bilinear map of two inputs: the function, the layer and its entry. */
import { shapeError } from "../tensor/check.js";
import { type Generator, Parameter, type Tensor } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../util/arguments.js";
import { count, flag, nullable } from "../util/kinds.js";
import { shapeText } from "./checks.js";
import { layerEntry } from "./entries.js";
import { generatorKind } from "./kinds.js";
import { Module } from "./module.js";
import { defaultGenerator } from "./random.js";

export interface BilinearFunctionOptions {
  /** Bias `[M]`. Default none. */
  readonly bias?: Tensor | null;
}

/**
 * Bilinear map of the last axes of two inputs.
 *
 * Shape: `x1 [..., I], x2 [..., J], weight [M, I, J] -> [..., M]`. Formula: `y_m = Σ_ij x1_i · W_mij · x2_j + b_m`.
 *
 * @throws ShapeError if the shapes do not fit together
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html
 * @example
 * const y = bilinear(ones([8, 3]), ones([8, 4]), ones([2, 3, 4])); // shape [8, 2]
 */
export const bilinear = checked(
  "bilinear",
  takes<BilinearFunctionOptions>(
    { x1: tensorKind, x2: tensorKind, weight: tensorKind },
    { bias: nullable(tensorKind) },
  ),
  (x1: Tensor, x2: Tensor, weight: Tensor, { bias }: BilinearFunctionOptions = {}): Tensor => {
    const head = x1.shape.slice(0, -1);
    const [M, I, J] = weight.shape;
    const fits =
      weight.rank === 3 && x1.rank > 0 && x1.shape.at(-1) === I && shapeText([...head, J]) === shapeText(x2.shape);
    if (!fits) {
      const problem = `x1 ${shapeText(x1.shape)}, x2 ${shapeText(x2.shape)} and weight ${shapeText(weight.shape)}`;
      throw shapeError("bilinear", `${problem} do not fit together`, "Give x1 [..., I], x2 [..., J], weight [M, I, J]");
    }
    const rows = head.reduce((product, n) => product * n, 1);
    const wide = weight.permute([1, 0, 2]).reshape([I, M * J]);
    const half = x1.reshape([rows, I]).matmul(wide).reshape([rows, M, J]);
    const y = half.mul(x2.reshape([rows, 1, J])).sum({ dim: 2 });
    return (bias ? y.add(bias) : y).reshape([...head, M]);
  },
);

export interface BilinearOptions {
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Source of the initial values. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const parameters = takes<BilinearOptions>(
  { in1Features: count(), in2Features: count(), outFeatures: count() },
  { bias: flag, generator: generatorKind },
);
const check = checkedConstructor("Bilinear", parameters);

/**
 * Bilinear map of two inputs.
 *
 * Shape: `x1 [..., in1Features], x2 [..., in2Features] -> [..., outFeatures]`.
 * Formula: `y_m = Σ_ij x1_i · W_mij · x2_j + b_m`. W and b start as `U(−1/√in1Features, 1/√in1Features)`.
 *
 * @param in1Features size of the last axis of x1, ≥ 1
 * @param in2Features size of the last axis of x2, ≥ 1
 * @param outFeatures size of the last axis of the output, ≥ 1
 * @throws ConfigError if a size is out of range; ShapeError from the call if the inputs do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
 * @example
 * const y = new Bilinear(3, 4, 2)(ones([8, 3]), ones([8, 4])); // shape [8, 2]
 */
export class Bilinear extends Module<[x1: Tensor, x2: Tensor]> {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  /** `[outFeatures, in1Features, in2Features]` */
  readonly weight: Parameter;
  /** `[outFeatures]` */
  readonly bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options: BilinearOptions = {}) {
    check([in1Features, in2Features, outFeatures, options]);
    super();
    const { bias = true, generator = defaultGenerator() } = options;
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    const bound = 1 / Math.sqrt(in1Features);
    const uniform = (shape: readonly number[]) => generator.uniform(shape, { low: -bound, high: bound });
    this.weight = new Parameter(uniform([outFeatures, in1Features, in2Features]), { name: "bilinear.weight" });
    this.bias = bias ? new Parameter(uniform([outFeatures]), { name: "bilinear.bias" }) : null;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, { bias: this.bias });
  }
}

export const bilinearEntry = layerEntry("Bilinear", parameters, Bilinear);
