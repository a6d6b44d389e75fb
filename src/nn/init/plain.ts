/**
 * Initial values that do not depend on the number of inputs: constants, and distributions of a given spread. Each is a
 * function of a shape.
 */
import { full, type Generator, type Tensor } from "../../tensor/index.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { finite, range, shape as shapeKind } from "../../util/kinds.js";
import { initialiserEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { defaultGenerator } from "../random.js";

type Shape = readonly number[];

/**
 * The same value everywhere.
 *
 * @param shape shape of the weight
 * @param value the value
 * @example
 * const bias = init.constant([10], 0.1);
 */
export const constant = checked(
  "constant",
  takes({ shape: shapeKind, value: finite }),
  (shape: Shape, value: number): Tensor => full(shape, value),
);

interface Source {
  /** Source of the numbers. Default: the one seeded by `manualSeed`. */
  readonly generator?: Generator;
}

export interface InitNormalOptions extends Source {
  /** Mean. Default 0. */
  readonly mean?: number;
  /** Standard deviation. Default 1, range ≥ 0. */
  readonly std?: number;
}

const spread = range(0, Number.POSITIVE_INFINITY);
const normalOptions = { mean: finite, std: spread, generator: generatorKind };

/**
 * The normal distribution; with `std: 0.01` the "small Gaussian" whose signal vanishes in deep networks.
 *
 * @param shape shape of the weight
 * @throws ConfigError if the deviation is negative
 * @example
 * const weight = normal([10, 784], { std: 0.01 });
 */
export const normal = checked(
  "normal",
  takes<InitNormalOptions>({ shape: shapeKind }, normalOptions),
  (shape: Shape, { mean = 0, std = 1, generator }: InitNormalOptions = {}): Tensor =>
    (generator ?? defaultGenerator()).normal(shape, { mean, std }),
);

export interface InitUniformOptions extends Source {
  /** Lower bound. Default 0. */
  readonly low?: number;
  /** Upper bound, excluded. Default 1, range ≥ low. */
  readonly high?: number;
}

const uniformOptions = { low: finite, high: finite, generator: generatorKind };

/**
 * The uniform distribution on an interval.
 *
 * @param shape shape of the weight
 * @throws ConfigError if low exceeds high
 * @example
 * const bias = uniform([10], { low: -0.1, high: 0.1 });
 */
export const uniform = checked(
  "uniform",
  takes<InitUniformOptions>({ shape: shapeKind }, uniformOptions),
  (shape: Shape, { low = 0, high = 1, generator }: InitUniformOptions = {}): Tensor => {
    checkInterval("uniform", low, high);
    return (generator ?? defaultGenerator()).uniform(shape, { low, high });
  },
);

export interface TruncNormalOptions extends InitNormalOptions {
  /** Smallest value. Default −2. */
  readonly low?: number;
  /** Largest value. Default 2, range ≥ low. */
  readonly high?: number;
}

const truncNormalOptions = { mean: finite, std: spread, low: finite, high: finite, generator: generatorKind };

/**
 * The normal distribution without what lies outside of an interval, drawn by its inverse distribution function.
 *
 * Formula: `x = mean + std · √2 · erf⁻¹(v)`, v uniform between `erf((low − mean) / (√2 std))` and that of high. In f32
 * erf is 1 from 3.9 deviations of √2 on, so an interval further than about 5 deviations from the mean is refused.
 *
 * @param shape shape of the weight
 * @throws ConfigError if low exceeds high, or if the interval lies too far from the mean
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.trunc_normal_
 * @example
 * const weight = truncNormal([197, 192], { std: 0.02 });
 */
export const truncNormal = checked(
  "truncNormal",
  takes<TruncNormalOptions>({ shape: shapeKind }, truncNormalOptions),
  (shape: Shape, options: TruncNormalOptions = {}): Tensor => {
    const { mean = 0, std = 1, low = -2, high = 2, generator = defaultGenerator() } = options;
    checkInterval("truncNormal", low, high);
    const [from, to] = [(low - mean) / std, (high - mean) / std];
    if (!(from < FAR && to > -FAR)) {
      const problem = `[${low}, ${high}] is more than ${FAR} deviations from the mean ${mean}`;
      throw configError("truncNormal", problem, "Use a uniform distribution there");
    }
    const [first, last] = [from, to].map((x) => erf(Math.max(-FAR, Math.min(FAR, x)) / Math.SQRT2));
    const v = generator.uniform(shape, { low: first, high: last });
    // f32 rounds the ends of the interval; the bounds hold all the same.
    return v
      .erfinv()
      .mul(std * Math.SQRT2)
      .add(mean)
      .clamp({ min: low, max: high });
  },
);

/** Deviations from the mean up to which the distribution function differs from 0 and 1 by more than f32 resolves. */
const FAR = 5;

/** The error function up to FAR / √2, by its series: all terms and partial sums stay below 10⁵, so 10 digits remain. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function checkInterval(op: string, low: number, high: number): void {
  if (low > high) throw configError(op, `low ${low} exceeds high ${high}`, "Swap the bounds");
}

/** The registry row of {@link constant}. */
export const constantEntry = initialiserEntry({
  name: "constant",
  schema: { value: finite },
  make:
    ({ value }: { readonly value: number }) =>
    (shape: Shape) =>
      constant(shape, value),
});

/** The registry row of {@link normal}. */
export const normalEntry = initialiserEntry({
  name: "normal",
  schema: normalOptions,
  make: (options: InitNormalOptions) => (shape: Shape) => normal(shape, options),
});

/** The registry row of {@link uniform}. */
export const uniformEntry = initialiserEntry({
  name: "uniform",
  schema: uniformOptions,
  make: (options: InitUniformOptions) => (shape: Shape) => uniform(shape, options),
});

/** The registry row of {@link truncNormal}. */
export const truncNormalEntry = initialiserEntry({
  name: "truncNormal",
  schema: truncNormalOptions,
  make: (options: TruncNormalOptions) => (shape: Shape) => truncNormal(shape, options),
});
