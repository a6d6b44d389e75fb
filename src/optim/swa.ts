/** Equal averages of weights: SWA. */
import type { DType, Tensor, Variable } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { Averages, type Shares } from "./averages.js";

const checkSwa = checkedConstructor("Swa", takes({ state: variablesKind }));

/**
 * Stochastic weight averaging: the equal average of a model's parameters and buffers at several times late in training,
 * with a high learning rate, constant or cyclic. Call `update` at each of these times; `swap` before and after scoring.
 * Batch normalisation needs its statistics measured again with the averaged weights: `updateBatchNorm` of `fovea/nn`.
 *
 * Formula: `a ← a + (w − a)/(n + 1)` after n updates; integers are copied.
 *
 * @param state the variables to average, by key: `model.stateDict()`
 * @see Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization", arXiv:1803.05407
 * @see https://pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
 * @example
 * const swa = new Swa(model.stateDict());
 * swa.update();
 * swa.swap(); // the model now has the averages
 */
export class Swa extends Averages {
  constructor(state: Readonly<Record<string, Variable>>) {
    checkSwa([state]);
    super("swa", state);
  }

  protected override shares(updates: Tensor, dtype: DType): Shares {
    const taken = updates.to(dtype).add(1).reciprocal();
    return [updates.to(dtype).mul(taken), taken];
  }
}
