/** Initial values whose spread follows from the number of inputs and outputs: those of LeCun, Glorot and He. */
import type { Generator, Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { range, shape as shapeKind, word } from "../../util/kinds.js";
import { initialiserEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { defaultGenerator } from "../random.js";
import { fans } from "./fans.js";

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

/** Options of LeCun's distributions. */
export interface LecunOptions {
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

const positive = range(0, Number.POSITIVE_INFINITY);
const kaimingOptions = { a: positive, mode: word(["fanIn", "fanOut"]), generator: generatorKind };
const xavierOptions = { gain: positive, generator: generatorKind };
const lecunOptions = { generator: generatorKind };
const lecun = takes<LecunOptions>({ shape: shapeKind }, lecunOptions);
const kaiming = takes<KaimingOptions>({ shape: shapeKind }, kaimingOptions);
const xavier = takes<XavierOptions>({ shape: shapeKind }, xavierOptions);

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

/**
 * LeCun's uniform distribution: `U(−b, b)` with `b = √(3 / fanIn)`, which preserves the variance of linear layers.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape has fewer than two axes
 * @see LeCun et al. 1998, "Efficient BackProp"
 * @example
 * const weight = lecunUniform([64, 64]); // before selu
 */
export const lecunUniform = checked(
  "lecunUniform",
  lecun,
  (shape: readonly number[], options: LecunOptions = {}): Tensor => {
    const bound = Math.sqrt(3 / fans(shape).fanIn);
    return (options.generator ?? defaultGenerator()).uniform(shape, { low: -bound, high: bound });
  },
);

/**
 * LeCun's normal distribution: `N(0, 1 / fanIn)`, which preserves the variance of linear layers.
 *
 * @param shape shape of the weight, `[out, in, ...kernel]`
 * @throws ConfigError if the shape has fewer than two axes
 * @see LeCun et al. 1998, "Efficient BackProp"
 * @example
 * const weight = lecunNormal([64, 64]); // before selu
 */
export const lecunNormal = checked(
  "lecunNormal",
  lecun,
  (shape: readonly number[], options: LecunOptions = {}): Tensor => {
    return (options.generator ?? defaultGenerator()).normal(shape, { std: 1 / Math.sqrt(fans(shape).fanIn) });
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

/** The registry row of {@link lecunUniform}. */
export const lecunUniformEntry = initialiserEntry({
  name: "lecunUniform",
  schema: lecunOptions,
  make: (options: LecunOptions) => (shape: readonly number[]) => lecunUniform(shape, options),
});

/** The registry row of {@link lecunNormal}. */
export const lecunNormalEntry = initialiserEntry({
  name: "lecunNormal",
  schema: lecunOptions,
  make: (options: LecunOptions) => (shape: readonly number[]) => lecunNormal(shape, options),
});
