/** Modules that only arrange others: a sequence, and the flattening of axes. They have no parameters of their own. */
import type { Tensor } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { whole } from "../util/kinds.js";
import { layerEntry } from "./entries.js";
import { Module } from "./module.js";

/**
 * Modules that run in sequence; the children have the keys 0, 1, 2, …, and `model[0]` is the first.
 *
 * Shape: from the input of the first to the output of the last child; without children the identity.
 * A child is replaced by assignment: `model[2] = new Linear(128, 5)`.
 *
 * @param modules the children in order
 * @throws ConfigError if one of them is no module
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 * @example
 * const model = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 3));
 * const logits = model(zeros([2, 4])); // shape [2, 3]
 */
export class Sequential extends Module {
  [index: number]: Module;

  constructor(...modules: Module[]) {
    super();
    modules.forEach((module, index) => {
      if (module instanceof Module) return;
      const given: unknown = module;
      const kind = given === null ? "null" : Array.isArray(given) ? "an array" : `a ${typeof given}`;
      const hint = Array.isArray(given)
        ? "Write new Sequential(...layers)"
        : "Pass layers such as new ReLU(); functions go into a Module's forward";
      throw configError("Sequential", `argument ${index} is no Module but ${kind}`, hint);
    });
    // Integer keys come first among own properties, in ascending order: the tree sees 0, 1, 2, …
    Object.assign(this, modules);
  }

  /** Number of children. */
  override get length(): number {
    return [...this].length;
  }

  /** The children in order. */
  *[Symbol.iterator](): IterableIterator<Module> {
    for (let index = 0; this[index] instanceof Module; index++) yield this[index];
  }

  override chains(): readonly (readonly Module[])[] {
    return [[...this]];
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    for (const module of this) y = module(y);
    return y;
  }
}

export interface FlattenOptions {
  /** First axis to merge; negative counts from the end. Default 1. */
  readonly startDim?: number;
  /** Last axis to merge; negative counts from the end. Default −1. */
  readonly endDim?: number;
}

const parameters = takes<FlattenOptions>({}, { startDim: whole, endDim: whole });
const check = checkedConstructor("Flatten", parameters);

/**
 * Merges axes into one, by default all but the batch axis.
 *
 * Shape: `[N, C, H, W] -> [N, C·H·W]`.
 *
 * @throws ShapeError from the call if the input has no such axes
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html
 * @example
 * const y = new Flatten()(zeros([8, 3, 4, 4])); // shape [8, 48]
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(options: FlattenOptions = {}) {
    check([options]);
    super();
    const { startDim = 1, endDim = -1 } = options;
    this.startDim = startDim;
    this.endDim = endDim;
  }

  override forward(x: Tensor): Tensor {
    const { startDim, endDim } = this;
    return x.flatten({ startDim, endDim });
  }
}

export const flattenEntry = layerEntry("Flatten", parameters, Flatten);
