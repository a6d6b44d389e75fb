/** Running averages of weights and buffers, for evaluation. It knows cells by their keys; it must not know modules. */
import { noGrad, Variable, zeros } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { HyperCell } from "./hyper.js";
import { belowOne } from "./kinds.js";
import { type SavedValue, savedValues } from "./state.js";

export interface EmaOptions {
  /** β, share of the average that each step keeps. Default 0.999, range 0 ≤ β < 1. */
  readonly decay?: number;
}

const checkEma = checkedConstructor("Ema", takes<EmaOptions>({ state: variablesKind }, { decay: belowOne }));

/**
 * Exponential moving averages of a model's parameters and buffers: averaged weights usually score better than those of
 * the last step.
 *
 * Formula: `a ← w` in the first update, then `a ← β·a + (1 − β)·w`; integers are copied.
 *
 * Call `update` inside the compiled step, after the optimizer's `step`; `swap` before and after scoring.
 *
 * @param state the variables to average, by key: `model.stateDict()`
 * @param options decay β
 * @throws ConfigError if the decay is out of range
 * @see Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"
 * @see https://pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
 * @example
 * const ema = new Ema(model.stateDict(), { decay: 0.99 });
 * optimizer.step();
 * ema.update();
 * ema.swap(); // the model now has the averages
 * ema.swap(); // and now its own weights again
 */
export class Ema {
  readonly #decay: HyperCell;
  readonly #updates = new Variable(zeros([]), { name: "ema.updates" });
  /** The average of each variable; a variable with two keys is averaged once. */
  readonly #averages = new Map<Variable, Variable>();
  readonly #keys: readonly (readonly [key: string, variable: Variable])[];

  constructor(state: Readonly<Record<string, Variable>>, options: EmaOptions = {}) {
    checkEma([state, options]);
    const { decay = 0.999 } = options;
    this.#decay = new HyperCell("Ema", "decay", { value: decay, range: belowOne });
    this.#keys = Object.entries(state);
    for (const [key, variable] of this.#keys) {
      if (this.#averages.has(variable)) continue;
      this.#averages.set(variable, new Variable(variable.detach(), { name: `ema.${key}` }));
    }
  }

  /** β; setting it between steps recompiles nothing. */
  get decay(): number {
    return this.#decay.value;
  }

  set decay(value: number) {
    this.#decay.set(this.#decay.checked("Ema", value));
  }

  /**
   * Updates the averages with the current values.
   *
   * @example
   * new Ema(model.stateDict()).update();
   */
  update(): void {
    noGrad(() => {
      const isFirst = this.#updates.eq(0);
      for (const [variable, average] of this.#averages) {
        const isFloat = variable.dtype === "f32" || variable.dtype === "f64";
        if (!isFloat) average.assign(variable);
        else {
          const decay = this.#decay.read(variable.dtype);
          const [kept, taken] = [isFirst.where(0, decay), isFirst.where(1, decay.complement())];
          average.assign(average.mul(kept).add(variable.mul(taken)));
        }
      }
      this.#updates.assign(this.#updates.add(1));
    });
  }

  /**
   * Swaps the averages and the values of the variables; a second call undoes it. It must not be called inside compiled
   * functions, nor `update` between the two calls.
   *
   * @example
   * const ema = new Ema(model.stateDict());
   * ema.swap();
   */
  swap(): void {
    noGrad(() => {
      for (const [variable, average] of this.#averages) {
        const value = variable.detach();
        variable.assign(average);
        average.assign(value);
      }
    });
  }

  /**
   * The cells of the averages by the keys passed to the constructor.
   *
   * @example
   * Object.keys(new Ema({ weight: new Variable(zeros([2])) }).averages()); // ["weight"]
   */
  averages(): Record<string, Variable> {
    return Object.fromEntries(this.#keys.map(([key, variable]) => [key, this.#averageOf(variable)]));
  }

  /**
   * The cells that a checkpoint needs, not copies, by key: `updates`, and `average.<key>`.
   *
   * @example
   * Object.keys(new Ema({ weight: new Variable(zeros([2])) }).stateDict()); // ["updates", "average.weight"]
   */
  stateDict(): Record<string, Variable> {
    const averages = this.#keys.map(([key, variable]) => [`average.${key}`, this.#averageOf(variable)] as const);
    return { updates: this.#updates, ...Object.fromEntries(averages) };
  }

  /**
   * Writes a saved state into the cells. Everything is checked before anything is written.
   *
   * @param state values by key: typed arrays of the right length, or `{ shape, data }`
   * @throws DataError naming the missing and unexpected keys; ShapeError naming every key whose shape differs
   * @example
   * const ema = new Ema({ weight: new Variable(zeros([2])) });
   * ema.loadStateDict({ updates: new Float32Array([7]), "average.weight": new Float32Array([1, 2]) });
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    const cells = this.stateDict();
    const values = savedValues(cells, state);
    for (const [key, cell] of Object.entries(cells)) cell.load(values[key]);
  }

  #averageOf(variable: Variable): Variable {
    return this.#averages.get(variable) as Variable;
  }
}
