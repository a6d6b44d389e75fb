/** The mode of a module, training or evaluation, and whether it is frozen. This file must not know calls or files. */
import { HostValue, Parameter } from "../../tensor/index.js";
import { takes } from "../../util/arguments.js";
import { callback, flag, nullable, optional, word } from "../../util/kinds.js";
import type { Mode, ModuleFilter } from "../module.js";
import { ModuleState } from "./state.js";
import { walk } from "./tree.js";

/** The part of a module that has a mode. */
export abstract class ModuleMode<In extends unknown[], Out> extends ModuleState<In, Out> {
  readonly #training = new HostValue(true);
  /** The mode that `train` and `eval` do not change; null if the module follows its parent. */
  readonly #pinned = new HostValue<boolean | null>(null);

  /**
   * Whether the module is in training mode, which dropout and batch normalisation depend on. Set by `train`, `eval`,
   * `pin` and `freeze`. Compiled functions are traced again after it has changed.
   *
   * @example
   * new Dropout().eval().training; // false
   */
  get training(): boolean {
    return this.#pinned.value ?? this.#training.value;
  }

  /**
   * Switches this module and all below it to training mode, except those that are pinned or frozen.
   *
   * @param mode false switches to evaluation mode. Default true
   * @example
   * model.train();
   */
  train(mode = true): this {
    for (const { module } of walk(this)) module.#training.value = mode;
    return this;
  }

  /**
   * Switches this module and all below it to evaluation mode, except those that are pinned to training: dropout passes
   * its input, batch normalisation uses its running statistics.
   *
   * @example
   * const prediction = model.eval()(images).argmax({ dim: 1 });
   */
  eval(): this {
    return this.train(false);
  }

  /**
   * Runs `fn` with this module and all below it in a mode, then restores the mode of each.
   *
   * @param mode of all modules except those that are pinned or frozen
   * @example
   * const logits = model.inMode("eval", () => model(images)); // shape [3, 2]
   */
  inMode<T>(mode: Mode, fn: () => T): T {
    const before = walk(this).map(({ module }) => ({ module, training: module.#training.value }));
    this.train(mode === "train");
    try {
      return fn();
    } finally {
      for (const { module, training } of before) module.#training.value = training;
    }
  }

  /**
   * Fixes the mode of this module and all below it, so that `train` and `eval` do not change it: batch normalisation by
   * running statistics while the rest is trained, or dropout that stays active to sample predictions.
   *
   * @param mode the fixed mode; null lets the modules follow `train` and `eval` again
   * @example
   * const dropout = new Dropout().pin("train");
   * new Sequential(dropout).eval();
   * dropout.training; // true
   */
  pin(mode: Mode | null): this {
    for (const { module } of walk(this)) module.#pinned.value = mode === null ? null : mode === "train";
    return this;
  }

  /**
   * Stops the training of this module and all below it, or of those that a filter chooses: no gradient is computed for
   * their parameters, optimizers do not update them, and they stay in evaluation mode whatever their parents do, so
   * that running statistics do not change either. Compiled functions are traced again.
   *
   * @param filter chooses modules by path and kind, each without those below it. Default all
   * @example
   * const net = new Sequential(new Sequential(new Linear(4, 4), new BatchNorm1d(4)), new Linear(4, 2));
   * net[0].freeze();
   * net.train().namedParameters().filter(([, { trainable }]) => trainable).map(([key]) => key); // ["1.weight",
   * "1.bias"]
   */
  freeze(filter?: ModuleFilter): this {
    return this.#setFrozen(true, filter);
  }

  /**
   * Undoes `freeze`: parameters are trained, and the modules follow `train` and `eval` again.
   *
   * @param filter chooses modules by path and kind, each without those below it. Default all
   * @example
   * model.freeze().unfreeze((path) => path.startsWith("2"));
   */
  unfreeze(filter?: ModuleFilter): this {
    return this.#setFrozen(false, filter);
  }

  #setFrozen(frozen: boolean, filter: ModuleFilter = () => true): this {
    for (const { path, module, members } of walk(this)) {
      if (!filter(path, module)) continue;
      module.#pinned.value = frozen ? false : null;
      for (const { value } of members) if (value instanceof Parameter) value.trainable = !frozen;
    }
    return this;
  }
}

const modeKind = word(["train", "eval"]);

export const modeParameters = {
  train: takes({ mode: optional(flag) }),
  eval: takes(),
  inMode: takes({ mode: modeKind, fn: callback }),
  pin: takes({ mode: nullable(modeKind) }),
  freeze: takes({ filter: optional(callback) }),
  unfreeze: takes({ filter: optional(callback) }),
};
