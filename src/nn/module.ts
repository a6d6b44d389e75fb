/**
 * The base class of every layer and model: its fields are the tree of parameters, buffers and sub-modules, and that
 * tree gives PyTorch's state-dict keys. This file must not know any particular layer, nor any file format.
 */
import { Generator, Parameter, type Tensor, Variable } from "../tensor/index.js";
import { currentScope, withScope } from "../util/scope.js";
import { Callable } from "./callable.js";
import { configError } from "./checks.js";
import { type LoadReport, loadState, type StateValue } from "./state.js";

/** A module of whatever inputs and outputs, for code that only walks the tree. */
export type AnyModule = Module<never[], unknown>;

type Field = Variable | AnyModule | Generator;

/**
 * A differentiable function with parameters; `Module` alone means one tensor in, one tensor out.
 *
 * A subclass declares its parameters, buffers and sub-modules as ordinary fields and overrides `forward`; instances are
 * functions, so that callers write `model(x)`. It runs `forward` such that an error inside names the module by its path,
 * as in `(in model.head)`. Fields that are a `Parameter`, a `Variable` (a buffer), a `Module`, a `Generator`, or an array of these form
 * the tree, in the order of declaration. Keys are PyTorch's: field names in snake case, joined by dots, arrays by
 * index (`blocks.0.running_mean`). Fields named with `#` are invisible to the tree.
 *
 * Models with other inputs or outputs say so: `class Decoder extends Module<[x: Tensor, state: Tensor], [Tensor, Tensor]>`.
 *
 * @example
 * class Net extends Module {
 *   readonly hidden = new Linear(784, 128);
 *   readonly head = new Linear(128, 10);
 *   override forward(x: Tensor): Tensor {
 *     return this.head(this.hidden(x).relu());
 *   }
 * }
 * const logits = new Net()(zeros([32, 784])); // shape [32, 10]
 */
export abstract class Module<In extends unknown[] = [x: Tensor], Out = Tensor> extends Callable<In, Out> {
  /** Whether the module is being trained; set by `train()` and `eval()`. Dropout and batch normalisation look at it. */
  training = true;

  /** The name of the field that holds this module in the parent that was called last. */
  #name: string | undefined;

  constructor() {
    super((instance, inputs) => Module.#run(instance as Module<unknown[], unknown>, inputs));
  }

  /** Runs `forward` with this module's name on the module path. */
  static #run(module: Module<unknown[], unknown>, inputs: unknown[]): unknown {
    for (const [name, field] of ownFields(module)) if (field instanceof Module) field.#name = name;
    const name = currentScope() === "" ? "model" : (module.#name ?? module.constructor.name);
    return withScope(name, () => module.forward(...inputs));
  }

  /** Builds the output from the inputs. Override it; callers write `model(x)`. */
  abstract forward(...inputs: In): Out;

  /**
   * Children that always run one right behind the other, so that only the next one reads what one gives. `Sequential`
   * says so of all its children; a module with a `forward` of its own may override this, for what works on neighbouring
   * layers, such as `foldBatchNorm`. Leaving out a chain is always right. Default: none.
   *
   * @example
   * class Block extends Module {
   *   readonly conv = new Conv2d(3, 8, 3);
   *   readonly bn = new BatchNorm2d(8);
   *   override forward(x: Tensor): Tensor {
   *     return this.bn(this.conv(x)).relu();
   *   }
   *   override chains() {
   *     return [[this.conv, this.bn]];
   *   }
   * }
   * Object.keys(foldBatchNorm(new Block()).stateDict()); // ["conv.weight", "conv.bias"]
   */
  chains(): readonly (readonly AnyModule[])[] {
    return [];
  }

  /**
   * This module and all modules below it with their paths, parents first; the path of this module is the empty string.
   *
   * @throws ConfigError if a module contains itself
   * @example
   * new Sequential(new ReLU()).namedModules().map(([path]) => path); // ["", "0"]
   */
  namedModules(): [path: string, module: AnyModule][] {
    return [...walk(this, "", [])];
  }

  /**
   * Every parameter of the tree once, in PyTorch's order, with the first key it has.
   *
   * @example
   * new Linear(2, 3).namedParameters().map(([key]) => key); // ["weight", "bias"]
   */
  namedParameters(): [key: string, parameter: Parameter][] {
    return distinct(this, asParameter);
  }

  /**
   * Every parameter of the tree once, in PyTorch's order: what an optimizer is given.
   *
   * @example
   * const optimizer = new SGD(new Linear(2, 3).parameters(), { lr: 0.1 });
   */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /**
   * Every buffer of the tree once: state that is saved but not trained, such as running statistics.
   *
   * @example
   * new BatchNorm1d(4).namedBuffers().map(([key]) => key); // ["running_mean", "running_var", "num_batches_tracked"]
   */
  namedBuffers(): [key: string, buffer: Variable][] {
    return distinct(this, asBuffer);
  }

  /**
   * Every random stream of the tree once. Their counters are not in the state dict, since PyTorch's has none; whoever
   * saves a run to resume it exactly saves them beside it.
   *
   * @example
   * new Sequential(new Dropout()).namedGenerators().map(([key]) => key); // ["0.generator"]
   */
  namedGenerators(): [key: string, generator: Generator][] {
    return distinct(this, asGenerator);
  }

  /**
   * All parameters and buffers by PyTorch's keys, in PyTorch's order: for each module its parameters, its buffers, then
   * its children. The values are the live cells, not copies. A parameter used in two places has two keys, as in PyTorch.
   *
   * @throws ConfigError if two fields give the same key
   * @example
   * Object.keys(new Sequential(new Linear(2, 3)).stateDict()); // ["0.weight", "0.bias"]
   */
  stateDict(): Record<string, Variable> {
    const state = new Map<string, Variable>();
    for (const [path, module] of walk(this, "", [])) {
      for (const [name, variable] of [...pick(module, asParameter), ...pick(module, asBuffer)]) {
        const key = join(path, name);
        if (state.has(key)) throw configError("stateDict", `two fields have the key ${key}`, "Rename one of them");
        state.set(key, variable);
      }
    }
    return Object.fromEntries(state);
  }

  /**
   * Writes saved values into the parameters and buffers. Everything is checked before anything is written, so a failing
   * call leaves the module as it was.
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
    return loadState(this.stateDict(), state, options.strict ?? true);
  }

  /**
   * Switches this module and all below it to training. A compiled function keeps the mode in which it was traced.
   *
   * @param mode false switches to evaluation. Default true
   * @example
   * model.train();
   */
  train(mode = true): this {
    for (const [, module] of walk(this, "", [])) module.training = mode;
    return this;
  }

  /**
   * Switches this module and all below it to evaluation: dropout passes its input, batch normalisation uses its running
   * statistics.
   *
   * @example
   * const prediction = model.eval()(images).argmax({ dim: 1 });
   */
  eval(): this {
    return this.train(false);
  }
}

/** The fields that belong to the tree, arrays taken apart, by their names in snake case. */
function ownFields(module: AnyModule): [name: string, field: Field][] {
  const found: [string, Field][] = [];
  const collect = (name: string, value: unknown): void => {
    if (isField(value)) found.push([name, value]);
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) collect(`${name}.${index}`, item);
  };
  for (const [name, value] of Object.entries(module)) collect(snakeCase(name), value);
  return found;
}

function isField(value: unknown): value is Field {
  return value instanceof Variable || value instanceof Module || value instanceof Generator;
}

function asParameter(field: Field): Parameter | undefined {
  return field instanceof Parameter ? field : undefined;
}

function asBuffer(field: Field): Variable | undefined {
  return field instanceof Variable && !(field instanceof Parameter) ? field : undefined;
}

function asGenerator(field: Field): Generator | undefined {
  return field instanceof Generator ? field : undefined;
}

/** `module` and all below it, parents first. A module used twice comes twice, under both paths. */
function* walk(module: AnyModule, path: string, ancestors: readonly AnyModule[]): Iterable<[string, AnyModule]> {
  if (ancestors.includes(module)) {
    const hint = "Keep a back reference in a #private field, which the tree does not see";
    throw configError("module", `${path} is the module ${module.constructor.name} that contains it`, hint);
  }
  yield [path, module];
  for (const [name, field] of ownFields(module)) {
    if (field instanceof Module) yield* walk(field, join(path, name), [...ancestors, module]);
  }
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** `runningMean` → `running_mean`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, before: string, upper: string) => `${before}_${upper.toLowerCase()}`);
}

/** The fields of `module` itself that `as` recognises. */
function pick<T>(module: AnyModule, as: (field: Field) => T | undefined): [name: string, value: T][] {
  return ownFields(module).flatMap(([name, field]) => {
    const value = as(field);
    return value === undefined ? [] : [[name, value] satisfies [string, T]];
  });
}

/** What `as` recognises in the whole tree, each once, under its first key. */
function distinct<T>(root: AnyModule, as: (field: Field) => T | undefined): [key: string, value: T][] {
  const keys = new Map<T, string>();
  for (const [path, module] of walk(root, "", [])) {
    for (const [name, value] of pick(module, as)) if (!keys.has(value)) keys.set(value, join(path, name));
  }
  return [...keys].map(([value, key]) => [key, value]);
}
