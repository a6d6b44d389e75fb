/**
 * The base class of every layer and model: its fields are the tree of parameters, buffers and sub-modules, and that
 * tree gives PyTorch's state-dict keys. This file must not know any particular layer, nor any file format.
 */
import { Generator, HostValue, isGradEnabled, Parameter, type Tensor, Variable } from "../tensor/index.js";
import { type LoadReport, matchState, type StateValue } from "../tensor/state.js";
import { stateFiles } from "../tensor/state-files.js";
import { checkMethods, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { callback, flag, nullable, optional, record, text, word } from "../util/kinds.js";
import { currentScope, withScope } from "../util/scope.js";
import { spell } from "../util/spelling.js";
import { Callable } from "./callable.js";
import { currentCall, runCall } from "./calls.js";
import { moduleText } from "./repr.js";
import { type Held, membersOf } from "./tree.js";

/** A module of any inputs and outputs, for code that only walks the tree. */
export type AnyModule = Module<never[], unknown>;

/** The mode of a module: training or evaluation. */
export type Mode = "train" | "eval";

/** A predicate that chooses modules by their paths relative to the module it is passed to, whose own path is "". */
export type ModuleFilter = (path: string, module: AnyModule) => boolean;

/** The values that form the tree. */
export type Member = Variable | AnyModule | Generator;

/**
 * A differentiable function with parameters; `Module` alone means one tensor in, one tensor out.
 *
 * A subclass declares its parameters, buffers and sub-modules as ordinary fields and overrides `forward`; instances are
 * functions, so that callers write `model(x)`. It runs `forward` such that an error inside names the module by its
 * path, as in `(in model.head)`. Fields that are a `Parameter`, a `Variable` (a buffer), a `Module` or a `Generator`
 * form the tree, in the order of declaration, also within arrays, plain objects, maps and sets. Keys are PyTorch's:
 * field names in snake case, keys of objects and maps unchanged, positions in arrays and sets by number, joined by dots
 * (`blocks.0.running_mean`). Fields named with `#` are invisible to the tree.
 *
 * Models with other inputs or outputs declare them: `class Decoder extends Module<[x: Tensor, state: Tensor], [Tensor,
 * Tensor]>`.
 *
 * @throws ConfigError from the call if `forward` calls a module that is not in the tree although it has trainable
 * parameters, or buffers or random streams in training
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
  readonly #training = new HostValue(true);
  /** The mode that `train` and `eval` do not change; null if the module follows its parent. */
  readonly #pinned = new HostValue<boolean | null>(null);
  /** Value of `path`. */
  #path = "";
  /** Identity of the last walk that visited this module: modules of one tree have the same. */
  #visit: object | undefined;
  /** Names of the direct children, as of that walk. */
  #names: ReadonlyMap<AnyModule, string> = new Map();

  /** Takes no arguments: any that reach it were passed to a subclass that takes none, and are refused. */
  constructor(...none: readonly never[]) {
    super((instance, inputs) => Module.#run(instance as Module<unknown[], unknown>, inputs));
    if (none.length === 0) return;
    const { name } = this.constructor;
    throw configError(name, `got ${spell(none[0])} as its first argument`, `Write new ${name}()`);
  }

  /** Runs `forward` with this module's name on the module path. */
  static #run(module: Module<unknown[], unknown>, inputs: unknown[]): unknown {
    if (typeof module.forward !== "function") {
      throw configError(
        module.constructor.name,
        "has no method forward",
        "Define forward(x), which returns the output",
      );
    }
    const caller = currentCall(isModule);
    let root: AnyModule = module;
    if (!caller) module.#walk();
    else if (Module.#isWithin(module, caller.root)) root = caller.root;
    else Module.#checkStranger(module, caller.module);
    const name = currentScope() === "" ? "model" : Module.#nameOf(module, caller?.module);
    return withScope(name, () => runCall({ module, root }, () => module.forward(...inputs)));
  }

  /** Whether a module with state is in the tree of `root`, which may have changed since its last walk. */
  static #isWithin(module: AnyModule, root: AnyModule): boolean {
    if (module.#visit === root.#visit) return true;
    if (!module.#walk().some(hasState)) return false; // such as an activation that `forward` makes itself
    root.#walk();
    return module.#visit === root.#visit;
  }

  /**
   * Throws if a called module has state but is not in its caller's tree: its state would be neither trained nor saved.
   */
  static #checkStranger(module: AnyModule, caller: AnyModule): void {
    for (const { path, module: inner, members } of module.#walk()) {
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
  static #nameOf(module: AnyModule, caller: AnyModule | undefined): string {
    const kind = module.constructor.name;
    if (!caller) return kind;
    const above = caller.#path === "" ? "" : `${caller.#path}.`;
    const below = module.#visit === caller.#visit && module.#path.startsWith(above);
    return caller.#names.get(module) ?? (below ? module.#path.slice(above.length) : kind);
  }

  /** Computes the output from the inputs. Override it; callers write `model(x)`. */
  abstract forward(...inputs: In): Out;

  /**
   * Lists of children that always run in sequence, each reading only the output of the one before. `Sequential` lists
   * all its children; a module with a `forward` of its own may override this for functions that work on neighbouring
   * layers, such as `foldBatchNorm`. Leaving out a list is always correct. Default: none.
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
   * Key of the module in its tree, such as `layer1.0.conv1`, as of the last walk of that tree (a call of the
   * model, `parameters`, `stateDict`); empty for the root, and before any walk.
   *
   * @example
   * const model = new Sequential(new Linear(2, 3), new ReLU());
   * model.parameters();
   * model[1].path; // "1"
   */
  get path(): string {
    return this.#path;
  }

  /**
   * This module and all modules below it with their paths, parents first; the path of this module is the empty string.
   *
   * @throws ConfigError if a module contains itself
   * @example
   * new Sequential(new ReLU()).namedModules().map(([path]) => path); // ["", "0"]
   */
  namedModules(): [path: string, module: AnyModule][] {
    return this.#walk().map(({ path, module }) => [path, module]);
  }

  /**
   * Every parameter of the tree once, in PyTorch's order, with the first key it has.
   *
   * @example
   * new Linear(2, 3).namedParameters().map(([key]) => key); // ["weight", "bias"]
   */
  namedParameters(): [key: string, parameter: Parameter][] {
    return this.#distinct((member) => (member instanceof Parameter ? member : undefined));
  }

  /**
   * Every parameter of the tree once, in PyTorch's order: the argument of an optimizer.
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
    return this.#distinct((member) => (isBuffer(member) ? member : undefined));
  }

  /**
   * Every random stream of the tree once. Their counters are not in the state dict, since PyTorch has none; a
   * checkpoint for exact resuming saves them beside it.
   *
   * @example
   * new Sequential(new Dropout()).namedGenerators().map(([key]) => key); // ["0.generator"]
   */
  namedGenerators(): [key: string, generator: Generator][] {
    return this.#distinct((member) => (member instanceof Generator ? member : undefined));
  }

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
    for (const { path, members } of this.#walk()) {
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
    for (const { module } of this.#walk()) module.#training.value = mode;
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
    const before = this.#walk().map(({ module }) => ({ module, training: module.#training.value }));
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
    for (const { module } of this.#walk()) module.#pinned.value = mode === null ? null : mode === "train";
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

  /**
   * The tree as text: class, settings, and children by name. `summary` adds shapes, parameters and multiply-adds.
   *
   * @example
   * String(new Sequential(new Dropout({ p: 0.2 }))); // "Sequential(\n  (0): Dropout(p=0.2)\n)"
   */
  override toString(): string {
    return moduleText(this, (module) => membersOf(module, isModule));
  }

  /** @internal The text that `console.log` shows. */
  [inspectKey](): string {
    return this.toString();
  }

  #setFrozen(frozen: boolean, filter: ModuleFilter = () => true): this {
    for (const { path, module, members } of this.#walk()) {
      if (!filter(path, module)) continue;
      module.#pinned.value = frozen ? false : null;
      for (const { value } of members) if (value instanceof Parameter) value.trainable = !frozen;
    }
    return this;
  }

  /** The members of the tree that `as` accepts, each once, under its first key. */
  #distinct<T>(as: (member: Member) => T | undefined): [key: string, value: T][] {
    const keys = new Map<T, string>();
    for (const { path, members } of this.#walk()) {
      for (const { key, value } of members) {
        const wanted = as(value);
        if (wanted !== undefined && !keys.has(wanted)) keys.set(wanted, join(path, key));
      }
    }
    return [...keys].map(([value, key]) => [key, value]);
  }

  /**
   * This module and all below it, parents first, a module used twice under both paths. It sets the paths of modules and
   * variables.
   */
  #walk(): Visit[] {
    const visit = {};
    const visits: Visit[] = [];
    const seen = new Set<Member>();
    const go = (module: AnyModule, path: string, ancestors: readonly AnyModule[]) => {
      if (ancestors.includes(module)) {
        const hint = "Keep a back reference in a #private field, which the tree does not see";
        throw configError("module", `${path} is the module ${module.constructor.name} that contains it`, hint);
      }
      const members = membersOf(module, isMember);
      visits.push({ path, module, members });
      const first = !seen.has(module);
      if (first) {
        seen.add(module);
        module.#visit = visit;
        module.#path = join(this.#path, path);
        module.#names = new Map(members.flatMap(({ key, value }) => (isModule(value) ? [[value, key]] : [])));
      }
      for (const { key, value } of members) {
        if (isModule(value)) go(value, join(path, key), [...ancestors, module]);
        else if (value instanceof Variable && !seen.has(value)) {
          seen.add(value);
          value.path = join(module.#path, key);
        }
      }
    };
    go(this, "", []);
    return visits;
  }
}

/** Hints for saved values that do not fit. */
const hints = {
  keys: "Check that it was saved from the same architecture, or pass strict: false to load what fits",
  shapes: "Build the model with its saved sizes, or leave these keys out and pass strict: false",
};

const modeKind = word(["train", "eval"]);
const strict = { strict: flag };
checkMethods(Module, {
  namedModules: takes(),
  namedParameters: takes(),
  parameters: takes(),
  namedBuffers: takes(),
  namedGenerators: takes(),
  stateDict: takes(),
  loadStateDict: takes<{ strict?: boolean }>({ state: record }, strict),
  save: takes({ path: text }),
  load: takes<{ strict?: boolean }>({ path: text }, strict),
  train: takes({ mode: optional(flag) }),
  eval: takes(),
  inMode: takes({ mode: modeKind, fn: callback }),
  pin: takes({ mode: nullable(modeKind) }),
  freeze: takes({ filter: optional(callback) }),
  unfreeze: takes({ filter: optional(callback) }),
});

/** A module with its path and its own members. */
interface Visit {
  readonly path: string;
  readonly module: AnyModule;
  readonly members: readonly Held<Member>[];
}

/** Whether a value is a module. */
export function isModule(value: unknown): value is AnyModule {
  return value instanceof Module;
}

/** Whether a value can be part of the tree of modules. */
export function isMember(value: unknown): value is Member {
  return value instanceof Variable || value instanceof Module || value instanceof Generator;
}

function isBuffer(member: Member): member is Variable {
  return member instanceof Variable && !(member instanceof Parameter);
}

function hasState({ members }: Visit): boolean {
  return members.some(({ value }) => !isModule(value));
}

function join(path: string, name: string): string {
  return path === "" || name === "" ? path + name : `${path}.${name}`;
}
