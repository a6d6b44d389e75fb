/**
 * Calls of modules: the path that errors and profiles show, and the check that a called module is part of the model.
 * This file must not know any particular layer.
 */
import { isGradEnabled, Parameter } from "../../tensor/index.js";
import { configError } from "../../util/errors.js";
import { currentScope, withScope } from "../../util/scope.js";
import type { AnyModule, Module } from "../module.js";
import { currentCall, runCall } from "./calls.js";
import { isModule, join, placeOf, type Visit, walk } from "./tree.js";

/** Runs the `forward` of a module with its name on the module path, so that errors name it. */
export function callModule(module: Module<unknown[], unknown>, inputs: unknown[]): unknown {
  if (typeof module.forward !== "function") {
    throw configError(module.constructor.name, "has no method forward", "Define forward(x), which returns the output");
  }
  const caller = currentCall(isModule);
  let root: AnyModule = module;
  if (!caller) walk(module);
  else if (isWithin(module, caller.root)) root = caller.root;
  else checkStranger(module, caller.module);
  const name = currentScope() === "" ? "model" : nameOf(module, caller?.module);
  return withScope(name, () => runCall({ module, root }, () => module.forward(...inputs)));
}

/** Whether a module with state is in the tree of `root`, which may have changed since its last walk. */
function isWithin(module: AnyModule, root: AnyModule): boolean {
  if (placeOf(module).walk === placeOf(root).walk) return true;
  if (!walk(module).some(hasState)) return false; // such as an activation that `forward` makes itself
  walk(root);
  return placeOf(module).walk === placeOf(root).walk;
}

/**
 * Throws if a called module has state but is not in its caller's tree: its state would be neither trained nor saved.
 */
function checkStranger(module: AnyModule, caller: AnyModule): void {
  for (const { path, module: inner, members } of walk(module)) {
    for (const { key, value } of members) {
      if (isModule(value)) continue;
      const trained = value instanceof Parameter && value.trainable && isGradEnabled();
      if (!trained && !(inner.training && !(value instanceof Parameter))) continue;
      const name = caller.constructor.name;
      const lost = trained ? "parameters() lacks" : "train(), eval() and stateDict() do not reach";
      const problem = `${name} calls a ${module.constructor.name} that is not in its tree: ${lost} its ${join(path, key)}`;
      throw configError(
        "module",
        problem,
        "Hold it in a field without #, or freeze() it if it is no part of the model",
      );
    }
  }
}

/** The name of a module relative to its caller. */
function nameOf(module: AnyModule, caller: AnyModule | undefined): string {
  const kind = module.constructor.name;
  if (!caller) return kind;
  const above = placeOf(caller).path === "" ? "" : `${placeOf(caller).path}.`;
  const below = placeOf(module).walk === placeOf(caller).walk && placeOf(module).path.startsWith(above);
  return placeOf(caller).names.get(module) ?? (below ? placeOf(module).path.slice(above.length) : kind);
}

function hasState({ members }: Visit): boolean {
  return members.some(({ value }) => !isModule(value));
}
