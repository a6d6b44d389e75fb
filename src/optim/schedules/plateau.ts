/** A value that falls when a metric stops to improve. The one schedule with state. */
import { Variable, zeros } from "../../tensor/index.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, number, range, word } from "../../util/kinds.js";
import { EXACT_PARTS, exactParts, fromExactParts } from "../exact.js";
import { nonNegative } from "../kinds.js";
import { type SavedValue, savedValues } from "../state.js";
import type { Schedule } from "./schedule.js";

export interface PlateauOptions {
  /** Whether a smaller or a larger metric is better. Default `min`. */
  readonly mode?: "min" | "max";
  /** Factor of each reduction. Default 0.1, range 0 ≤ factor < 1. */
  readonly factor?: number;
  /** Number of observations without improvement that are tolerated. Default 10, range ≥ 0. */
  readonly patience?: number;
  /** Smallest change that is an improvement. Default 1e-4, range ≥ 0. */
  readonly threshold?: number;
  /** Whether the threshold is a share of the best metric, or a difference. Default `rel`. */
  readonly thresholdMode?: "rel" | "abs";
  /** Number of observations after a reduction in which none are counted. Default 0, range ≥ 0. */
  readonly cooldown?: number;
  /** Smallest value. Default 0, range ≥ 0. */
  readonly min?: number;
  /** Reductions by less than this are left out. Default 1e-8, range ≥ 0. */
  readonly eps?: number;
}

const checkPlateau = checkedConstructor(
  "Plateau",
  takes<PlateauOptions>(
    { value: nonNegative },
    {
      mode: word(["min", "max"]),
      factor: range(0, 1),
      patience: count(0),
      threshold: nonNegative,
      thresholdMode: word(["rel", "abs"]),
      cooldown: count(0),
      min: nonNegative,
      eps: nonNegative,
    },
  ),
);

/** Names of the state, in the order of the cell. */
const STATE = ["value", "best", "bad", "cooling", "observations"] as const;
type State = Record<(typeof STATE)[number], number>;

/**
 * Reduces a value when a metric stops to improve: pass `plateau.schedule` to an optimizer, and call `observe` with the
 * metric after each epoch.
 *
 * Formula: `value ← max(value · factor, min)` after more than `patience` observations in a row without an improvement by
 * the threshold.
 *
 * @param value value of the first steps, ≥ 0
 * @param options as in PyTorch
 * @throws ConfigError if an argument is out of range
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 * @example
 * const plateau = new Plateau(0.1, { factor: 0.5, patience: 0 });
 * const optimizer = new SGD(model.parameters(), { lr: plateau.schedule });
 * plateau.observe(2.5);
 * plateau.observe(2.5);
 * plateau.value; // 0.05
 */
export class Plateau {
  readonly #options: Required<PlateauOptions>;
  #state: State;
  readonly #cell = new Variable(zeros([STATE.length, EXACT_PARTS]), { name: "plateau" });

  constructor(value: number, options: PlateauOptions = {}) {
    checkPlateau([value, options]);
    this.#options = {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      min: 0,
      eps: 1e-8,
      ...Object.fromEntries(Object.entries(options).filter(([, given]) => given !== undefined)),
    };
    const { factor, mode } = this.#options;
    if (factor === 1) throw configError("Plateau", "factor must be a number ≥ 0 and < 1, got 1", "Try 0.5");
    const best = mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.#state = { value, best, bad: 0, cooling: 0, observations: 0 };
    this.#store();
  }

  /** The value now. */
  get value(): number {
    return this.#state.value;
  }

  /** The schedule for an optimizer: the value now, whatever the step. */
  readonly schedule: Schedule = () => this.#state.value;

  /**
   * Takes the metric into account. A metric that is not a number is no improvement.
   *
   * @param metric such as the validation loss of an epoch
   * @returns whether the value was reduced
   * @throws ConfigError if the metric is no number
   * @example
   * new Plateau(0.1).observe(2.5); // false
   */
  observe(metric: number): boolean {
    checkMetric(metric);
    const { factor, patience, cooldown, min, eps } = this.#options;
    const state = { ...this.#state, observations: this.#state.observations + 1 };
    if (this.#isBetter(metric)) [state.best, state.bad] = [metric, 0];
    else state.bad += 1;
    if (state.cooling > 0) {
      state.cooling -= 1;
      state.bad = 0;
    }
    let reduced = false;
    if (state.bad > patience) {
      const next = Math.max(state.value * factor, min);
      reduced = state.value - next > eps;
      if (reduced) state.value = next;
      [state.cooling, state.bad] = [cooldown, 0];
    }
    this.#state = state;
    this.#store();
    return reduced;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const { best } = this.#state;
    const sign = mode === "min" ? -1 : 1;
    const limit = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === "min" ? metric < limit : metric > limit;
  }

  /**
   * The cell that a checkpoint needs, not a copy.
   *
   * @example
   * Object.keys(new Plateau(0.1).stateDict()); // ["plateau"]
   */
  stateDict(): Record<string, Variable> {
    return { plateau: this.#cell };
  }

  /**
   * Restores a saved state.
   *
   * @param state values by key, as `stateDict` gives them
   * @throws DataError naming the missing and unexpected keys; ShapeError if the shape differs
   * @example
   * const plateau = new Plateau(0.1);
   * const [first, second] = [new Plateau(0.1), new Plateau(0.1)];
   * second.loadStateDict({ plateau: await first.stateDict().plateau.data() });
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    const { plateau } = savedValues(this.stateDict(), state);
    const values = fromExactParts(plateau);
    this.#state = Object.fromEntries(STATE.map((key, i) => [key, values[i]])) as State;
    this.#store();
  }

  #store(): void {
    this.#cell.load(STATE.flatMap((key) => exactParts(this.#state[key])));
  }
}

const checkMetric = checked("observe", takes({ metric: number }), (_metric: number) => undefined);
