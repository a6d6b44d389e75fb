/** Several optimizers that take one step together, each on parameters of its own. It must not know any of them. */
import type { Variable } from "../tensor/index.js";
import { configError } from "./checks.js";
import { matchState, type SavedValue } from "./state.js";

/** What a {@link JointOptimizer} needs of each optimizer; every one of `fovea/optim` has it. */
export interface JointPart {
  lr: number;
  parameters(): Variable[];
  step(): void;
  zeroGrad(): void;
  stateDict(): Record<string, Variable>;
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void;
}

/**
 * Several optimizers as one: Muon for filters and SGD for the rest, say. Its learning rate is that of the first part;
 * setting it keeps the proportions between the parts as they were made, so one schedule drives them all.
 *
 * @param parts optimizers by name; the names are the first words of the keys of the state
 * @throws ConfigError if there are no parts, a part has learning rate 0, or two parts have one parameter
 * @example
 * const matrices = model.parameters().filter(({ rank }) => rank >= 2);
 * const rest = model.parameters().filter(({ rank }) => rank < 2);
 * const joint = new JointOptimizer({ matrices: new Muon(matrices, { lr: 0.02 }), rest: new SGD(rest, { lr: 0.1 }) });
 * joint.lr = 0.01; // and that of the rest is now 0.05
 */
export class JointOptimizer implements JointPart {
  readonly #parts: readonly (readonly [name: string, part: JointPart])[];
  /** Learning rate of each part over that of the first. */
  readonly #proportions: readonly number[];

  constructor(parts: Readonly<Record<string, JointPart>>) {
    this.#parts = Object.entries(parts);
    if (this.#parts.length === 0) throw configError("jointOptimizer", "got no optimizers", "Pass { name: optimizer }");
    const owners = new Map<Variable, string>();
    for (const [name, part] of this.#parts) {
      if (name.includes("."))
        throw configError("jointOptimizer", `the name ${name} has a dot`, "Keys have dots already");
      if (part.lr === 0) {
        throw configError("jointOptimizer", `${name} has learning rate 0`, "Give each part its largest rate");
      }
      for (const parameter of part.parameters()) {
        const owner = owners.get(parameter);
        if (owner !== undefined) {
          const problem = `parameter ${parameter.name} [${parameter.shape.join(", ")}] is in both ${owner} and ${name}`;
          throw configError("jointOptimizer", problem, "Leave it out of one of them");
        }
        owners.set(parameter, name);
      }
    }
    const [[, first]] = this.#parts;
    this.#proportions = this.#parts.map(([, part]) => part.lr / first.lr);
  }

  /** The learning rate of the first part. Set it between steps, outside compiled functions. */
  get lr(): number {
    return this.#parts[0][1].lr;
  }

  set lr(value: number) {
    for (const [index, [, part]] of this.#parts.entries()) part.lr = value * this.#proportions[index];
  }

  /**
   * The parameters of all parts, in their order.
   *
   * @example
   * new JointOptimizer({ all: optimizer }).parameters().length; // 4
   */
  parameters(): Variable[] {
    return this.#parts.flatMap(([, part]) => part.parameters());
  }

  /**
   * Takes the step of every part.
   *
   * @example
   * loss.backward();
   * new JointOptimizer({ all: optimizer }).step();
   */
  step(): void {
    for (const [, part] of this.#parts) part.step();
  }

  /**
   * Forgets the gradients of all parameters.
   *
   * @example
   * new JointOptimizer({ all: optimizer }).zeroGrad();
   */
  zeroGrad(): void {
    for (const [, part] of this.#parts) part.zeroGrad();
  }

  /**
   * The live cells of all parts, each key behind the name of its part: `rest.lr`, `rest.state.0.momentum_buffer`.
   *
   * @example
   * Object.keys(new JointOptimizer({ all: optimizer }).stateDict()); // ["all.lr"]
   */
  stateDict(): Record<string, Variable> {
    const keyed = this.#parts.flatMap(([name, part]) =>
      Object.entries(part.stateDict()).map(([key, cell]): [string, Variable] => [`${name}.${key}`, cell]),
    );
    return Object.fromEntries(keyed);
  }

  /**
   * Writes a saved state into the cells of all parts. Everything is checked before anything is written.
   *
   * @throws DataError naming the missing and unexpected keys; ShapeError naming every key whose shape differs
   * @example
   * new JointOptimizer({ all: optimizer }).loadStateDict({ "all.lr": new Float32Array([0.01]) });
   */
  loadStateDict(state: Readonly<Record<string, SavedValue>>): void {
    matchState(this.stateDict(), state); // so that nothing is written when a later part would refuse
    for (const [name, part] of this.#parts) {
      const prefix = `${name}.`;
      const mine = Object.entries(state).filter(([key]) => key.startsWith(prefix));
      part.loadStateDict(Object.fromEntries(mine.map(([key, value]) => [key.slice(prefix.length), value])));
    }
  }
}
