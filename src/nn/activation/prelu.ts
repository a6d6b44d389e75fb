/** The rectified linear unit with a learned slope: as a function, as a layer, and as an entry of the registry. */
import { shapeError } from "../../tensor/check.js";
import { full, Parameter, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { count, finite } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";

/**
 * Rectified linear unit with a slope below 0 for each channel.
 *
 * Shape: `x [N, C, ...], weight [C] or [1] -> [N, C, ...]`. Formula: `y = x` for x > 0, else `weight_c · x`.
 *
 * @param weight slopes: one for each channel, or a single one
 * @throws ShapeError if the weight has neither one value nor one per channel
 * @see He et al. 2015, "Delving Deep into Rectifiers", arXiv:1502.01852
 * @example
 * const y = prelu(tensor([[-1, -1, 2]]), tensor([0.1, 0.2, 0.3])); // [[-0.1, -0.2, 2]]
 */
export const prelu = checked(
  "prelu",
  takes({ x: tensorKind, weight: tensorKind }),
  (x: Tensor, weight: Tensor): Tensor => {
    const channels = x.rank > 1 ? x.shape[1] : 1;
    if (weight.rank !== 1 || (weight.size !== 1 && weight.size !== channels)) {
      const problem = `expected weight [${channels}] or [1] for x ${shapeText(x.shape)}, got ${shapeText(weight.shape)}`;
      throw shapeError("prelu", problem, "Use one slope per channel, or a single one");
    }
    const value = floats(x);
    const slope = weight.reshape(x.shape.map((_, axis) => (axis === 1 ? weight.size : 1)));
    return value.gt(0).where(value, value.mul(slope));
  },
);

export interface PReLUOptions {
  /** Number of slopes: that of the channels, or 1 for a single slope. Default 1, range ≥ 1. */
  readonly numParameters?: number;
  /** Slope at the start. Default 0.25. */
  readonly init?: number;
}

const parameters = takes<PReLUOptions>({}, { numParameters: count(), init: finite });
const check = checkedConstructor("PReLU", parameters);

/**
 * Rectified linear unit with a learned slope below 0.
 *
 * Shape: `[N, C, ...] -> [N, C, ...]`. Formula: `y = x` for x > 0, else `weight_c · x`.
 *
 * @throws ConfigError if an option is out of range; ShapeError from the call if the number of channels differs
 * @see https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html
 * @example
 * const y = new PReLU({ numParameters: 3 })(tensor([[-1, -1, 2]])); // [[-0.25, -0.25, 2]]
 */
export class PReLU extends Module {
  readonly numParameters: number;
  /** Slopes, `[numParameters]`. */
  readonly weight: Parameter;

  constructor(options: PReLUOptions = {}) {
    check([options]);
    super();
    const { numParameters = 1, init = 0.25 } = options;
    this.numParameters = numParameters;
    this.weight = new Parameter(full([numParameters], init), { name: "prelu.weight" });
  }

  override forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }
}

export const preluEntry = layerEntry("PReLU", parameters, PReLU);
