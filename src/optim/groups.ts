/** Optimizers that users make by name: their options, and PyTorch's parameter groups. It must not know any optimizer. */
import { Variable } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import type { Kind } from "../util/kinds.js";
import { configError } from "./checks.js";
import { paramsKind } from "./kinds.js";
import type { Optimizer } from "./optimizer.js";
import { type Chain, partition, type Rule } from "./rule.js";

/** Parameters with options of their own: `{ params: model.head.parameters(), lr: 0.01 }`. */
export type ParameterGroup<Options> = { readonly params: Iterable<Variable> } & Partial<Options>;

/** Parameters, or groups of them with options of their own. */
export type ParamsOrGroups<Options> = Iterable<Variable> | Iterable<ParameterGroup<Options>>;

/** What each option accepts. */
type Schema<Options> = { readonly [Name in keyof Options]-?: Kind };

/** An optimizer as the chain that its options make. */
interface Spec<Options extends object> {
  readonly name: string;
  readonly schema: Schema<Options>;
  readonly build: (options: Options) => Chain;
  /** Checks the arguments of the constructor. */
  readonly check: (args: readonly unknown[]) => void;
}

/**
 * An optimizer as the chain that its options make.
 *
 * @param name the class, which messages begin with
 */
// @__NO_SIDE_EFFECTS__
export function defineOptimizer<Options extends object>(
  name: string,
  schema: Schema<Options>,
  build: (options: Options) => Chain,
): Spec<Options> {
  return { name, schema, build, check: checkedConstructor(name, takes<Options>({ params: paramsKind }, schema)) };
}

/** An optimizer in a registry. */
export interface OptimizerEntry<Name extends string = string> {
  readonly name: Name;
  readonly schema: Readonly<Record<string, Kind>>;
  readonly make: (params: Iterable<Variable>, options: object) => Optimizer;
  /** The chain of such an optimizer, for a part of a partition. */
  readonly chain: (options: object) => Chain;
  /** What a training run takes where its user says no more. */
  readonly run: { readonly lr: number; readonly momentum?: number; readonly weightDecay?: number };
  /** True if it is for matrices and filters only. Default false. */
  readonly matricesOnly?: boolean;
}

/**
 * The chain of an optimizer, for a part of a partition or of a longer chain.
 *
 * @throws ConfigError if an option is unknown or out of range
 */
export function chainOf<Options extends object>({ build, check }: Spec<Options>, options: Options): Chain {
  check([[], options]);
  return build(options);
}

/**
 * The arguments of the optimizer's base class: all parameters, and one chain, or one for each group in a partition whose
 * parts are called by their index.
 *
 * @throws ConfigError if an option is unknown or out of range, or groups and parameters are mixed
 */
export function byGroups<Options extends object>(
  { name, build, check }: Spec<Options>,
  params: ParamsOrGroups<Options>,
  options: Options,
): [params: Iterable<Variable>, rule: Rule, name: string] {
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

const isGroup = (item: unknown): item is { readonly params: Iterable<unknown> } =>
  typeof item === "object" && item !== null && "params" in item && !(item instanceof Variable);

/** Drops undefined entries, so that spreading the result keeps defaults. */
const withoutUndefined = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
