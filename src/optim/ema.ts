/** Exponential moving averages of weights. */
import type { DType, Tensor, Variable } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { Averages, type Shares } from "./averages.js";
import { HyperCell } from "./hyper.js";
import { belowOne } from "./kinds.js";

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
export class Ema extends Averages {
  readonly #decay: HyperCell;

  constructor(state: Readonly<Record<string, Variable>>, options: EmaOptions = {}) {
    checkEma([state, options]);
    super("ema", state);
    const { decay = 0.999 } = options;
    this.#decay = new HyperCell("Ema", "decay", { value: decay, range: belowOne });
  }

  /** β; setting it between steps recompiles nothing. */
  get decay(): number {
    return this.#decay.value;
  }

  set decay(value: number) {
    this.#decay.set(this.#decay.checked("Ema", value));
  }

  protected override shares(updates: Tensor, dtype: DType): Shares {
    const isFirst = updates.eq(0);
    const decay = this.#decay.read(dtype);
    return [isFirst.where(0, decay), isFirst.where(1, decay.complement())];
  }
}
