/**
 * One call of `step`: the flow of updates through the steps of a chain, and the assignment of their state. It must not
 * know any step, nor where cells come from.
 */
import { type DType, type Tensor, type Variable, zerosLike } from "../tensor/index.js";
import { withOrigin } from "../util/scope.js";
import type { HyperCell, HyperTensor } from "./hyper.js";
import { type ChainStep, updateType } from "./rule.js";

export type Cells = Readonly<Record<string, Variable>>;

/** A step of a chain with its cells. */
export interface BoundStep {
  readonly step: ChainStep;
  readonly hypers: Readonly<Record<string, HyperCell>>;
  readonly shared: Cells;
  readonly states: ReadonlyMap<Variable, Cells>;
}

/** A partition with the bound steps of its parts. */
interface BoundPartition {
  readonly parts: readonly { readonly owns: ReadonlySet<Variable>; readonly rules: readonly Bound[] }[];
}

export type Bound = BoundStep | BoundPartition;

/** The intermediate state of one parameter in a chain. */
export interface Flow {
  readonly target: Variable;
  /** Module path in the origin of the nodes built for it: that of its gradient. */
  readonly path: string;
  readonly hasGradient: boolean;
  /** The value before the call of `step`. */
  readonly start: Tensor;
  readonly parameter: Tensor;
  readonly update: Tensor;
  /** Scalar bool: whether the results from here on are assigned; null if they always are. */
  readonly due: Tensor | null;
}

/** One call of `step`: reads each hyper-parameter once per dtype. */
export class Run {
  readonly #read = new Map<string, Readonly<Record<string, HyperTensor>>>();
  readonly #numbers = new Map<BoundStep, number>();

  /** Runs the rules on parameters, and assigns their state. */
  take(rules: readonly Bound[], flows: readonly Flow[], due: Tensor | null): readonly Flow[] {
    let [current, groupDue] = [flows, due];
    for (const rule of rules) {
      if ("parts" in rule) {
        const moved = rule.parts.flatMap(({ owns, rules: own }) =>
          this.take(
            own,
            current.filter(({ target }) => owns.has(target)),
            groupDue,
          ),
        );
        const byTarget = new Map(moved.map((flow) => [flow.target, flow]));
        current = current.map((flow) => byTarget.get(flow.target) ?? flow);
      } else [current, groupDue] = this.#step(rule, current, groupDue);
    }
    return current;
  }

  #step(bound: BoundStep, flows: readonly Flow[], due: Tensor | null): [flows: readonly Flow[], due: Tensor | null] {
    const { step, shared, states } = bound;
    const given = step.afterUpdate ? flows.map(updated) : flows;
    const updates = given.map(({ update }) => update);
    const share = step.across?.({ updates, hypers: this.hypersOf(bound, "f32"), shared }) ?? {};
    assign(shared, share.shared, due);
    const values = share.values ?? {};
    const moved = given.map((flow): Flow => {
      const { target, path, start, parameter, update, hasGradient } = flow;
      const state = states.get(target) as Cells;
      return withOrigin({ path, role: "update" }, () => {
        const hypers = this.hypersOf(bound, updateType(target));
        const next = step.update({ update, parameter, start, hypers, state, values, hasGradient });
        assign(state, next.state, flow.due);
        const { due: own = null, update: made = update, parameter: from = parameter } = next;
        return { ...flow, update: made, parameter: from, due: both(flow.due, own) };
      });
    });
    return [moved, both(due, share.due ?? null)];
  }

  /** The displacements of the parameters that have a gradient, by a step with `displace`. */
  displacements(bound: BoundStep): readonly (readonly [target: Variable, displacement: Tensor])[] {
    const found = [...bound.states.keys()].flatMap((target) => (target.grad ? [{ target, grad: target.grad }] : []));
    const type = found.some(({ target }) => updateType(target) === "f64") ? "f64" : "f32";
    const gradients = found.map(({ grad }) => grad.to(type));
    const parameters = found.map(({ target }) => target.to(type));
    const made = bound.step.displace?.({ gradients, parameters, hypers: this.hypersOf(bound, type) }) ?? [];
    return found.map(({ target }, i) => [target, made[i]] as const);
  }

  /** The hyper-parameters of a step. */
  hypersOf(bound: BoundStep, dtype: DType): Readonly<Record<string, HyperTensor>> {
    const number = this.#numbers.get(bound) ?? this.#numbers.size;
    this.#numbers.set(bound, number);
    const key = `${number} ${dtype}`;
    const known = this.#read.get(key);
    if (known) return known;
    const read = Object.entries(bound.hypers).map(([name, cell]) => [name, cell.read(dtype)] as const);
    const made = Object.fromEntries(read);
    this.#read.set(key, made);
    return made;
  }
}

/** The flow with its update subtracted, for steps that work on updated parameters. */
function updated(flow: Flow): Flow {
  return withOrigin({ path: flow.path, role: "update" }, () => {
    const { parameter, update } = flow;
    return { ...flow, parameter: parameter.sub(update), update: zerosLike(update) };
  });
}

const both = (a: Tensor | null, b: Tensor | null): Tensor | null => (a && b ? a.logicalAnd(b) : (a ?? b));

/** Assigns new values to cells, if they are due. */
function assign(cells: Cells, values: Readonly<Record<string, Tensor>> | undefined, due: Tensor | null): void {
  for (const [name, value] of Object.entries(values ?? {})) {
    const cell = cells[name];
    cell.assign(due ? due.where(value, cell) : value);
  }
}
