/**
 * Gradients against differences of the function, element by element, in float64. Must not know modules: what has
 * parameters and a state says so by the methods of its own.
 */
import { isFloat } from "../ir/dtype.js";
import { formatShape } from "../ir/graph.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { callback, count, list, range, whole } from "../util/kinds.js";
import { dtypeError, located, resultOf } from "./check.js";
import { tensor } from "./create.js";
import { grad } from "./grad.js";
import { Generator } from "./random.js";
import { realize } from "./realize.js";
import { type Tensor, tensorKind } from "./tensor.js";
import type { Variable } from "./variable.js";

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /** Half the distance of the two points of a difference, relative to an element (from 1 on); default 1e-6. */
  readonly eps?: number;
  /** Largest error of a gradient relative to its size that is accepted; default 1e-5. */
  readonly tolerance?: number;
  /** Elements of each input and parameter that are checked, at random; default 64. */
  readonly samples?: number;
  /** Seed of the choice of elements, and of the weights of the outputs; default 0. */
  readonly seed?: number;
}

/** An element, its gradient, and what differences say. */
export interface CheckedElement {
  /** `input 0`, or the path of a parameter. */
  readonly of: string;
  readonly index: readonly number[];
  readonly gradient: number;
  /** (f(x + h) − f(x − h)) / 2h */
  readonly difference: number;
  /** |gradient − difference| / max(|gradient|, |difference|); 0 if both are within rounding of 0. */
  readonly relativeError: number;
}

/** The result of `gradcheck`. */
export interface GradcheckReport {
  /** True if no element failed. */
  readonly ok: boolean;
  /** Number of elements that were checked. */
  readonly checked: number;
  /** The largest relative error of an element that is not at a kink. */
  readonly worst: CheckedElement | null;
  readonly failures: readonly CheckedElement[];
  /** Elements at which the function has a kink: differences to both sides disagree, and the gradient lies between. */
  readonly kinks: readonly CheckedElement[];
  /** The report as text; `console.log` shows it. */
  toString(): string;
}

/** A function of tensors; a model also has parameters and a state. */
type Fn = ((...inputs: Tensor[]) => Tensor) & {
  namedParameters?: () => readonly (readonly [string, Variable])[];
  stateDict?: () => Readonly<Record<string, Variable>>;
};

const options = { eps: range(1e-12, 1), tolerance: range(0, 1), samples: count(), seed: whole };
const parameters = takes<GradcheckOptions>({ fn: callback, inputs: list(tensorKind, "an array of tensors") }, options);

/**
 * Compares the gradients of a function with central differences, element by element, in float64. A model is a function
 * too: its parameters are checked with its inputs; they are f64 meanwhile, and its state is restored.
 *
 * Formula: `|g − d| / max(|g|, |d|) ≤ tolerance`, with `d = (f(x + h) − f(x − h)) / 2h` and `f` the sum of the outputs
 * with random weights. Where the differences to both sides disagree, the function has a kink: a gradient between them is
 * right, and the element is reported apart.
 *
 * @param fn - a function of tensors that gives one tensor, or a model
 * @param inputs - what it is called with; floats are converted to f64, integers are passed on
 * @param options.eps - h relative to an element, 1e-12 to 1; default 1e-6
 * @param options.tolerance - largest relative error, 0 to 1; default 1e-5
 * @param options.samples - elements checked of each input and parameter, at random, from 1; default 64
 * @param options.seed - seed of the choice and of the weights; default 0
 * @throws ConfigError if two calls give different values: set the model to evaluation, or fix its random numbers
 * @throws DTypeError if the device has no f64, or the output is no float
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
 * @example
 * const { ok } = await gradcheck((x) => x.exp().sum(), [tensor([0.1, 0.2])]);
 * ok; // true
 */
export const gradcheck = checked(
  "gradcheck",
  parameters,
  async (fn: Fn, inputs: readonly Tensor[], options: GradcheckOptions = {}): Promise<GradcheckReport> =>
    withDoubles(fn, () => check("gradcheck", fn, inputs, options, (...xs) => resultOf("gradcheck", fn, xs))),
);

/**
 * Compares second derivatives with differences of the gradients, as {@link gradcheck} does with first derivatives.
 *
 * @param fn - a function of tensors that gives one tensor, or a model
 * @param inputs - what it is called with
 * @param options - as those of `gradcheck`
 * @throws ConfigError if two calls give different values
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
 * @example
 * const { ok } = await gradgradcheck((x) => x.exp().sum(), [tensor([0.1, 0.2])]);
 * ok; // true
 */
export const gradgradcheck = checked(
  "gradgradcheck",
  parameters,
  async (fn: Fn, inputs: readonly Tensor[], options: GradcheckOptions = {}): Promise<GradcheckReport> =>
    withDoubles(fn, () => {
      const weights = new Generator(options.seed ?? 0, { stream: "gradgradcheck" });
      const probes = new Map<string, Tensor>();
      /** The same random weights at every call. */
      const probe = (name: string, like: Tensor): Tensor => {
        const known = probes.get(name) ?? weights.uniform(like.shape, { low: -1 }).to("f64");
        probes.set(name, known);
        return known;
      };
      const gradients = (...xs: Tensor[]): Tensor => {
        const output = resultOf("gradgradcheck", fn, xs);
        const floats = xs.filter(({ dtype }) => isFloat(dtype));
        const found = grad(output.mul(probe("output", output)).sum(), [
          ...floats,
          ...variablesOf(fn).map(([, v]) => v),
        ]);
        return found.map((g, i) => g.mul(probe(`gradient ${i}`, g)).sum()).reduce((a, b) => a.add(b));
      };
      return check("gradgradcheck", fn, inputs, options, gradients);
    }),
);

const variablesOf = (fn: Fn): readonly (readonly [string, Variable])[] =>
  (fn.namedParameters?.() ?? []).filter(([, variable]) => variable.requiresGrad);

/** Runs a check while the floats of a model are f64, and restores its state. */
async function withDoubles<T>(fn: Fn, run: () => Promise<T>): Promise<T> {
  const cells = Object.values(fn.stateDict?.() ?? {});
  const before = cells.map((variable) => variable.version().node);
  try {
    for (const variable of cells) if (isFloat(variable.dtype)) variable.convert("f64");
    return await run();
  } finally {
    cells.forEach((variable, i) => {
      variable.cell.write(before[i]);
    });
  }
}

/** What an element of the check belongs to: its values, and how it is set. */
interface Place {
  readonly of: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
  readonly gradient: Float64Array;
  readonly set: (values: Float64Array) => void;
}

async function check(
  op: string,
  fn: Fn,
  given: readonly Tensor[],
  { eps = 1e-6, tolerance = 1e-5, samples = 64, seed = 0 }: GradcheckOptions,
  computed: (...inputs: Tensor[]) => Tensor,
): Promise<GradcheckReport> {
  const inputs = given.map((x) => (isFloat(x.dtype) ? x.detach().to("f64") : x));
  const state = Object.values(fn.stateDict?.() ?? {}).map((variable) => [variable, variable.version().node] as const);
  /** The output from the present inputs, with the state as it was: running statistics and counters do not advance. */
  const output = (): Tensor => {
    for (const [variable, node] of state) if (!changed.has(variable)) variable.cell.write(node);
    return computed(...inputs);
  };
  const changed = new Set<Variable>();
  const first = output();
  if (!isFloat(first.dtype)) throw dtypeError(op, `the output is ${first.dtype}`, "Only floats have gradients");
  const weights = new Generator(seed, { stream: "gradcheck" }).uniform(first.shape, { low: 0.5, high: 1.5 }).to("f64");
  await realize(weights);
  const total = (): Tensor => output().mul(weights).sum();
  const places = await placesOf(fn, inputs, changed, total);
  const start = await total().item();
  if (!Object.is(start, await total().item())) {
    throw new ConfigError(located(op, "two calls with the same inputs give different values"), {
      hint: "Set the model to evaluation with eval(), or make its random numbers before",
    });
  }
  const found = { failures: [] as CheckedElement[], kinks: [] as CheckedElement[], smooth: [] as CheckedElement[] };
  for (const place of places) {
    for (const i of await chosen(place.values.length, samples, seed)) {
      const x = place.values[i];
      const h = eps * Math.max(1, Math.abs(x));
      const at = async (value: number): Promise<number> => {
        place.set(place.values.with(i, value));
        return total().item();
      };
      const [above, below] = [await at(x + h), await at(x - h)];
      place.set(place.values);
      // Rounding of the function's value, magnified by the division.
      const noise = (64 * Number.EPSILON * Math.max(Math.abs(start), 1)) / h;
      const element = compare(place, i, (above - below) / (2 * h), noise);
      const sides = [(above - start) / h, (start - below) / h] as const;
      found[kindOf(element, sides, noise, tolerance)].push(element);
    }
  }
  const all = [...found.smooth, ...found.failures];
  const worst = all.reduce<CheckedElement | null>((a, b) => (a && a.relativeError >= b.relativeError ? a : b), null);
  return new Report(op, all.length + found.kinks.length, worst, found.failures, found.kinks);
}

/** The inputs and parameters with their gradients. */
async function placesOf(
  fn: Fn,
  inputs: Tensor[],
  changed: Set<Variable>,
  total: () => Tensor,
): Promise<readonly Place[]> {
  const variables = variablesOf(fn);
  const floats = inputs.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
  const sources = [...floats.map((i) => inputs[i]), ...variables.map(([, variable]) => variable)];
  const gradients = grad(total(), sources);
  await realize(...gradients, ...sources);
  return Promise.all(
    sources.map(async (source, k): Promise<Place> => {
      const { shape } = source;
      const values = Float64Array.from(await source.data());
      const gradient = Float64Array.from(await gradients[k].data());
      if (k < floats.length) {
        const set = (changedValues: Float64Array) => {
          inputs[floats[k]] = tensor(changedValues, { shape });
        };
        return { of: `input ${floats[k]}`, shape, values, gradient, set };
      }
      const [path, variable] = variables[k - floats.length];
      changed.add(variable);
      return { of: path, shape, values, gradient, set: (changedValues) => variable.load(changedValues) };
    }),
  );
}

/** Positions of some elements, at random; all of a small tensor. */
async function chosen(size: number, samples: number, seed: number): Promise<readonly number[]> {
  if (size <= samples) return Array.from({ length: size }, (_, i) => i);
  const draws = await new Generator(seed, { stream: `elements of ${size}` }).uniform([2 * samples]).data();
  const positions = new Set(Array.from(draws, (u) => Math.floor(u * size)));
  return [...positions].slice(0, samples).sort((a, b) => a - b);
}

function compare({ of, shape, gradient }: Place, i: number, difference: number, noise: number): CheckedElement {
  const size = Math.max(Math.abs(gradient[i]), Math.abs(difference));
  const error = Math.abs(gradient[i] - difference);
  // Of a gradient near 0 the differences have no digits: what is within rounding of it is right.
  const unresolved = error <= noise && size < RESOLVED * noise;
  const relativeError =
    unresolved || error === 0 ? 0 : Number.isFinite(error) ? error / size : Number.POSITIVE_INFINITY;
  const index: number[] = [];
  let rest = i;
  for (const extent of [...shape].reverse()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return { of, index, gradient: gradient[i], difference, relativeError };
}

/** Gradients of so many times the rounding error of the differences have digits to compare. */
const RESOLVED = 1e3;

/** Differences to both sides that are further apart than this share of the larger one show a kink. */
const KINK = 1e-2;

function kindOf(
  { gradient, difference, relativeError }: CheckedElement,
  sides: readonly [number, number],
  noise: number,
  tolerance: number,
): "smooth" | "kinks" | "failures" {
  const [low, high] = [Math.min(...sides), Math.max(...sides)];
  const apart = high - low > KINK * Math.max(Math.abs(low), Math.abs(high)) + noise;
  const between = gradient >= low - noise && gradient <= high + noise;
  if (apart && between) return "kinks";
  return relativeError <= tolerance || Math.abs(gradient - difference) <= noise ? "smooth" : "failures";
}

class Report implements GradcheckReport {
  constructor(
    private readonly op: string,
    readonly checked: number,
    readonly worst: CheckedElement | null,
    readonly failures: readonly CheckedElement[],
    readonly kinks: readonly CheckedElement[],
  ) {}

  get ok(): boolean {
    return this.failures.length === 0;
  }

  toString(): string {
    const failed = `${this.failures.length} of ${this.checked} elements failed`;
    const kinks = this.kinks.length > 0 ? `, ${this.kinks.length} at kinks` : "";
    const worst = this.worst ? `, largest relative error ${this.worst.relativeError.toExponential(1)}` : "";
    const lines = this.failures.slice(0, MOST_LINES).map((element) => `  ${textOf(element)}`);
    const more = this.failures.length > MOST_LINES ? [`  and ${this.failures.length - MOST_LINES} more`] : [];
    return [`${this.op}: ${failed}${kinks}${worst}`, ...lines, ...more].join("\n");
  }
  [inspectKey](): string {
    return this.toString();
  }
}

const MOST_LINES = 10;

const textOf = ({ of, index, gradient, difference, relativeError }: CheckedElement): string =>
  `${of} ${formatShape(index)}: gradient ${gradient.toPrecision(7)}, difference ${difference.toPrecision(7)}, ` +
  `relative error ${relativeError.toExponential(1)}`;
