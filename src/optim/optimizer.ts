/**
 * The optimizer: holds the cells of a rule (hyper-parameters and state) and runs its steps. The rule defines what a
 * step does to an update; this file must not know any step.
 */
import { beforeEachCall, full, isTracing, noGrad, type Tensor, Variable, zeros, zerosLike } from "../tensor/index.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { optional, record, text } from "../util/kinds.js";
import { withOrigin } from "../util/scope.js";
import { nearest, spell } from "../util/spelling.js";
import { HyperCell, type HyperValue, optimizerText } from "./hyper.js";
import { paramsKind } from "./kinds.js";
import { checkParameters, labelOf } from "./parameters.js";
import { type ChainStep, chain, type Rule, type StateSpec, updateType } from "./rule.js";
import { type Bound, type BoundStep, type Cells, type Flow, Run } from "./run.js";
import { type SavedValue, savedValues } from "./state.js";
import { globalNorm } from "./steps/clip.js";

/**
 * Updates parameters by a rule: a {@link chain} of steps, or a {@link partition} of the parameters among chains.
 *
 * Every hyper-parameter is a cell: setting one between steps recompiles nothing. A hyper-parameter given as a schedule
 * follows it by the number of calls of `step()`, counted from 0. State is created with the optimizer and updated in
 * place.
 *
 * @param params parameters; frozen ones get no state and are not updated
 * @param rule a chain, a partition, or a single step
 * @throws ConfigError if there are no parameters, one comes twice, no part takes one, or a hyper-parameter is out of
 * range
 * @example
 * const rule = chain(clipByNorm(1), scaleByAdam(), decoupledDecay(0.01), scaleByRate(1e-3));
 * const optimizer = new Optimizer(model.parameters(), rule);
 * loss.backward();
 * optimizer.step();
 * optimizer.zeroGrad();
 */
export class Optimizer {
  readonly #name: string;
  readonly #parameters: readonly Variable[];
  /** Parameters that were frozen when the optimizer was made. */
  readonly #frozen: readonly Variable[];
  readonly #rules: readonly Bound[];
  /** Hyper-parameters by path, such as `lr` or `matrices.lr`, in the order of the chain. */
  readonly #hypers = new Map<string, HyperCell>();
  /** All other cells, by the key of the state dict. */
  readonly #cells = new Map<string, Variable>();
  /** Parameters for whose updates a missing gradient counts as zeros. */
  readonly #takesMissing = new Set<Variable>();
  readonly #steps = new Variable(zeros([], { dtype: "i32" }), { name: "steps" });
  #taken = 0;
  /** Whether a compiled function calls `step` several times per call. */
  #repeats = false;
  /** Steps that compute gradients at displaced parameters. */
  readonly #displacing: BoundStep[] = [];
  /** Steps that have other values for evaluation. */
  readonly #evaluating: BoundStep[] = [];
  /** The values that are trained, while the parameters have those for evaluation. */
  #trained: readonly (readonly [Variable, Tensor])[] | undefined;

  constructor(params: Iterable<Variable>, rule: Rule, name = "Optimizer") {
    checkArguments([params, rule, name]);
    this.#name = name;
    [this.#parameters, this.#frozen] = checkParameters(name, params);
    this.#rules = this.#bind(rule, "", this.#parameters, keysOf(this.#parameters));
  }

  /** The learning rate; in a partition that of the first part. Setting it sets that of every part. */
  get lr(): number {
    const found = this.#named("lr")[0];
    if (found) return found.value;
    throw configError(this.#name, "the chain has no lr", "Add scaleByRate(lr)");
  }

  set lr(value: HyperValue) {
    this.set({ lr: value });
  }

  /**
   * The current values of the hyper-parameters by path: `lr`, or `matrices.lr` in a partition.
   *
   * @example
   * new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }).hypers; // { "momentum": 0.9, "lr": 0.1 }
   */
  get hypers(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#hypers, ([path, { value }]) => [path, value]));
  }

  /**
   * The name, the number of parameters, and the current hyper-parameters; `console.log` shows it too.
   *
   * @example
   * String(new SGD([new Parameter(zeros([2]))], { lr: 0.1 })); // "SGD(1 parameter, lr=0.1)"
   */
  toString(): string {
    return optimizerText(this.#name, this.#parameters.length, this.hypers);
  }

  /** @internal The text that `console.log` shows. */
  [inspectKey](): string {
    return this.toString();
  }

  /** Number of calls of `step`, or of compiled functions that call it. */
  get steps(): number {
    return this.#taken;
  }

  /**
   * Sets hyper-parameters to numbers or schedules between steps. Nothing is recompiled. Everything is checked before
   * anything is set.
   *
   * @param values by path; a name without that of a part sets it in every part that has it
   * @throws ConfigError if there is no such hyper-parameter, or a value is out of range
   * @example
   * new AdamW(model.parameters()).set({ lr: 1e-4, weightDecay: 0.05 });
   */
  set(values: Readonly<Record<string, HyperValue>>): void {
    const chosen = Object.entries(values).map(([path, value]) => {
      const cells = this.#named(path);
      if (cells.length === 0) {
        const known = [...this.#hypers.keys()];
        const meant = nearest(path, known);
        const hint = meant
          ? `Did you mean ${meant}?`
          : `There are ${known.join(", ")}; other steps need another optimizer`;
        throw configError(this.#name, `there is no hyper-parameter ${path}`, hint);
      }
      for (const cell of cells) if (typeof value !== "function") cell.checked(this.#name, value);
      return { cells, value };
    });
    for (const { cells, value } of chosen) for (const cell of cells) cell.set(value);
    this.#checkSchedules();
  }

  /**
   * The parameters, in the order in which they were passed, without frozen ones.
   *
   * @example
   * new SGD([new Parameter(zeros([2]))], { lr: 0.1 }).parameters().length; // 1
   */
  parameters(): Variable[] {
    return [...this.#parameters];
  }

  /** Whether `step` needs a closure, because a step of the chain computes gradients at displaced parameters. */
  get needsClosure(): boolean {
    return this.#displacing.length > 0;
  }

  /**
   * Updates every parameter that has a gradient, and its state; a parameter whose `grad` is null keeps both.
   *
   * With a closure, `step` computes the gradients itself: it sets them to null, calls the closure, which computes the
   * loss and calls `backward`, and returns what the closure returns. `SAM` needs one, since it computes gradients twice.
   *
   * @throws ConfigError if a value of a schedule is out of range, a parameter that was frozen when the optimizer was
   * made has a gradient, the chain needs a closure and there is none, or the parameters have their evaluation values
   * @example
   * loss.backward();
   * optimizer.step();
   * optimizer.zeroGrad();
   */
  step(): void;
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | undefined {
    if (!beforeEachCall(this.#beginStep)) this.#repeats = true;
    this.#checkSchedules();
    const result = this.#evaluate(closure);
    const thawed = this.#frozen.find(({ grad }) => grad !== null);
    if (thawed) {
      const problem = `${labelOf(thawed)} was frozen when the optimizer was made, so that there is no state for it`;
      throw configError(this.#name, problem, "Make another optimizer after unfreeze()");
    }
    noGrad(() => {
      const flows = this.#parameters.flatMap((target): Flow[] => {
        const { grad } = target;
        if (grad === null && !this.#takesMissing.has(target)) return [];
        const type = updateType(target);
        const update = grad ? grad.to(type) : zerosLike(target).to(type);
        const path = grad ? grad.node.origin.path : "";
        const start = target.to(type);
        return [{ target, path, hasGradient: grad !== null, start, parameter: start, update, due: null }];
      });
      for (const flow of new Run().take(this.#rules, flows, null)) {
        const { target, path, due } = flow;
        withOrigin({ path, role: "update" }, () => {
          const next = flow.parameter.sub(flow.update);
          target.assign(due ? due.where(next, target.to(next.dtype)) : next);
        });
      }
    });
    return result;
  }

  /**
   * Gives the parameters the values that the optimizer means for evaluation, for chains in which these are others than
   * those that are trained: `ScheduleFreeSGD`, `ScheduleFreeAdamW` and `ASGD`. For all others it does nothing. Call
   * {@link train} before the next step.
   *
   * @throws ConfigError if it is called inside a compiled function
   * @example
   * const averaged = new ScheduleFreeSGD(model.parameters(), { lr: 0.1 });
   * averaged.eval();
   * averaged.train();
   */
  eval(): void {
    if (this.#trained || this.#evaluating.length === 0) return;
    this.#checkSwap("eval");
    this.#trained = noGrad(() => {
      const run = new Run();
      return this.#evaluating
        .flatMap((bound) =>
          Array.from(bound.states, ([target, state]) => {
            const hypers = run.hypersOf(bound, updateType(target));
            const value = target.detach();
            const swapped = bound.step.evaluated?.({ parameter: value.to(updateType(target)), hypers, state }) ?? value;
            return [target, value, swapped] as const;
          }),
        )
        .map(([target, value, swapped]) => {
          target.assign(swapped);
          return [target, value] as const;
        });
    });
  }

  /**
   * Gives the parameters back the values that are trained, bit for bit, after {@link eval}; otherwise it does nothing.
   *
   * @throws ConfigError if it is called inside a compiled function
   * @example
   * new ASGD(model.parameters()).train();
   */
  train(): void {
    if (!this.#trained) return;
    this.#checkSwap("train");
    for (const [target, value] of this.#trained) noGrad(() => target.assign(value));
    this.#trained = undefined;
  }

  /**
   * Sets the gradients of all parameters to null, also of frozen ones, so that the next `backward` does not add to
   * them.
   *
   * @example
   * optimizer.zeroGrad();
   */
  zeroGrad(): void {
    for (const parameter of [...this.#parameters, ...this.#frozen]) parameter.grad = null;
  }

  /**
   * The norm of all gradients together, between `backward` and `step`. A chain with `clipByNorm` computes it anyway, so
   * returning it from a compiled step costs nothing more.
   *
   * Shape: `-> []`.
   *
   * @example
   * loss.backward();
   * const norm = optimizer.gradientNorm(); // shape []
   */
  gradientNorm(): Tensor {
    return globalNorm(this.#parameters.flatMap(({ grad }) => grad ?? []));
  }

  /**
   * The norm of each parameter's gradient, between `backward` and `step`, by the parameter's path (its index if it has
   * none); parameters without a gradient are left out. Return them from a compiled step to log them.
   *
   * Shape: `-> []` each.
   *
   * @example
   * loss.backward();
   * Object.keys(optimizer.gradientNorms()); // ["1.weight", "1.bias", "2.weight", "2.bias"]
   */
  gradientNorms(): Record<string, Tensor> {
    const norms = Array.from(keysOf(this.#parameters), ([{ grad }, key]) => [key, grad && globalNorm([grad])] as const);
    return Object.fromEntries(norms.filter((entry): entry is [string, Tensor] => entry[1] !== null));
  }

  /**
   * Size in bytes of the state that the optimizer keeps beside the parameters.
   *
   * @example
   * new Adam([new Parameter(zeros([1000]))]).stateBytes(); // 8004
   */
  stateBytes(): number {
    return [...this.#cells.values()].reduce((sum, { size, dtype }) => sum + size * (dtype === "f64" ? 8 : 4), 0);
  }

  /**
   * The cells that a checkpoint needs, not copies, by key: `steps`, `hypers.<path>`, and `state.<parameter>.<name>`
   * with the parameter's path in its model (its index if it has none) and PyTorch's name for the state, such as
   * `state.head.weight.momentum_buffer`. Schedules are not included, since they are functions.
   *
   * @throws ConfigError between `eval` and `train`, where the parameters have other values than those of the state
   * @example
   * Object.keys(new SGD([new Parameter(zeros([2]))], { lr: 0.1, momentum: 0.9 }).stateDict());
   */
  stateDict(): Record<string, Variable> {
    this.#checkTrained("stateDict");
    const hypers = Array.from(this.#hypers, ([path, { cell }]): [string, Variable] => [`hypers.${path}`, cell]);
    return { steps: this.#steps, ...Object.fromEntries([...hypers, ...this.#cells]) };
  }

  /**
   * Writes a saved state into the cells. Everything is checked before anything is written. A hyper-parameter that has a
   * schedule continues to follow it.
   *
   * @param state values by key: typed arrays of the right length, or `{ shape, data }`
   * @throws DataError naming the missing and unexpected keys; ShapeError naming every key whose shape differs
   * @example
   * const [first, second] = [new SGD(model.parameters()), new SGD(model.parameters())];
   * const entries = Object.entries(first.stateDict()).map(async ([key, cell]) => [key, await cell.data()]);
   * second.loadStateDict(Object.fromEntries(await Promise.all(entries)));
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    const values = savedValues(this.stateDict(), state);
    this.#setTaken(Math.round(values.steps[0]));
    for (const [path, hyper] of this.#hypers) hyper.restore(values[`hypers.${path}`]);
    for (const [key, cell] of this.#cells) cell.load(values[key]);
  }

  /** The cells that a path names: one, or one per part. */
  #named(path: string): HyperCell[] {
    const exact = this.#hypers.get(path);
    if (exact) return [exact];
    return Array.from(this.#hypers).flatMap(([known, cell]) => (known.endsWith(`.${path}`) ? [cell] : []));
  }

  /** Calls the closure, if there is one, and once more at displaced parameters, if the chain has such a step. */
  #evaluate<T>(closure: (() => T) | undefined): T | undefined {
    if (closure !== undefined && typeof closure !== "function") {
      throw configError("step", `closure must be a function, got ${spell(closure)}`, "Write step(() => loss)");
    }
    const evaluate = () => {
      this.zeroGrad();
      return closure?.();
    };
    if (!this.needsClosure) return closure && evaluate();
    if (!closure) {
      const { name } = this.#displacing[0].step;
      const problem = `step needs a closure, since ${name} computes the gradients at displaced parameters`;
      throw configError(this.#name, problem, "Write step(() => { …; loss.backward(); return loss; })");
    }
    const result = evaluate();
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw configError("step", "the closure is asynchronous", "Compute the loss and call backward without await");
    }
    const starts = noGrad(() => {
      const run = new Run();
      return this.#displacing.flatMap((bound) => run.displacements(bound));
    }).map(([target, displacement]) => {
      const start = target.detach();
      noGrad(() => target.assign(start.add(displacement.to(start.dtype))));
      return [target, start] as const;
    });
    evaluate();
    for (const [target, start] of starts) noGrad(() => target.assign(start));
    return result;
  }

  #checkTrained(op: string): void {
    if (!this.#trained) return;
    throw configError(this.#name, `${op} was called while the parameters have their evaluation values`, CALL_TRAIN);
  }

  #checkSwap(op: string): void {
    if (!isTracing()) return;
    throw configError(this.#name, `${op} was called inside a compiled function`, "Call it between two calls");
  }

  /** Sets scheduled hyper-parameters to their values in the current step, and counts the step. */
  readonly #beginStep = (): void => {
    this.#checkTrained("step");
    for (const hyper of this.#hypers.values()) hyper.follow(this.#name, this.#taken);
    this.#setTaken(this.#taken + 1);
  };

  /**
   * Throws if a compiled function calls `step` repeatedly with a schedule: it reads each hyper-parameter once a call.
   */
  #checkSchedules(): void {
    const [found] = Array.from(this.#hypers).filter(([, { isScheduled }]) => this.#repeats && isScheduled);
    if (!found) return;
    const problem = `${found[0]} follows a schedule, but a compiled function takes several steps at each call`;
    throw configError(this.#name, problem, "Call step once in a compiled function, or set the value between calls");
  }

  #setTaken(count: number): void {
    this.#taken = count;
    this.#steps.load([count]);
  }

  /** Creates the cells of a rule for some of the parameters. */
  #bind(
    rule: Rule,
    prefix: string,
    parameters: readonly Variable[],
    keys: ReadonlyMap<Variable, string>,
  ): readonly Bound[] {
    return chain(rule).rules.map((each): Bound => {
      if (!("parts" in each)) return this.#bindStep(each, prefix, parameters, keys);
      const owned = each.parts.map(() => new Set<Variable>());
      for (const parameter of parameters) {
        const index = each.parts.findIndex(({ takes }) => takes(parameter));
        if (index < 0) {
          throw configError(
            this.#name,
            `no part takes ${labelOf(parameter)}`,
            "End the partition with a part for the rest",
          );
        }
        owned[index].add(parameter);
      }
      const parts = each.parts.map(({ name, chain: rules }, index) => {
        const owns = owned[index];
        if (owns.size === 0) throw configError(this.#name, `the part ${name} takes no parameter`, "Leave it out");
        return { owns, rules: this.#bind(rules, `${prefix}${name}.`, [...owns], keys) };
      });
      return { parts };
    });
  }

  #bindStep(
    step: ChainStep,
    prefix: string,
    parameters: readonly Variable[],
    keys: ReadonlyMap<Variable, string>,
  ): BoundStep {
    const hypers = Object.entries(step.hypers ?? {}).map(([name, spec]): [string, HyperCell] => {
      const cell = new HyperCell(this.#name, prefix + name, spec);
      this.#hypers.set(prefix + name, cell);
      return [name, cell];
    });
    const states = parameters.map((parameter): [Variable, Cells] => {
      const refusal = step.refuse?.(parameter);
      if (refusal) throw configError(this.#name, `parameter ${labelOf(parameter)} ${refusal.problem}`, refusal.hint);
      if (step.takesMissing) this.#takesMissing.add(parameter);
      return [parameter, this.#makeCells(`state.${keys.get(parameter)}`, step.state?.(parameter) ?? {})];
    });
    const shared = this.#makeCells(`shared.${prefix}${step.name}`, step.shared ?? {});
    const bound = { step, hypers: Object.fromEntries(hypers), shared, states: new Map(states) };
    if (step.displace) this.#displacing.push(bound);
    if (step.evaluated) this.#evaluating.push(bound);
    return bound;
  }

  #makeCells(prefix: string, specs: Readonly<Record<string, StateSpec>>): Cells {
    const made = Object.entries(specs).map(([name, { shape, dtype, initial = 0 }]): [string, Variable] => {
      const key = `${prefix}.${name}`;
      if (this.#cells.has(key))
        throw configError(this.#name, `two steps keep state named ${name}`, "Leave one of them out");
      const cell = new Variable(full(shape, initial, { dtype }), { name: `${this.#name}.${key}` });
      this.#cells.set(key, cell);
      return [name, cell];
    });
    return Object.fromEntries(made);
  }
}

const checkArguments = checkedConstructor(
  "Optimizer",
  takes({ params: paramsKind, rule: record, name: optional(text) }),
);

const CALL_TRAIN = "Call optimizer.train() first";

/** The key of each parameter's state: its path, or its index if it has none or shares it with another. */
function keysOf(parameters: readonly Variable[]): ReadonlyMap<Variable, string> {
  const uses = new Map<string, number>();
  for (const { path } of parameters) uses.set(path, (uses.get(path) ?? 0) + 1);
  return new Map(parameters.map((each, i) => [each, each.path && uses.get(each.path) === 1 ? each.path : String(i)]));
}
