/** Sizes and gains that initial values are scaled by. This file knows nothing of layers or distributions. */
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { finite, shape as shapeKind, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";

/**
 * Number of inputs and outputs of one unit of a weight `[out, in, ...kernel]`.
 *
 * Formula: `fanIn = in · ∏kernel`, `fanOut = out · ∏kernel`.
 *
 * @param shape shape of the weight, rank ≥ 2
 * @throws ConfigError if the shape has fewer than two axes
 * @example
 * fans([16, 3, 5, 5]); // {"fanIn": 75, "fanOut": 400}
 */
export const fans = checked(
  "fans",
  takes({ shape: shapeKind }),
  (shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } => {
    if (shape.length < 2) {
      const hint = "Initialise vectors with zeros, ones or Generator.uniform";
      throw configError("fans", `a weight needs the axes [out, in, ...kernel], got ${shapeText(shape)}`, hint);
    }
    const kernel = shape.slice(2).reduce((product, n) => product * n, 1);
    return { fanIn: shape[1] * kernel, fanOut: shape[0] * kernel };
  },
);

/** Functions behind a weight, by the names of activations; `linear` is none. */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

export interface GainOptions {
  /** Slope of `leakyRelu` below 0. Default 0.01. */
  readonly negativeSlope?: number;
}

const GAINS = {
  linear: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leakyRelu: (slope: number) => Math.sqrt(2 / (1 + slope * slope)),
  selu: () => 3 / 4,
} as const satisfies Record<Nonlinearity, (slope: number) => number>;

/**
 * Factor on the standard deviation of a weight that makes up for what the function behind it does to the variance.
 *
 * | function | gain |
 * |---|---|
 * | linear, sigmoid | 1 |
 * | tanh | 5/3 |
 * | relu | √2 |
 * | leakyRelu | √(2 / (1 + negativeSlope²)) |
 * | selu | 3/4 |
 *
 * @param nonlinearity name of the function
 * @throws ConfigError if the function is not in the table
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain
 * @example
 * const weight = xavierUniform([64, 64], { gain: calculateGain("tanh") });
 */
export const calculateGain = checked(
  "calculateGain",
  takes<GainOptions>({ nonlinearity: word(Object.keys(GAINS)) }, { negativeSlope: finite }),
  (nonlinearity: Nonlinearity, { negativeSlope = 0.01 }: GainOptions = {}): number =>
    GAINS[nonlinearity](negativeSlope),
);
