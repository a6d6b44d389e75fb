/** Optimizer classes by name: their options, and PyTorch's parameter groups. It must not know any optimizer. */
import { Variable } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import type { Kind } from "../util/kinds.js";
import { paramsKind } from "./kinds.js";
import { Optimizer } from "./optimizer.js";
import { type Chain, partition, type Rule } from "./rule.js";

/** Parameters with options of their own: `{ params: model.head.parameters(), lr: 0.01 }`. */
export type ParameterGroup<Options> = { readonly params: Iterable<Variable> } & Partial<Options>;

/** Parameters, or groups of them with options of their own. */
export type ParamsOrGroups<Options> = Iterable<Variable> | Iterable<ParameterGroup<Options>>;

/** The kind of each option. */
type Schema<Options> = { readonly [Name in keyof Options]-?: Kind };

/** The class of an optimizer: PyTorch's name, parameters or groups of them, and options. */
export interface OptimizerClass<Options> {
  new (params: ParamsOrGroups<Options>, options?: Partial<Options>): Optimizer;
  /**
   * The chain that `new` applies to parameters, for a part of a partition or of a longer chain.
   *
   * @throws ConfigError if an option is unknown or out of range
   */
  chain(options?: Partial<Options>): Chain;
  /** The kind of each option. */
  readonly schema: Schema<Options>;
}

/**
 * The base class of an optimizer whose chain follows from its options. Each group of parameters has the chain of its
 * own options, in a partition whose parts are named by their index.
 *
 * @param name name of the class, with which messages begin
 * @throws ConfigError from its constructor if an option is unknown or out of range, or groups and parameters are mixed
 */
// @__NO_SIDE_EFFECTS__
export function optimizer<Options extends object>(
  name: string,
  schema: Schema<Options>,
  build: (options: Partial<Options>) => Chain,
): OptimizerClass<Options> {
  const check = checkedConstructor(name, takes<Options>({ params: paramsKind }, schema));

  function byGroups(params: ParamsOrGroups<Options>, options: Partial<Options>): [Iterable<Variable>, Rule, string] {
    check([params, options]);
    const items: unknown[] = [...params];
    if (!items.some(isGroup)) return [items as Variable[], build(options), name];
    const groups = items.map((item, index) => {
      if (!isGroup(item)) {
        throw configError(name, `item ${index} is no group, but others are`, "Put it in a group { params: [...] }");
      }
      const { params: members, ...own } = item;
      check([members, own]);
      return { members: [...members] as Variable[], rule: build({ ...options, ...withoutUndefined(own) }) };
    });
    const parts = groups.map(({ members, rule }, index) => {
      const own = new Set(members);
      return [String(index), [(parameter: Variable) => own.has(parameter), rule]] as const;
    });
    return [groups.flatMap(({ members }) => members), partition(Object.fromEntries(parts)), name];
  }

  return class extends Optimizer {
    static readonly schema = schema;

    constructor(params: ParamsOrGroups<Options>, options: Partial<Options> = {}) {
      super(...byGroups(params, options));
    }

    static chain(options: Partial<Options> = {}): Chain {
      check([[], options]);
      return build(options);
    }
  };
}

/** The entry of an optimizer in a registry. */
export interface OptimizerEntry<Name extends string = string> {
  readonly name: Name;
  readonly schema: Readonly<Record<string, Kind>>;
  readonly make: (params: Iterable<Variable>, options: object) => Optimizer;
  /** The chain of the optimizer, for a part of a partition. */
  readonly chain: (options: object) => Chain;
  /** Defaults of a training run. */
  readonly run: { readonly lr: number; readonly momentum?: number; readonly weightDecay?: number };
  /** Whether it updates matrices and filters only. */
  readonly matricesOnly: boolean;
}

/** The entry of an optimizer for a registry: its name in configurations, and the defaults of a training run. */
// @__NO_SIDE_EFFECTS__
export function optimizerEntry<const Name extends string, Options extends object>(
  name: Name,
  type: OptimizerClass<Options>,
  run: OptimizerEntry["run"],
  { matricesOnly = false }: { readonly matricesOnly?: boolean } = {},
): OptimizerEntry<Name> {
  return {
    name,
    schema: type.schema,
    make: (params, options) => new type(params, options),
    chain: (options) => type.chain(options),
    run,
    matricesOnly,
  };
}

const isGroup = (item: unknown): item is { readonly params: Iterable<unknown> } =>
  typeof item === "object" && item !== null && "params" in item && !(item instanceof Variable);

/** Drops undefined entries, so that spreading the result keeps defaults. */
const withoutUndefined = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
