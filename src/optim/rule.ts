/**
 * Update rules as data: chains of steps, and partitions that assign parameters to chains. This file must not know any
 * step, nor how they are run.
 */
import type { DType, Tensor, Variable } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { type Kind, record, repeated } from "../util/kinds.js";
import type { HyperSpec, HyperTensor } from "./hyper.js";

/** A cell of state. */
export interface StateSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Initial value of all elements. Default 0. */
  readonly initial?: number;
}

/** The inputs of `displace`, for all parameters of a chain together. */
export interface DisplaceScope<Hyper extends string> {
  readonly gradients: readonly Tensor[];
  readonly parameters: readonly Tensor[];
  readonly hypers: Readonly<Record<Hyper, HyperTensor>>;
}

/** The inputs of `across`, for all parameters of a step together. */
export interface StepScope<Hyper extends string, Shared extends string> {
  /** Updates of all parameters of the chain, as computed by the steps before. */
  readonly updates: readonly Tensor[];
  readonly hypers: Readonly<Record<Hyper, HyperTensor>>;
  /** State that the step keeps once for all parameters, before the step. */
  readonly shared: Readonly<Record<Shared, Tensor>>;
}

/** The results of `across`, computed once for all parameters of a step. */
export interface StepShare<Shared extends string, Value extends string> {
  /** Values passed to the update of each parameter. */
  readonly values?: Readonly<Record<Value, Tensor>>;
  /** The new values of the shared state. */
  readonly shared?: Readonly<Record<Shared, Tensor>>;
  /** Scalar bool: whether the steps after this one run now; if it is false they change nothing. */
  readonly due?: Tensor;
}

/** The inputs of a step for one parameter. All floats are f32, or f64 for f64 parameters. */
export interface StepInput<Hyper extends string, State extends string, Value extends string> {
  /** The value to subtract from the parameter: the gradient as changed by the steps before. */
  readonly update: Tensor;
  /** The value from which the update is subtracted; in steps with `afterUpdate` the result of the subtraction. */
  readonly parameter: Tensor;
  /** The value of the parameter before the call of `step()`. */
  readonly start: Tensor;
  readonly hypers: Readonly<Record<Hyper, HyperTensor>>;
  /** The state of this parameter before the step. */
  readonly state: Readonly<Record<State, Tensor>>;
  /** The values that {@link ChainStep.across} computed. */
  readonly values: Readonly<Record<Value, Tensor>>;
  /** Whether the parameter has a gradient; always true except in steps with `takesMissing`. */
  readonly hasGradient: boolean;
}

/** The results of a step for one parameter. */
export interface StepOutput<State extends string> {
  /** The new update; default: unchanged. */
  readonly update?: Tensor;
  /** The new parameter; default: unchanged. */
  readonly parameter?: Tensor;
  /** The new values of all state. */
  readonly state?: Readonly<Record<State, Tensor>>;
  /** Scalar bool as {@link StepShare.due}, for this parameter alone. */
  readonly due?: Tensor;
}

/**
 * One gradient step, as data: its hyper-parameters, its state, and the function that changes an update. An optimizer
 * starts with the gradient, applies the steps in order, and subtracts the result from the parameter.
 *
 * @example
 * const signs: ChainStep = { name: "signs", update: ({ update }) => ({ update: update.sign() }) };
 * new Optimizer(model.parameters(), chain(signs, scaleByRate(0.01))).step();
 */
export interface ChainStep<
  Hyper extends string = string,
  State extends string = string,
  Shared extends string = string,
  Value extends string = string,
> {
  /** Name in messages. */
  readonly name: string;
  /** Hyper-parameters by name. Default: none. */
  readonly hypers?: Readonly<Record<Hyper, HyperSpec>>;
  /** State of one parameter, by PyTorch's names where it has them. Default: none. */
  state?(parameter: Variable): Readonly<Record<State, StateSpec>>;
  /** State kept once for all parameters. Default: none. */
  readonly shared?: Readonly<Record<Shared, StateSpec>>;
  /** Computes the values that all parameters share, such as the norm of all gradients. Default: none. */
  across?(scope: StepScope<Hyper, Shared>): StepShare<Shared, Value>;
  /** Returns why the step cannot be applied to a parameter, and a hint; undefined if it can. Default: it always can. */
  refuse?(parameter: Variable): { readonly problem: string; readonly hint: string } | undefined;
  /** Whether the step also runs for parameters without a gradient, with zeros as their update. Default false. */
  readonly takesMissing?: boolean;
  /**
   * Whether the step works on the updated parameter, such as a constraint on its norm: the update is subtracted before
   * it runs and is zero from then on. Such steps end a chain. Default false.
   */
  readonly afterUpdate?: boolean;
  /**
   * Displacements of the parameters, one for each, at which the gradients of this call of `step` are computed instead:
   * `step` then needs a closure, which it calls a second time. Default: none.
   */
  displace?(scope: DisplaceScope<Hyper>): readonly Tensor[];
  /** The value of a parameter for evaluation, where it is another than that which is trained. Default: none. */
  evaluated?(now: Pick<StepInput<Hyper, State, Value>, "parameter" | "hypers" | "state">): Tensor;
  /** Computes the update and the new state of one parameter. */
  update(now: StepInput<Hyper, State, Value>): StepOutput<State>;
}

/** Steps applied in sequence. */
export interface Chain {
  readonly rules: readonly (ChainStep | Partition)[];
}

/** Chains for disjoint sets of parameters. */
export interface Partition {
  readonly parts: readonly Part[];
}

/** One part of a partition. */
export interface Part {
  readonly name: string;
  readonly takes: (parameter: Variable) => boolean;
  readonly chain: Chain;
}

/** The types of rules that an optimizer accepts. */
export type Rule = ChainStep | Chain | Partition;

const ruleKind: Kind = {
  name: "a step, a chain or a partition",
  accepts: (value) =>
    typeof value === "object" &&
    value !== null &&
    ("rules" in value || "parts" in value || ("update" in value && typeof value.update === "function")),
  meant: (value) => (typeof value === "function" && value.name !== "" ? `${value.name}(…)` : undefined),
};

/**
 * Combines steps into one rule that applies them in sequence.
 *
 * Formula, for the gradient g of each parameter θ: `u ← g`, `u ← stepᵢ(u)` for each step, `θ ← θ − u`.
 *
 * @param rules steps, chains and partitions
 * @throws ConfigError if there are none, two have a hyper-parameter of the same name, or a step follows one that must
 * end the chain
 * @example
 * const rule = chain(clipByNorm(1), scaleByAdam(), decoupledDecay(0.01), scaleByRate(1e-3)); // AdamW with clipping
 * const optimizer = new Optimizer(model.parameters(), rule);
 */
export const chain = checked("chain", takes({ rules: repeated(ruleKind) }), (...rules: readonly Rule[]): Chain => {
  if (rules.length === 0) throw configError("chain", "got no steps", "Pass at least scaleByRate(lr)");
  const flat = rules.flatMap((rule) => ("rules" in rule ? rule.rules : [rule]));
  const owners = new Map<string, string>();
  for (const rule of flat) {
    if ("parts" in rule) continue;
    for (const name of Object.keys(rule.hypers ?? {})) {
      const owner = owners.get(name);
      if (owner !== undefined) {
        const problem = `${owner} and ${rule.name} both have a hyper-parameter ${name}`;
        throw configError("chain", problem, "Leave one of them out");
      }
      owners.set(name, rule.name);
    }
  }
  const ends = flat.findIndex(endsChain);
  const late = ends < 0 ? undefined : flat.slice(ends + 1).find((rule) => !endsChain(rule));
  if (late) {
    const name = "parts" in late ? "a partition" : late.name;
    const problem = `${name} follows ${nameOfEnd(flat[ends])}, which works on updated parameters`;
    throw configError("chain", problem, `Put ${nameOfEnd(flat[ends])} last`);
  }
  return { rules: flat };
});

/** The first step of a rule that works on updated parameters. */
function endOf(rule: ChainStep | Partition): ChainStep | undefined {
  if (!("parts" in rule)) return rule.afterUpdate ? rule : undefined;
  return rule.parts.flatMap(({ chain: { rules } }) => rules.map(endOf)).find((end) => end !== undefined);
}
const endsChain = (rule: ChainStep | Partition): boolean => endOf(rule) !== undefined;
const nameOfEnd = (rule: ChainStep | Partition): string => endOf(rule)?.name ?? "";

/**
 * Assigns each parameter to the first part that takes it: Muon for matrices, say, and Adam for the rest. The
 * hyper-parameters of a part are prefixed by its name: `matrices.lr`.
 *
 * @param parts by name: `[takes, chain]`, where the predicate `takes` is called for each parameter, or a chain for all
 * that remain
 * @throws ConfigError if there are no parts, a name has a dot, or a part comes after one that takes all
 * @example
 * const isMatrix = ({ rank }: Variable) => rank >= 2;
 * const rule = partition({ matrices: [isMatrix, Muon.chain({ lr: 0.02 })], rest: AdamW.chain({ lr: 2e-3 }) });
 * const optimizer = new Optimizer(model.parameters(), rule);
 * optimizer.set({ "matrices.lr": 0.01 });
 */
export const partition = checked(
  "partition",
  takes({ parts: record }),
  (
    parts: Readonly<Record<string, Rule | readonly [takes: (parameter: Variable) => boolean, rule: Rule]>>,
  ): Partition => {
    const entries = Object.entries(parts);
    if (entries.length === 0) throw configError("partition", "got no parts", "Pass { name: [takes, chain(…)] }");
    return {
      parts: entries.map(([name, part], index): Part => {
        if (name.includes("."))
          throw configError("partition", `the name ${name} has a dot`, "Names are joined by dots");
        if (isPair(part)) return { name, takes: part[0], chain: chain(part[1]) };
        if (index < entries.length - 1) {
          const problem = `${name} takes all parameters, so that the parts behind it get none`;
          throw configError("partition", problem, "Put it last");
        }
        return { name, takes: () => true, chain: chain(part) };
      }),
    };
  },
);

const isPair = (part: unknown): part is readonly [(parameter: Variable) => boolean, Rule] => Array.isArray(part);

/** The float dtype in which the update of a parameter is computed: f32, or f64 for f64. */
export const updateType = ({ dtype }: Tensor): DType => (dtype === "f64" ? "f64" : "f32");
/**
 * State of the parameter's shape, in the dtype of its updates: f32 also if the parameter has fewer bits.
 *
 * @example
 * likeParameter(new Parameter(zeros([2, 3]))).shape; // [2, 3]
 */
export const likeParameter = checked(
  "likeParameter",
  takes({ p: tensorKind }),
  (p: Tensor): StateSpec => ({ shape: p.shape, dtype: updateType(p) }),
);
/**
 * State of one number per parameter, in the dtype of its updates.
 *
 * @example
 * perParameter(new Parameter(zeros([2, 3]))).shape; // []
 */
export const perParameter = checked(
  "perParameter",
  takes({ p: tensorKind }),
  (p: Tensor): StateSpec => ({ shape: [], dtype: updateType(p) }),
);

/** Declares a step, so that the names of its state and hyper-parameters are literal types within it. */
export function step<
  Hyper extends string = never,
  State extends string = never,
  Shared extends string = never,
  Value extends string = never,
>(parts: ChainStep<Hyper, State, Shared, Value>): ChainStep {
  return parts;
}
