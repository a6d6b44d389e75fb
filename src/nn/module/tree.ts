/**
 * The tree of a module: what walks it, and the parameters, buffers and random streams in it by their keys. This file
 * must not know calls, files or modes.
 */
import { Generator, Parameter, Variable } from "../../tensor/index.js";
import { takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import type { AnyModule, Member } from "../module.js";
import { Callable } from "./callable.js";
import { type Held, membersOf } from "./members.js";

/** A module with its path and its own members. */
export interface Visit {
  readonly path: string;
  readonly module: AnyModule;
  readonly members: readonly Held<Member>[];
}

/** The place of a module in its tree, as of the last walk that visited it. */
interface Place {
  /** The path from the root; empty for the root, and before any walk. */
  readonly path: string;
  /** Identity of the walk: modules of one tree have the same. */
  readonly walk: object | undefined;
  /** Names of the direct children. */
  readonly names: ReadonlyMap<AnyModule, string>;
}

/** The key of the accessors of a module's place: a symbol, with which no field of a subclass can clash. */
const place: unique symbol = Symbol("place");

/** The part of a module that knows its tree. */
export abstract class ModuleTree<In extends unknown[], Out> extends Callable<In, Out> {
  #place: Place = { path: "", walk: undefined, names: new Map() };

  /** @internal */
  get [place](): Place {
    return this.#place;
  }
  set [place](found: Place) {
    this.#place = found;
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
    return this[place].path;
  }

  /**
   * This module and all modules below it with their paths, parents first; the path of this module is the empty string.
   *
   * @throws ConfigError if a module contains itself
   * @example
   * new Sequential(new ReLU()).namedModules().map(([path]) => path); // ["", "0"]
   */
  namedModules(): [path: string, module: AnyModule][] {
    return walk(this).map(({ path, module }) => [path, module]);
  }

  /**
   * Every parameter of the tree once, in PyTorch's order, with the first key it has.
   *
   * @example
   * new Linear(2, 3).namedParameters().map(([key]) => key); // ["weight", "bias"]
   */
  namedParameters(): [key: string, parameter: Parameter][] {
    return distinct(this, (member) => (member instanceof Parameter ? member : undefined));
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
    return distinct(this, (member) => (isBuffer(member) ? member : undefined));
  }

  /**
   * Every random stream of the tree once. Their counters are not in the state dict, since PyTorch has none; a
   * checkpoint for exact resuming saves them beside it.
   *
   * @example
   * new Sequential(new Dropout()).namedGenerators().map(([key]) => key); // ["0.generator"]
   */
  namedGenerators(): [key: string, generator: Generator][] {
    return distinct(this, (member) => (member instanceof Generator ? member : undefined));
  }
}

export const treeParameters = {
  namedModules: takes(),
  namedParameters: takes(),
  parameters: takes(),
  namedBuffers: takes(),
  namedGenerators: takes(),
};

/** The place of a module in its tree, as of the last walk. */
export const placeOf = (module: AnyModule): Place => module[place];

/**
 * Walks a tree: the root and all modules below it, parents first, a module used twice under both paths. It sets the
 * paths of modules and variables.
 */
export function walk(tree: object): Visit[] {
  const root = tree as AnyModule; // `Module` alone extends the chain of these classes
  const current = {};
  const base = root[place].path;
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
      const names = new Map(members.flatMap(({ key, value }) => (isModule(value) ? [[value, key]] : [])));
      module[place] = { path: join(base, path), walk: current, names };
    }
    for (const { key, value } of members) {
      if (isModule(value)) go(value, join(path, key), [...ancestors, module]);
      else if (value instanceof Variable && !seen.has(value)) {
        seen.add(value);
        value.path = join(module[place].path, key);
      }
    }
  };
  go(root, "", []);
  return visits;
}

/** The members of a tree that `as` accepts, each once, under its first key. */
function distinct<T>(tree: object, as: (member: Member) => T | undefined): [key: string, value: T][] {
  const keys = new Map<T, string>();
  for (const { path, members } of walk(tree)) {
    for (const { key, value } of members) {
      const wanted = as(value);
      if (wanted !== undefined && !keys.has(wanted)) keys.set(wanted, join(path, key));
    }
  }
  return [...keys].map(([value, key]) => [key, value]);
}

/** Whether a value is a module. */
export function isModule(value: unknown): value is AnyModule {
  return value instanceof ModuleTree;
}

/** Whether a value can be part of the tree of modules. */
export function isMember(value: unknown): value is Member {
  return value instanceof Variable || value instanceof Generator || isModule(value);
}

function isBuffer(member: Member): member is Variable {
  return member instanceof Variable && !(member instanceof Parameter);
}

/** Joins a path and a name by a dot. */
export function join(path: string, name: string): string {
  return path === "" || name === "" ? path + name : `${path}.${name}`;
}
