/** Replacement of modules within a model. This file must not know any particular layer. */
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { callback } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import { moduleKind } from "./kinds.js";
import { membersOf, replaceMember } from "./module/members.js";
import { type AnyModule, isMember, isModule } from "./module.js";

/** Returns the replacement of a module; undefined keeps it and continues with its children. */
export type ReplaceRule = (module: AnyModule, path: string) => AnyModule | undefined;

/**
 * Replaces modules inside a model: a new head, adapters around linear layers, batch normalisation folded away. The rule
 * is called for every module below the model, parents first; its result replaces the module in the field, array,
 * object, map or set that holds it, and is not searched itself. For a module used in several places the rule is called
 * once, and its result is used in all of them.
 *
 * The model is changed in place and returned. Optimizers and compiled functions made before still use the old
 * parameters. Types do not change: code that reads a replaced field must expect the new class of module.
 *
 * @param model the root; the rule is not called for it
 * @param rule returns the replacement of a module, or undefined to keep it
 * @throws ConfigError if the rule returns anything else
 * @example
 * const net = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 1000));
 * replaceModules(net, (module, path) => (path === "2" ? new Linear(8, 3) : undefined));
 * const logits = net(zeros([5, 4])); // shape [5, 3]
 */
export const replaceModules = checked(
  "replaceModules",
  takes({ model: moduleKind, rule: callback }),
  <M extends AnyModule>(model: M, rule: ReplaceRule): M => {
    const paths = new Map<AnyModule, string>(); // first path of each module
    for (const [path, module] of model.namedModules()) if (!paths.has(module)) paths.set(module, path);
    const answers = new Map<AnyModule, AnyModule | undefined>();
    const visit = (parent: AnyModule): void => {
      for (const held of membersOf(parent, isMember)) {
        const { value: module } = held;
        if (!isModule(module)) continue;
        const asked = answers.has(module);
        if (!asked) answers.set(module, ask(rule, module, paths.get(module) ?? ""));
        const other = answers.get(module);
        if (other) replaceMember(held, other);
        else if (!asked) visit(module);
      }
    };
    visit(model);
    model.namedModules(); // sets the paths of the new modules
    return model;
  },
);

function ask(rule: ReplaceRule, module: AnyModule, path: string): AnyModule | undefined {
  const given: unknown = rule(module, path);
  if (given === undefined || given === module) return undefined;
  if (isModule(given)) return given;
  const hint = "Return a Module, or undefined to keep the one that is there";
  throw configError("replaceModules", `the rule gave ${spell(given)} for ${path}`, hint);
}
