/** Snapshot ensembles: weights of several times, whose predictions are averaged. It must not know modules. */
import { isTracing, noGrad, type Tensor, type Variable } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checkedConstructor, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { count } from "../util/kinds.js";

export interface SnapshotsOptions {
  /** Largest number of snapshots; the oldest is dropped. Default: no limit. */
  readonly limit?: number;
}

const checkSnapshots = checkedConstructor(
  "Snapshots",
  takes<SnapshotsOptions>({ state: variablesKind }, { limit: count() }),
);

/**
 * A snapshot ensemble from one training run: weights are kept at the end of each cycle of the learning rate (see
 * `cosineRestarts`), where they are in different minima, and predictions of all of them are averaged.
 *
 * Formula: `ȳ = (1/M) · Σ f(x; wᵢ)`.
 *
 * @param state the variables to keep, by key: `model.stateDict()`
 * @param options `limit`
 * @throws ConfigError if the limit is out of range
 * @see Huang et al. 2017, "Snapshot Ensembles: Train 1, Get M for Free", arXiv:1704.00109
 * @example
 * const snapshots = new Snapshots(model.stateDict(), { limit: 5 });
 * snapshots.take(); // at the end of each cycle
 * const probabilities = snapshots.mean(() => model(images).softmax(1));
 */
export class Snapshots {
  readonly #state: Readonly<Record<string, Variable>>;
  readonly #limit: number;
  #taken: Readonly<Record<string, Tensor>>[] = [];

  constructor(state: Readonly<Record<string, Variable>>, options: SnapshotsOptions = {}) {
    checkSnapshots([state, options]);
    this.#state = state;
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
  }

  /** The kept weights by key, oldest first: each can be saved, or loaded into a model. */
  get all(): readonly Readonly<Record<string, Tensor>>[] {
    return this.#taken;
  }

  /**
   * Keeps the current values.
   *
   * @throws ConfigError inside a compiled function
   * @example
   * new Snapshots(model.stateDict()).take();
   */
  take(): void {
    refuseTrace("take");
    this.#taken.push(this.#values());
    if (this.#taken.length > this.#limit) this.#taken.shift();
  }

  /**
   * The mean of what a function computes with each snapshot's values; the present values are back afterwards.
   *
   * @param predict calls the model, in evaluation, and returns a tensor such as probabilities
   * @throws ConfigError if there are no snapshots, or inside a compiled function
   * @example
   * const snapshots = new Snapshots(model.stateDict());
   * snapshots.take();
   * const mean = snapshots.mean(() => model(images)); // shape [3, 2]
   */
  mean(predict: () => Tensor): Tensor {
    refuseTrace("mean");
    if (this.#taken.length === 0) throw configError("Snapshots", "there are no snapshots", "Call take() first");
    return noGrad(() => {
      const present = this.#values();
      try {
        const results = this.#taken.map((values) => {
          this.#assign(values);
          return predict();
        });
        return results.reduce((sum, result) => sum.add(result)).div(results.length);
      } finally {
        this.#assign(present);
      }
    });
  }

  #values(): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(this.#state).map(([key, variable]) => [key, variable.detach()]));
  }

  #assign(values: Readonly<Record<string, Tensor>>): void {
    for (const [key, variable] of Object.entries(this.#state)) variable.assign(values[key]);
  }
}

function refuseTrace(op: string): void {
  if (!isTracing()) return;
  throw configError("Snapshots", `${op} was called inside a compiled function`, "Call it between two calls");
}
