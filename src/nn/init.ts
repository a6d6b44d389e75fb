/**
 * Initial values of weights, as pure functions of a shape: the scaled uniform and normal distributions of Glorot and of
 * He. This file knows nothing of layers; a weight is `[out, in, ...kernel]`, as in PyTorch.
 */
import type { Generator, Tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { range, shape as shapeKind, word } from "../util/kinds.js";
import { shapeText } from "./checks.js";
import { initialiserEntry } from "./entries.js";
import { generatorKind } from "./kinds.js";
import { defaultGenerator } from "./random.js";

/** Options of the distributions that keep the variance of activations (fan-in) or of gradients (fan-out). */
export interface KaimingOptions {
  /** Negative slope of the leaky ReLU that follows; 0 means a plain ReLU. Default 0, range ≥ 0. */
  readonly a?: number;
  /** The fan that the variance is divided by: `fanIn` (default) or `fanOut`. */
  readonly mode?: "fanIn" | "fanOut";
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

/** Options of Glorot's distributions. */
export interface XavierOptions {
  /** Factor on the standard deviation. Default 1, range > 0. */
  readonly gain?: number;
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const positive = range(0, Number.POSITIVE_INFINITY);
const kaimingOptions = { a: positive, mode: word(["fanIn", "fanOut"]), generator: generatorKind };
const xavierOptions = { gain: positive, generator: generatorKind };
const kaiming = takes<KaimingOptions>({ shape: shapeKind }, kaimingOptions);
const xavier = takes<XavierOptions>({ shape: shapeKind }, xavierOptions);

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

/**
 * He's uniform distribution: `U(−b, b)` with `b = √(6 / ((1 + a²) · fan))`.
 *
 * With `a = √5` this is PyTorch's default for linear and convolution weights, where it reduces to `b = 1/√fanIn`.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape or an option is out of range
 * @see He et al. 2015, "Delving Deep into Rectifiers", arXiv:1502.01852
 * @example
 * const weight = kaimingUniform([10, 784], { generator: new Generator(1) });
 */
export const kaimingUniform = checked(
  "kaimingUniform",
  kaiming,
  (shape: readonly number[], options: KaimingOptions = {}): Tensor => {
    const bound = Math.sqrt(3) * kaimingStd(shape, options);
    return (options.generator ?? defaultGenerator()).uniform(shape, { low: -bound, high: bound });
  },
);

/**
 * He's normal distribution: `N(0, σ²)` with `σ = √(2 / ((1 + a²) · fan))`.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape or an option is out of range
 * @see He et al. 2015, "Delving Deep into Rectifiers", arXiv:1502.01852
 * @example
 * const weight = kaimingNormal([64, 3, 7, 7], { mode: "fanOut" });
 */
export const kaimingNormal = checked(
  "kaimingNormal",
  kaiming,
  (shape: readonly number[], options: KaimingOptions = {}): Tensor => {
    const std = kaimingStd(shape, options);
    return (options.generator ?? defaultGenerator()).normal(shape, { std });
  },
);

/**
 * Glorot's uniform distribution: `U(−b, b)` with `b = gain · √(6 / (fanIn + fanOut))`.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape or an option is out of range
 * @see Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
 * @example
 * const weight = xavierUniform([64, 64], { gain: 5 / 3 }); // before tanh
 */
export const xavierUniform = checked(
  "xavierUniform",
  xavier,
  (shape: readonly number[], options: XavierOptions = {}): Tensor => {
    const bound = Math.sqrt(3) * xavierStd(shape, options);
    return (options.generator ?? defaultGenerator()).uniform(shape, { low: -bound, high: bound });
  },
);

/**
 * Glorot's normal distribution: `N(0, σ²)` with `σ = gain · √(2 / (fanIn + fanOut))`.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape or an option is out of range
 * @see Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
 * @example
 * const weight = xavierNormal([64, 64]);
 */
export const xavierNormal = checked(
  "xavierNormal",
  xavier,
  (shape: readonly number[], options: XavierOptions = {}): Tensor => {
    const std = xavierStd(shape, options);
    return (options.generator ?? defaultGenerator()).normal(shape, { std });
  },
);

function kaimingStd(shape: readonly number[], { a = 0, mode = "fanIn" }: KaimingOptions): number {
  const fan = fans(shape)[mode];
  return Math.sqrt(2 / ((1 + a * a) * fan));
}

function xavierStd(shape: readonly number[], { gain = 1 }: XavierOptions): number {
  const { fanIn, fanOut } = fans(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** The registry row of {@link kaimingUniform}. */
export const kaimingUniformEntry = initialiserEntry({
  name: "kaimingUniform",
  schema: kaimingOptions,
  make: (options: KaimingOptions) => (shape: readonly number[]) => kaimingUniform(shape, options),
});

/** The registry row of {@link kaimingNormal}. */
export const kaimingNormalEntry = initialiserEntry({
  name: "kaimingNormal",
  schema: kaimingOptions,
  make: (options: KaimingOptions) => (shape: readonly number[]) => kaimingNormal(shape, options),
});

/** The registry row of {@link xavierUniform}. */
export const xavierUniformEntry = initialiserEntry({
  name: "xavierUniform",
  schema: xavierOptions,
  make: (options: XavierOptions) => (shape: readonly number[]) => xavierUniform(shape, options),
});

/** The registry row of {@link xavierNormal}. */
export const xavierNormalEntry = initialiserEntry({
  name: "xavierNormal",
  schema: xavierOptions,
  make: (options: XavierOptions) => (shape: readonly number[]) => xavierNormal(shape, options),
});
