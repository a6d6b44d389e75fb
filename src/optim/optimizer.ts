/**
 * What all optimizers share: parameter groups, the learning rate as a cell, the state of each parameter, and saving and
 * loading it. What one optimizer does to one parameter is its rule. This file must not know any rule.
 */
import { noGrad, type Tensor, tensor, Variable, zeros, zerosLike } from "../tensor/index.js";
import { withOrigin } from "../util/scope.js";
import { checkNonNegative, configError } from "./checks.js";
import { matchState, type SavedValue } from "./state.js";

/** What a rule sees of one parameter in one step; all tensors but the scalars have the parameter's shape. */
export interface Update<Settings> {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Learning rate of the parameter's group, a scalar tensor. */
  readonly lr: Tensor;
  /** The parameter's state before the step, by PyTorch's names. */
  readonly state: Readonly<Record<string, Tensor>>;
  readonly settings: Settings;
}

/** What a rule makes of it: the new value of the parameter and of every part of its state. */
export interface Updated {
  readonly parameter: Tensor;
  readonly state: Readonly<Record<string, Tensor>>;
}

/**
 * One optimizer: its settings, the state that it keeps of each parameter, and its formula.
 *
 * @example
 * const rule: Rule<{ floor: number }> = {
 *   name: "signDescent",
 *   defaults: { floor: 0 },
 *   check: () => {},
 *   state: () => ({}),
 *   update: ({ parameter, gradient, lr, settings: { floor } }) => {
 *     const step = gradient.sign().mul(lr);
 *     return { parameter: gradient.abs().gt(floor).where(parameter.sub(step), parameter), state: {} };
 *   },
 * };
 * class SignDescent extends Optimizer<{ floor: number }> {
 *   constructor(params: Iterable<Variable>, lr: number) {
 *     super(rule, params, lr, {});
 *   }
 * }
 * new SignDescent(model.parameters(), 0.01).step();
 */
export interface Rule<Settings extends object> {
  /** How messages name it. */
  readonly name: string;
  /** Every setting but the learning rate. A group may override each of them. */
  readonly defaults: Settings;
  /** Throws a ConfigError if the settings are out of range or do not fit together. */
  readonly check: (settings: Settings) => void;
  /** What keeps a parameter from this rule, and what to do with it instead. Default: nothing does. */
  readonly refuse?: (parameter: Variable) => { readonly problem: string; readonly hint: string } | undefined;
  /** The parts of a parameter's state: zeros like the parameter, or a scalar zero. */
  readonly state: (settings: Settings) => Readonly<Record<string, "parameter" | "scalar">>;
  readonly update: (now: Update<Settings>) => Updated;
}

/** Parameters that share settings: `{ params: model.body.parameters(), lrFactor: 0.1 }`. */
export type ParameterGroup<Settings> = {
  readonly params: Iterable<Variable>;
  /** Factor on the optimizer's learning rate. Default 1, range ≥ 0. */
  readonly lrFactor?: number;
} & Partial<Settings>;

/** Parameters, or groups of them with settings of their own. */
export type ParamsOrGroups<Settings> = Iterable<Variable> | Iterable<ParameterGroup<Settings>>;

const PASS_PARAMETERS = "Pass model.parameters()";

interface Entry {
  readonly parameter: Variable;
  readonly state: Readonly<Record<string, Variable>>;
}

interface Group<Settings> {
  readonly entries: readonly Entry[];
  readonly lrFactor: number;
  readonly settings: Settings;
}

/**
 * Base of all optimizers.
 *
 * What one of them does is its {@link Rule}. The learning rate is a scalar cell: setting `lr` between steps never
 * recompiles a compiled step. All state exists from the start and is updated in place.
 */
export abstract class Optimizer<Settings extends object> {
  readonly #rule: Rule<Settings>;
  readonly #groups: readonly Group<Settings>[];
  readonly #lrCell: Variable;
  #lr: number;

  /**
   * @throws ConfigError if there are no parameters, one comes twice, or a setting is unknown or out of range
   */
  protected constructor(
    rule: Rule<Settings>,
    params: ParamsOrGroups<Settings>,
    lr: number,
    settings: Partial<Settings>,
  ) {
    checkNonNegative(rule.name, "lr", lr);
    this.#rule = rule;
    this.#groups = makeGroups(rule, params, settings);
    this.#lr = lr;
    this.#lrCell = new Variable(tensor(Float32Array.of(lr), { shape: [] }), { name: `${rule.name}.lr` });
  }

  /** The learning rate; groups multiply it by their `lrFactor`. Set it between steps, outside compiled functions. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    checkNonNegative(this.#rule.name, "lr", value);
    this.#lr = value;
    this.#lrCell.load([value]);
  }

  /**
   * The parameters of all groups, in their order.
   *
   * @example
   * new SGD([new Parameter(zeros([2]))], { lr: 0.1 }).parameters().length; // 1
   */
  parameters(): Variable[] {
    return this.#groups.flatMap(({ entries }) => entries.map(({ parameter }) => parameter));
  }

  /**
   * Updates every parameter that has a gradient and its state; one without (`grad` null) keeps both.
   *
   * @example
   * loss.backward();
   * optimizer.step();
   * optimizer.zeroGrad();
   */
  step(): void {
    noGrad(() => {
      for (const { entries, lrFactor, settings } of this.#groups) {
        const lr = lrFactor === 1 ? this.#lrCell : this.#lrCell.mul(lrFactor);
        for (const { parameter, state } of entries) {
          if (parameter.grad === null) continue;
          const gradient = parameter.grad;
          const next = withOrigin({ path: gradient.node.origin.path, role: "update" }, () =>
            this.#rule.update({ parameter, gradient, lr: lr.to(parameter.dtype), state, settings }),
          );
          for (const [name, cell] of Object.entries(state)) cell.assign(next.state[name]);
          parameter.assign(next.parameter);
        }
      }
    });
  }

  /**
   * Forgets the gradients of all parameters, so that the next `backward` starts anew.
   *
   * @example
   * optimizer.zeroGrad();
   */
  zeroGrad(): void {
    for (const { entries } of this.#groups) for (const { parameter } of entries) parameter.grad = null;
  }

  /**
   * The live cells that a checkpoint needs, by key: `lr`, and `state.<index>.<name>` with the parameter's index over all
   * groups and PyTorch's name for the state, such as `state.0.momentum_buffer`.
   *
   * @example
   * Object.keys(new SGD([new Parameter(zeros([2]))], { lr: 0.1, momentum: 0.9 }).stateDict());
   */
  stateDict(): Record<string, Variable> {
    const states = this.#groups.flatMap(({ entries }) => entries.map(({ state }) => state));
    const keyed = states.flatMap((state, index) =>
      Object.entries(state).map(([name, cell]): [string, Variable] => [`state.${index}.${name}`, cell]),
    );
    return { lr: this.#lrCell, ...Object.fromEntries(keyed) };
  }

  /**
   * Writes a saved state into the cells. Everything is checked before anything is written.
   *
   * @param state values by key: typed arrays of the right length, or `{ shape, data }`
   * @throws DataError naming the missing and unexpected keys; ShapeError naming every key whose shape differs
   * @example
   * optimizer.loadStateDict({ lr: new Float32Array([0.01]) }); // plain SGD keeps nothing else
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    const values = matchState(this.stateDict(), state);
    this.lr = shortestDecimal(values.lr[0]);
    for (const [key, cell] of Object.entries(this.stateDict())) if (key !== "lr") cell.load(values[key]);
  }
}

function makeGroups<Settings extends object>(
  rule: Rule<Settings>,
  params: ParamsOrGroups<Settings>,
  settings: Partial<Settings>,
): Group<Settings>[] {
  const items = [...(params as Iterable<unknown>)];
  if (items.length === 0) throw configError(rule.name, "got no parameters", PASS_PARAMETERS);
  const seen = new Set<Variable>();
  const defaults = merge(rule, rule.defaults, settings);
  if (!items.some(isGroup)) return [makeGroup(rule, { params: items }, defaults, seen)];
  return items.map((item, index) => {
    if (isGroup(item)) return makeGroup(rule, item, defaults, seen);
    throw configError(rule.name, `item ${index} is no group, but others are`, "Put it in a group { params: [...] }");
  });
}

function isGroup(item: unknown): item is { readonly params: Iterable<unknown> } {
  return typeof item === "object" && item !== null && "params" in item;
}

function makeGroup<Settings extends object>(
  rule: Rule<Settings>,
  group: { readonly params: Iterable<unknown>; readonly lrFactor?: number },
  defaults: Settings,
  seen: Set<Variable>,
): Group<Settings> {
  const { params, lrFactor = 1, ...overrides } = group;
  if ("lr" in overrides) {
    throw configError(rule.name, "a group has its own lr", "Groups scale the optimizer's: use lrFactor");
  }
  checkNonNegative(rule.name, "lrFactor", lrFactor);
  const settings = merge(rule, defaults, overrides as Partial<Settings>);
  const entries = Array.from(params, (parameter): Entry => {
    const index = seen.size;
    if (!(parameter instanceof Variable)) {
      throw configError(rule.name, `parameter ${index} is no Parameter but a ${typeof parameter}`, PASS_PARAMETERS);
    }
    if (seen.has(parameter)) {
      const problem = `parameter ${parameter.name} [${parameter.shape.join(", ")}] is given twice`;
      throw configError(rule.name, problem, "Leave it out of one of the groups");
    }
    seen.add(parameter);
    const refusal = rule.refuse?.(parameter);
    if (refusal) {
      const problem = `parameter ${parameter.name} [${parameter.shape.join(", ")}] ${refusal.problem}`;
      throw configError(rule.name, problem, refusal.hint);
    }
    const state = Object.entries(rule.state(settings)).map(([name, kind]) => {
      const initial = kind === "scalar" ? zeros([], { dtype: parameter.dtype }) : zerosLike(parameter);
      return [name, new Variable(initial, { name: `${rule.name}.state.${index}.${name}` })];
    });
    return { parameter, state: Object.fromEntries(state) };
  });
  return { entries, lrFactor, settings };
}

/** `base` with what `given` sets; throws if that is unknown to the rule or out of range. */
function merge<Settings extends object>(rule: Rule<Settings>, base: Settings, given: Partial<Settings>): Settings {
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(rule.defaults, key));
  if (unknown !== undefined) {
    const known = ["lr", ...Object.keys(rule.defaults)].join(", ");
    throw configError(rule.name, `unknown option ${unknown}`, `The options are ${known}`);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const settings = { ...base, ...Object.fromEntries(set) };
  rule.check(settings);
  return settings;
}

/** The decimal that a person wrote, given back by a cell of 24 bits: 0.1 rather than 0.10000000149. */
function shortestDecimal(value: number): number {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8].find((n) => Math.fround(Number(value.toPrecision(n))) === Math.fround(value));
  return digits === undefined ? value : Number(value.toPrecision(digits));
}
