/**
 * The state of a module: its parameters and buffers by PyTorch's keys, and files of them. Must not know file formats.
 */
import { dtypeError } from "../../tensor/check.js";
import { type DType, Parameter, Variable } from "../../tensor/index.js";
import { dtypeKind } from "../../tensor/kinds.js";
import { type LoadReport, matchState, type StateValue } from "../../tensor/state.js";
import { stateFiles } from "../../tensor/state-files.js";
import { takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { flag, record, text } from "../../util/kinds.js";
import { join, ModuleTree, walk } from "./tree.js";

const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f64";

/** Hints for saved values that do not fit. */
const hints = {
  keys: "Check that it was saved from the same architecture, or pass strict: false to load what fits",
  shapes: "Build the model with its saved sizes, or leave these keys out and pass strict: false",
};

/** The part of a module that saves and loads. */
export abstract class ModuleState<In extends unknown[], Out> extends ModuleTree<In, Out> {
  /**
   * All parameters and buffers by PyTorch's keys, in PyTorch's order: for each module its parameters, its buffers, then
   * its children. The values are the cells themselves, not copies. A parameter used in two places has two keys, as in
   * PyTorch.
   *
   * @throws ConfigError if two fields give the same key
   * @example
   * Object.keys(new Sequential(new Linear(2, 3)).stateDict()); // ["0.weight", "0.bias"]
   */
  stateDict(): Record<string, Variable> {
    const state = new Map<string, Variable>();
    for (const { path, members } of walk(this)) {
      const variables = members.flatMap(({ key, value }) => (value instanceof Variable ? [{ key, value }] : []));
      const parameters = variables.filter(({ value }) => value instanceof Parameter);
      const buffers = variables.filter(({ value }) => !(value instanceof Parameter));
      for (const { key: name, value } of [...parameters, ...buffers]) {
        const key = join(path, name);
        if (state.has(key)) throw configError("stateDict", `two fields have the key ${key}`, "Rename one of them");
        state.set(key, value);
      }
    }
    return Object.fromEntries(state);
  }

  /**
   * Writes saved values into the parameters and buffers. Everything is checked before anything is written, so a failing
   * call leaves the module unchanged.
   *
   * @param state values by key: tensors, typed arrays of the right length, or `{ shape, data }`
   * @param options.strict whether missing and unexpected keys are errors. Default true; with false they are returned
   * @returns the keys that were missing and those that were unexpected
   * @throws DataError naming the missing and unexpected keys
   * @throws ShapeError naming every key whose shape differs
   * @example
   * const saved = new Linear(2, 3).stateDict();
   * new Linear(2, 3).loadStateDict(saved);
   */
  loadStateDict(state: Readonly<Record<string, StateValue>>, options: { readonly strict?: boolean } = {}): LoadReport {
    const match = matchState(this.stateDict(), state, { op: "loadStateDict", strict: true, hints, ...options });
    match.write();
    return match.report;
  }

  /**
   * Converts the parameters and buffers that are floats to another float dtype, in place; integers stay. Compiled
   * functions are traced again.
   *
   * @param dtype f32 or f64
   * @returns this module
   * @throws DTypeError if the dtype is not a float
   * @example
   * new Linear(2, 3).to("f64")(zeros([1, 2], { dtype: "f64" })).dtype; // "f64"
   */
  to(dtype: DType): this {
    if (!isFloat(dtype)) throw dtypeError("to", `parameters cannot be ${dtype}`, 'Use "f32" or "f64"');
    for (const variable of Object.values(this.stateDict())) if (isFloat(variable.dtype)) variable.convert(dtype);
    return this;
  }

  /**
   * Writes the state dict into a safetensors file: the values at the time of the call, even if training continues
   * meanwhile. An old file is replaced atomically.
   *
   * @param path of the file
   * @throws DataError if it cannot be written; ConfigError in a browser, which has no files
   * @example
   * await new Linear(2, 3).save("linear.safetensors");
   */
  async save(path: string): Promise<void> {
    const values = Object.entries(this.stateDict()).map(([key, variable]) => [key, variable.detach()] as const);
    await (await stateFiles("save")).write(path, Object.fromEntries(values));
  }

  /**
   * Reads a safetensors file, as `save` and PyTorch write it, into the parameters and buffers. Everything is checked
   * before anything is written.
   *
   * @param path of the file
   * @param options.strict whether missing and unexpected keys are errors. Default true
   * @returns this module
   * @throws DataError if the file is missing or damaged, or has other keys; ShapeError naming every key whose shape
   * differs
   * @throws ConfigError in a browser, which has no files
   * @example
   * await new Linear(2, 3).save("linear.safetensors");
   * const layer = await new Linear(2, 3).load("linear.safetensors");
   */
  async load(path: string, options: { readonly strict?: boolean } = {}): Promise<this> {
    const state = await (await stateFiles("load")).read(path);
    matchState(this.stateDict(), state, { op: "load", file: path, strict: true, hints, ...options }).write();
    return this;
  }
}

const strict = { strict: flag };

export const stateParameters = {
  stateDict: takes(),
  to: takes({ dtype: dtypeKind }),
  loadStateDict: takes<{ strict?: boolean }>({ state: record }, strict),
  save: takes({ path: text }),
  load: takes<{ strict?: boolean }>({ path: text }, strict),
};
