/** Recording the outputs of modules and their gradients. This file must not know any particular layer. */
import { grad, Tensor } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { callback, list, text } from "../util/kinds.js";
import { nearest, spell } from "../util/spelling.js";
import { moduleKind } from "./kinds.js";
import { observed } from "./module/calls.js";
import type { AnyModule } from "./module.js";

/** Tensors of some modules by path, one for each call of the module. */
type ByPath = Readonly<Record<string, readonly Tensor[]>>;

/** The result of {@link record}. */
export interface Recording<T> {
  /** The return value of the function. */
  readonly result: T;
  /** The outputs of the modules by path, in the order of their calls. */
  readonly activations: ByPath;
  /** Gradients of a scalar with respect to these outputs, in the same order; zeros if it does not depend on one. */
  gradients(output: Tensor): ByPath;
}

/**
 * Runs a function and records the outputs of chosen modules that are called in it: feature maps, embeddings, the
 * activations and gradients of Grad-CAM. The model stays unchanged. Inside a compiled function the recorded tensors are
 * part of the program like all others, and may be returned.
 *
 * @param model the root of the paths
 * @param paths of modules whose outputs are tensors, such as `layer4.1` (see `namedModules`)
 * @param fn calls the model, or parts of it
 * @throws ConfigError if a path has no module, its module was not called, or returned anything but a tensor
 * @see Selvaraju et al. 2017, "Grad-CAM", arXiv:1610.02391
 * @example
 * const { result, activations, gradients } = record(model, ["1"], () => model(images));
 * activations["1"][0]; // shape [3, 2]
 * gradients(result.select(1, 0).sum())["1"][0]; // shape [3, 2]
 */
export const record = checked(
  "record",
  takes({ model: moduleKind, paths: list(text, "an array of paths"), fn: callback }),
  <T>(model: AnyModule, paths: readonly string[], fn: () => T): Recording<T> => {
    const modules = new Map(model.namedModules());
    const outputs = new Map(paths.map((path) => [path, [] as Tensor[]]));
    for (const path of paths) {
      if (modules.has(path)) continue;
      const meant = nearest(path, [...modules.keys()]);
      const hint = meant ? `Did you mean ${meant}?` : "namedModules() lists the paths";
      throw configError("record", `there is no module ${spell(path)}`, hint);
    }
    const result = observed((module, output) => {
      for (const [path, found] of outputs) {
        if (modules.get(path) !== module) continue;
        if (!(output instanceof Tensor)) throw configError("record", `${path} gives ${spell(output)}, not a tensor`);
        found.push(output);
      }
    }, fn);
    const silent = paths.find((path) => outputs.get(path)?.length === 0);
    if (silent !== undefined) {
      const hint = "Call the model in the function; in a compiled function, record inside of it";
      throw configError("record", `${spell(silent)} was not called`, hint);
    }
    const gradients = (output: Tensor): ByPath => {
      const values = grad(output, [...outputs.values()].flat()).values();
      const take = (tensors: readonly Tensor[]) => tensors.map(() => values.next().value as Tensor);
      return Object.fromEntries([...outputs].map(([path, tensors]) => [path, take(tensors)]));
    };
    return { result, activations: Object.fromEntries(outputs), gradients };
  },
);
