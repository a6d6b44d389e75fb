/**
 * L-BFGS: a quasi-Newton method for losses without noise. It is no chain of steps, since it evaluates the loss as often
 * as its line search needs: the search runs on the host, between evaluations that are programs.
 */
import { concat, isTracing, realize, Tensor, Variable, zeros, zerosLike } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { count, word } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import { EXACT_PARTS, exactParts, fromExactParts } from "./exact.js";
import { HyperCell, type HyperValue, optimizerText } from "./hyper.js";
import { hyper, nonNegative, paramsKind } from "./kinds.js";
import { type LinePoint, strongWolfe } from "./line-search.js";
import { checkParameters } from "./parameters.js";
import { type SavedValue, savedValues } from "./state.js";

export interface LBFGSOptions {
  /** η, learning rate: the first step of a line search, or the step without one. Default 1, range ≥ 0. */
  readonly lr?: HyperValue;
  /** Largest number of iterations in a call of `step`. Default 20, range ≥ 1. */
  readonly maxIter?: number;
  /** Largest number of evaluations in a call of `step`. Default 5/4 of maxIter, range ≥ 1. */
  readonly maxEval?: number;
  /** `step` ends when no element of the gradient is larger. Default 1e-7, range ≥ 0. */
  readonly toleranceGrad?: number;
  /** `step` ends when neither the loss nor any parameter changes by more. Default 1e-9, range ≥ 0. */
  readonly toleranceChange?: number;
  /** Number of past steps that are kept, each two arrays as large as all parameters. Default 100, range ≥ 1. */
  readonly historySize?: number;
  /** `strongWolfe`: each step satisfies the strong Wolfe conditions; `none`: steps have the length η. Default `none`. */
  readonly lineSearch?: "none" | "strongWolfe";
}

const checkLbfgs = checkedConstructor(
  "LBFGS",
  takes<LBFGSOptions>(
    { params: paramsKind },
    {
      lr: hyper(nonNegative),
      maxIter: count(),
      maxEval: count(),
      toleranceGrad: nonNegative,
      toleranceChange: nonNegative,
      historySize: count(),
      lineSearch: word(["none", "strongWolfe"], { strong_wolfe: "strongWolfe" }),
    },
  ),
);

type Vector = Float32Array | Float64Array;

/** A change s of the parameters, the change y of the gradient by it, and 1 / (y·s). */
interface Pair {
  readonly y: Vector;
  readonly s: Vector;
  readonly ro: number;
}

function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Sum and largest of the absolute values. */
function sizeOf(a: Vector): { readonly sum: number; readonly largest: number } {
  let [sum, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    sum += Math.abs(a[i]);
    largest = Math.max(largest, Math.abs(a[i]));
  }
  return { sum, largest };
}
const largestOf = (a: Vector): number => sizeOf(a).largest;

/**
 * L-BFGS: steps along the direction of Newton's method, whose inverse Hessian is estimated from past steps. It is for
 * losses of the whole data set: noise in gradients spoils the estimate.
 *
 * Formula, for the gradient g of all parameters θ, with pairs (s, y) of past changes of θ and g:
 * ```text
 * q ← −g, from the newest pair to the oldest: α ← s·q/(y·s),  q ← q − α·y
 * d ← q · (y·s)/(y·y) of the newest pair, from the oldest to the newest: d ← d + s·(α − y·d/(y·s))
 * θ ← θ + t·d,  t by the line search, or η; at first min(1, 1/Σ|g|)·η
 * ```
 *
 * `step` is asynchronous and takes a closure, which must compute the loss and its gradients from the parameters as they
 * are: it is called many times. It cannot run inside a compiled function; each evaluation is one program.
 *
 * @param params parameters; there are no groups
 * @param options as in PyTorch
 * @throws ConfigError if there are no parameters, one comes twice, or an option is unknown or out of range
 * @see Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization"
 * @see https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
 * @example
 * const optimizer = new LBFGS(model.parameters(), { lineSearch: "strongWolfe" });
 * await optimizer.step(() => {
 *   const loss = model(images).square().mean();
 *   loss.backward();
 *   return loss;
 * });
 */
export class LBFGS {
  readonly #parameters: readonly Variable[];
  readonly #lr: HyperCell;
  readonly #options: Required<Omit<LBFGSOptions, "lr">>;
  readonly #size: number;
  readonly #dtype: "f32" | "f64";
  #steps = 0;
  #iterations = 0;
  #evaluations = 0;
  /** The last direction, the length of the step along it, and the gradient before it. */
  #last: { readonly direction: Vector; readonly length: number; readonly gradient: Vector } | undefined;
  #pairs: Pair[] = [];

  constructor(params: Iterable<Variable>, options: LBFGSOptions = {}) {
    checkLbfgs([params, options]);
    [this.#parameters] = checkParameters("LBFGS", params);
    this.#size = this.#parameters.reduce((sum, { size }) => sum + size, 0);
    this.#dtype = this.#parameters.some(({ dtype }) => dtype === "f64") ? "f64" : "f32";
    const { lr = 1, maxIter = 20, maxEval = Math.floor((maxIter * 5) / 4), toleranceGrad = 1e-7 } = options;
    const { toleranceChange = 1e-9, historySize = 100, lineSearch = "none" } = options;
    this.#lr = new HyperCell("LBFGS", "lr", { value: lr, range: nonNegative });
    this.#options = { maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearch };
  }

  /** The learning rate; it may be set to a number or a schedule of the number of the call of `step`. */
  get lr(): number {
    return this.#lr.value;
  }

  set lr(value: HyperValue) {
    if (typeof value === "number") this.#lr.checked("LBFGS", value);
    this.#lr.set(value);
  }

  /**
   * The name, the number of parameters, and the learning rate; `console.log` shows it too.
   *
   * @example
   * String(new LBFGS([new Parameter(zeros([2]))])); // "LBFGS(1 parameter, lr=1)"
   */
  toString(): string {
    return optimizerText("LBFGS", this.#parameters.length, { lr: this.lr });
  }

  /** @internal The text that `console.log` shows. */
  [inspectKey](): string {
    return this.toString();
  }

  /** Number of calls of `step`. */
  get steps(): number {
    return this.#steps;
  }

  /** Number of evaluations of closures so far. */
  get evaluations(): number {
    return this.#evaluations;
  }

  /**
   * The parameters, in the order in which they were passed, without frozen ones.
   *
   * @example
   * new LBFGS([new Parameter(zeros([2]))]).parameters().length; // 1
   */
  parameters(): Variable[] {
    return [...this.#parameters];
  }

  /**
   * Sets the gradients of all parameters to null.
   *
   * @example
   * new LBFGS(model.parameters()).zeroGrad();
   */
  zeroGrad(): void {
    for (const parameter of this.#parameters) parameter.grad = null;
  }

  /**
   * Takes up to `maxIter` iterations. It clears gradients before each call of the closure.
   *
   * @param closure computes the loss from the parameters, calls `backward`, and returns the loss, a scalar
   * @returns the loss before the first iteration
   * @throws ConfigError if the closure returns no scalar tensor, or `step` is called inside a compiled function
   * @example
   * const weight = new Parameter(tensor([4, 1]));
   * const optimizer = new LBFGS([weight], { lr: 1, maxIter: 2 });
   * await optimizer.step(() => {
   *   const loss = weight.square().sum();
   *   loss.backward();
   *   return loss;
   * }); // 17
   */
  async step(closure: () => Tensor): Promise<number> {
    if (isTracing()) {
      const problem = "step was called inside a compiled function, but it reads losses to choose the next evaluation";
      throw configError("LBFGS", problem, "Call it outside: each evaluation is one program anyway");
    }
    this.#lr.follow("LBFGS", this.#steps);
    this.#steps += 1;
    const { maxIter, maxEval, toleranceGrad, toleranceChange, lineSearch } = this.#options;
    const { value: lr } = this.#lr;
    let [loss, gradient] = await this.#evaluate(closure);
    const first = loss;
    let evaluations = 1;
    if (largestOf(gradient) <= toleranceGrad) return first;
    let x = await this.#read();
    for (let iteration = 1; iteration <= maxIter; iteration++) {
      this.#iterations += 1;
      const direction = this.#direction(gradient);
      const before = loss;
      let length = this.#iterations === 1 ? Math.min(1, 1 / sizeOf(gradient).sum) * lr : lr;
      this.#last = { direction, length, gradient };
      const slope = dot(gradient, direction);
      if (slope > -toleranceChange) break;
      const moved = (t: number) => x.map((value, i) => value + t * direction[i]) as Vector;
      if (lineSearch === "strongWolfe") {
        const at = async (t: number): Promise<LinePoint<Vector>> => {
          this.#write(moved(t));
          const [value, found] = await this.#evaluate(closure);
          return { t, value, gradient: found, slope: dot(found, direction) };
        };
        const start = { t: 0, value: loss, gradient, slope };
        const limit = maxEval - evaluations;
        const found = await strongWolfe(at, start, length, largestOf(direction), toleranceChange, limit);
        ({ t: length, value: loss, gradient } = found.point);
        evaluations += found.evaluations;
        x = moved(length);
        this.#write(x);
      } else {
        x = moved(length);
        this.#write(x);
        if (iteration === maxIter) break; // the next call evaluates the loss here
        [loss, gradient] = await this.#evaluate(closure);
        evaluations += 1;
      }
      this.#last = { ...this.#last, length };
      if (evaluations >= maxEval || largestOf(gradient) <= toleranceGrad) break;
      if (largestOf(direction) * Math.abs(length) <= toleranceChange) break;
      if (Math.abs(loss - before) < toleranceChange) break;
    }
    this.zeroGrad();
    return first;
  }

  /**
   * The state for a checkpoint, by key: `numbers` (counts, learning rate, length of the last step), `d`,
   * `prev_flat_grad`, `old_dirs` and `old_stps`, as PyTorch names them.
   *
   * @example
   * Object.keys(new LBFGS(model.parameters()).stateDict());
   */
  stateDict(): Record<string, Variable> {
    const { historySize } = this.#options;
    const cells = this.#emptyState();
    const { direction, gradient, length = 0 } = this.#last ?? {};
    const numbers = [this.#steps, this.#iterations, this.#evaluations, this.#pairs.length, this.#lr.value, length];
    cells.numbers.load(numbers.flatMap(exactParts));
    const padded = (vectors: readonly (Vector | undefined)[], rows: number) => {
      const all = new (this.#dtype === "f64" ? Float64Array : Float32Array)(rows * this.#size);
      for (const [row, vector] of vectors.entries()) if (vector) all.set(vector, row * this.#size);
      return all;
    };
    cells.d.load(padded([direction], 1));
    cells.prev_flat_grad.load(padded([gradient], 1));
    cells.old_dirs.load(
      padded(
        this.#pairs.map(({ y }) => y),
        historySize,
      ),
    );
    cells.old_stps.load(
      padded(
        this.#pairs.map(({ s }) => s),
        historySize,
      ),
    );
    return cells;
  }

  /**
   * Restores a saved state.
   *
   * @param state values by key: typed arrays of the right length, or `{ shape, data }`
   * @throws DataError naming the missing and unexpected keys; ShapeError naming every key whose shape differs
   * @example
   * const [first, second] = [new LBFGS(model.parameters()), new LBFGS(model.parameters())];
   * const entries = Object.entries(first.stateDict()).map(async ([key, cell]) => [key, await cell.data()]);
   * second.loadStateDict(Object.fromEntries(await Promise.all(entries)));
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    const values = savedValues(this.#emptyState(), state);
    const [steps, iterations, evaluations, pairs, lr, length] = fromExactParts(Array.from(values.numbers));
    [this.#steps, this.#iterations, this.#evaluations] = [steps, iterations, evaluations];
    if (!this.#lr.isScheduled) this.#lr.set(lr);
    const row = (key: string, i: number) =>
      this.#vector(Array.from(values[key].subarray(i * this.#size, (i + 1) * this.#size), Number));
    this.#pairs = Array.from({ length: pairs }, (_, i) => pairOf(row("old_dirs", i), row("old_stps", i)));
    this.#last = iterations === 0 ? undefined : { direction: row("d", 0), gradient: row("prev_flat_grad", 0), length };
  }

  #emptyState(): Record<"numbers" | "d" | "prev_flat_grad" | "old_dirs" | "old_stps", Variable> {
    const cell = (name: string, shape: readonly number[], dtype = this.#dtype) =>
      new Variable(zeros(shape, { dtype }), { name: `LBFGS.${name}` });
    const history = [this.#options.historySize, this.#size];
    return {
      numbers: cell("numbers", [6, EXACT_PARTS], "f32"),
      d: cell("d", [this.#size]),
      prev_flat_grad: cell("prev_flat_grad", [this.#size]),
      old_dirs: cell("old_dirs", history),
      old_stps: cell("old_stps", history),
    };
  }

  #vector(values: Iterable<number>): Vector {
    return this.#dtype === "f64" ? Float64Array.from(values) : Float32Array.from(values);
  }

  /** Adds the last step to the history, and returns the direction of the next one: the two-loop recursion. */
  #direction(gradient: Vector): Vector {
    const last = this.#last;
    if (!last) return gradient.map((g) => -g) as Vector;
    const y = gradient.map((g, i) => g - last.gradient[i]) as Vector;
    const pair = pairOf(y, last.direction.map((d) => d * last.length) as Vector);
    if (1 / pair.ro > 1e-10) this.#pairs = [...this.#pairs, pair].slice(-this.#options.historySize);
    const q = Float64Array.from(gradient, (g) => -g);
    const factors = this.#pairs.map(() => 0);
    for (let k = this.#pairs.length - 1; k >= 0; k--) {
      const { s, y: change, ro } = this.#pairs[k];
      factors[k] = dot(s, q) * ro;
      for (let i = 0; i < q.length; i++) q[i] -= factors[k] * change[i];
    }
    const newest = this.#pairs.at(-1);
    const scale = newest ? 1 / newest.ro / dot(newest.y, newest.y) : 1;
    for (let i = 0; i < q.length; i++) q[i] *= scale;
    for (const [k, { s, y: change, ro }] of this.#pairs.entries()) {
      const back = factors[k] - dot(change, q) * ro;
      for (let i = 0; i < q.length; i++) q[i] += back * s[i];
    }
    return this.#vector(q);
  }

  /** The loss and the gradient of all parameters; zeros for those without one. */
  async #evaluate(closure: () => Tensor): Promise<[loss: number, gradient: Vector]> {
    this.#evaluations += 1;
    this.zeroGrad();
    const loss: unknown = closure();
    if (!(loss instanceof Tensor) || loss.size !== 1) {
      if (loss instanceof Promise) loss.catch(() => undefined);
      const got = loss instanceof Promise ? "a promise" : spell(loss);
      throw configError("LBFGS", `the closure must return a scalar tensor, got ${got}`, "Return the loss, not awaited");
    }
    const flat = concat(this.#parameters.map((p) => (p.grad ?? zerosLike(p)).to(this.#dtype).reshape([p.size])));
    await realize(loss, flat);
    return [await loss.item(), this.#vector(Array.from(await flat.data(), Number))];
  }

  async #read(): Promise<Vector> {
    const parts = await Promise.all(this.#parameters.map((p) => p.data()));
    return this.#vector(parts.flatMap((part) => Array.from(part, Number)));
  }

  #write(values: Vector): void {
    let at = 0;
    for (const parameter of this.#parameters) {
      parameter.load(Array.from(values.subarray(at, at + parameter.size)));
      at += parameter.size;
    }
  }
}

const pairOf = (y: Vector, s: Vector): Pair => ({ y, s, ro: 1 / dot(y, s) });
