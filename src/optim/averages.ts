/** Running averages of weights and buffers, for evaluation. It knows cells by their keys; it must not know modules. */
import { type DType, noGrad, type Tensor, Variable, zeros } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { record, text } from "../util/kinds.js";
import { type SavedValue, savedValues } from "./state.js";

const checkAverages = checkedConstructor("Averages", takes({ name: text, state: variablesKind }));

/** What an average keeps of itself, and takes of the present value. */
export type Shares = readonly [kept: Tensor, taken: Tensor];

/**
 * Averages of a model's parameters and buffers. Call `update` inside the compiled step, after the optimizer's `step`, or
 * after each epoch; `swap` before and after scoring. Integers are copied.
 *
 * @example
 * const averages: Averages = new Swa(model.stateDict());
 * averages.update();
 */
export abstract class Averages {
  readonly #updates: Variable;
  /** The average of each variable; a variable with two keys is averaged once. */
  readonly #averages = new Map<Variable, Variable>();
  readonly #keys: readonly (readonly [key: string, variable: Variable])[];

  /** @param name the prefix of the names of cells */
  constructor(name: string, state: Readonly<Record<string, Variable>>) {
    checkAverages([name, state]);
    this.#updates = new Variable(zeros([]), { name: `${name}.updates` });
    this.#keys = Object.entries(state);
    for (const [key, variable] of this.#keys) {
      if (this.#averages.has(variable)) continue;
      this.#averages.set(variable, new Variable(variable.detach(), { name: `${name}.${key}` }));
    }
  }

  /** The shares of the next update, after `updates` of them. */
  protected abstract shares(updates: Tensor, dtype: DType): Shares;

  /**
   * Updates the averages with the current values.
   *
   * @example
   * new Ema(model.stateDict()).update();
   */
  update(): void {
    noGrad(() => {
      for (const [variable, average] of this.#averages) {
        const isFloat = variable.dtype === "f32" || variable.dtype === "f64";
        if (!isFloat) average.assign(variable);
        else {
          const [kept, taken] = this.shares(this.#updates, variable.dtype);
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

const nothing = takes();
checkMethods(Averages, {
  update: nothing,
  swap: nothing,
  averages: nothing,
  stateDict: nothing,
  loadStateDict: takes({ state: record }),
});
