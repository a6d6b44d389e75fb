/**
 * Hyper-parameters as cells: a number that a compiled step reads at every call, so that setting it compiles nothing. It
 * must not know optimizers.
 */
import { type DType, isTracing, Tensor, tensor, Variable } from "../tensor/index.js";
import { configError } from "../util/errors.js";
import type { Kind } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import type { Schedule } from "./schedules/schedule.js";

/** Value of a hyper-parameter: a number, or a function of the number of the step, counted from 0. */
export type HyperValue = number | Schedule;

/** A hyper-parameter of a gradient step: its initial value and its range. */
export interface HyperSpec {
  readonly value: HyperValue;
  /** The kind of its numbers. */
  readonly range: Kind;
}

/**
 * A hyper-parameter x within an update: a scalar tensor. In f32 the difference of 1 and a rounded 0.999 keeps only four
 * digits, so `1 − x` and `ln x` are computed on the host, from the number as it was set.
 *
 * @example
 * const lerp: ChainStep<"share"> = {
 *   name: "lerp",
 *   hypers: { share: { value: 0.9, range: { name: "a number", accepts: Number.isFinite } } },
 *   update: ({ update, hypers: { share } }) => ({ update: update.mul(share.complement()) }),
 * };
 * new Optimizer(model.parameters(), chain(lerp, scaleByRate(0.1))).step();
 */
export class HyperTensor extends Tensor {
  readonly #complement: Tensor;
  readonly #log: Tensor;

  /**
   * @param value x
   * @param complement 1 − x
   * @param log ln x
   */
  constructor(value: Tensor, complement: Tensor, log: Tensor) {
    super(value.node);
    this.#complement = complement;
    this.#log = log;
  }

  /** `1 − x`, exact to the last digit. */
  complement(): Tensor {
    return this.#complement;
  }

  /** The natural logarithm, exact to the last digit also near 1; −1e30 for 0. */
  override log(): Tensor {
    return this.#log;
  }

  /**
   * `1 − x^t` for 0 ≤ x < 1 and a count t ≥ 1: the total weight of a running mean of t values that starts at 0.
   *
   * In f32 the difference itself would keep only four digits of 1 − 0.999. With `a = −t·ln(x)/2` it equals
   * `1 − e^(−2a) = 2·tanh(a) / (1 + tanh(a))`, which loses none; for x = 0, a is very large and the result is 1.
   */
  complementOfPower(t: Tensor): Tensor {
    const u = t.mul(this.#log.mul(-0.5)).tanh();
    return u.mul(2).div(u.add(1));
  }
}

/** The cell of one hyper-parameter, and the schedule that it follows. */
export class HyperCell {
  readonly #path: string;
  readonly #range: Kind;
  /** The cell, [6]: x, 1 − x and ln x, each as the nearest f32 and its rounding error. */
  readonly cell: Variable;
  #value: number;
  #schedule: Schedule | undefined;

  /**
   * @param owner the name that messages begin with
   * @param path the name in messages and for `set`, such as `lr` or `matrices.lr`
   * @throws ConfigError if the value is out of range
   */
  constructor(owner: string, path: string, { value, range }: HyperSpec) {
    this.#path = path;
    this.#range = range;
    this.#schedule = typeof value === "function" ? value : undefined;
    this.#value = this.checked(owner, typeof value === "function" ? value(0) : value);
    this.cell = new Variable(tensor(inCell(this.#value)), { name: `${owner}.${path}` });
  }

  /** The current number: as it was set, or the value of the schedule in the last step. */
  get value(): number {
    return this.#value;
  }

  /**
   * Returns the value if it is in range.
   *
   * @throws ConfigError if it is not
   */
  checked(owner: string, value: number, where = ""): number {
    if (this.#range.accepts(value)) return value;
    throw configError(owner, `${this.#path} must be ${this.#range.name}, got ${spell(value)}${where}`);
  }

  /** Sets a number that was checked, or a schedule, which applies from the next step on. */
  set(value: HyperValue): void {
    this.#schedule = typeof value === "function" ? value : undefined;
    if (typeof value === "number") this.#load(value);
  }

  /** Whether the number follows a schedule. */
  get isScheduled(): boolean {
    return this.#schedule !== undefined;
  }

  /** Sets the number to the value of the schedule in a step, if there is a schedule. */
  follow(owner: string, step: number): void {
    if (this.#schedule) this.#load(this.checked(owner, this.#schedule(step), ` (in step ${step})`));
  }

  /** Restores the number from a saved cell. */
  restore(saved: ArrayLike<number>): void {
    this.#load(shortestDecimal(saved[0], saved[1]));
  }

  /** The number as a scalar of a float type. */
  read(dtype: DType): HyperTensor {
    const at = (i: number) =>
      this.cell
        .slice(0, i, i + 1)
        .reshape([])
        .to(dtype);
    const [value, complement, log] = [0, 2, 4].map((i) => (dtype === "f32" ? at(i) : at(i).add(at(i + 1))));
    return new HyperTensor(value, complement, log);
  }

  #load(value: number): void {
    if (isTracing()) {
      throw configError(
        "set",
        `${this.#path} is set inside a compiled function, which would keep the value`,
        "Set it before the call",
      );
    }
    this.#value = value;
    this.cell.load(inCell(value));
  }
}

/** The values of a cell for a number: the nearest f32 and the f32 nearest to its rounding error have 48 bits together. */
function inCell(value: number): Float32Array {
  return Float32Array.from([value, 1 - value, value > 0 ? Math.log(value) : -1e30].flatMap(split));
}

/** A number as the nearest f32 and its rounding error. */
function split(value: number): [nearest: number, rest: number] {
  const nearest = Math.fround(value);
  return [nearest, Number.isFinite(nearest) ? value - nearest : 0];
}

/** The shortest decimal that has these first two values of a cell: 0.1 and not 0.10000000000000009. */
function shortestDecimal(nearest: number, rest: number): number {
  const value = nearest + rest;
  for (let digits = 1; digits <= 17; digits++) {
    const short = Number(value.toPrecision(digits));
    const [a, b] = Float32Array.from(split(short));
    if (a === nearest && b === rest) return short;
  }
  return value;
}

/** The text of an optimizer: `SGD(2 parameters, momentum=0.9, lr=0.1)`. */
export function optimizerText(name: string, parameters: number, hypers: Readonly<Record<string, number>>): string {
  const settings = Object.entries(hypers).map(([path, value]) => `, ${path}=${spell(value)}`);
  return `${name}(${parameters} ${parameters === 1 ? "parameter" : "parameters"}${settings.join("")})`;
}
