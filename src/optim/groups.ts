/** PyTorch's parameter groups, as a partition. It must not know any optimizer. */
import { Variable } from "../tensor/index.js";
import { configError } from "./checks.js";
import type { Range } from "./hyper.js";
import { type Chain, partition, type Rule } from "./rule.js";

/** Parameters with options of their own: `{ params: model.head.parameters(), lr: 0.01 }`. */
export type ParameterGroup<Options> = { readonly params: Iterable<Variable> } & Partial<Options>;

/** Parameters, or groups of them with options of their own. */
export type ParamsOrGroups<Options> = Iterable<Variable> | Iterable<ParameterGroup<Options>>;

/** What each option of an optimizer accepts. */
type OptionRanges<Options> = { readonly [Name in keyof Required<Options>]: Range };

/** An optimizer by the chain that its options make. */
export interface OptimizerSpec<Options extends object> {
  /** The class that messages name. */
  readonly name: string;
  readonly options: OptionRanges<Options>;
  readonly build: (options: Options) => Chain;
}

/**
 * The chain of an optimizer, for a part of a partition or of a longer chain.
 *
 * @throws ConfigError if an option is unknown or out of range
 */
export function chainOf<Options extends object>(spec: OptimizerSpec<Options>, options: Options): Chain {
  checkOptions(spec.name, spec.options, options);
  return spec.build(options);
}

/**
 * The arguments of the optimizer's base class: all parameters, and one chain, or one for each group in a partition whose
 * parts are called by their index.
 *
 * @throws ConfigError if an option is unknown or out of range, or groups and parameters are mixed
 */
export function byGroups<Options extends object>(
  { name, options: ranges, build }: OptimizerSpec<Options>,
  params: ParamsOrGroups<Options>,
  options: Options,
): [params: Iterable<Variable>, rule: Rule, name: string] {
  checkOptions(name, ranges, options);
  const isIterable = typeof params === "object" && params !== null && Symbol.iterator in params;
  const items: unknown[] = isIterable ? [...params] : [];
  if (!items.some(isGroup)) return [isIterable ? (items as Variable[]) : (params as never), build(options), name];
  const groups = items.map((item, index) => {
    if (!isGroup(item)) {
      throw configError(name, `item ${index} is no group, but others are`, "Put it in a group { params: [...] }");
    }
    const { params: members, ...own } = item;
    checkOptions(name, ranges, own);
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

function checkOptions<Options>(name: string, ranges: OptionRanges<Options>, options: object): void {
  for (const [option, value] of Object.entries(options)) {
    const range = Object.hasOwn(ranges, option) ? ranges[option as keyof Options] : undefined;
    if (!range) {
      throw configError(name, `unknown option ${option}`, `The options are ${Object.keys(ranges).join(", ")}`);
    }
    if (value !== undefined && !range.accepts(value)) {
      throw configError(name, `${option} must be ${range.name}, got ${String(value)}`);
    }
  }
}
