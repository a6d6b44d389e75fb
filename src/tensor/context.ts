/**
 * A context: everything of a computation that is neither a tensor nor the process. Two contexts share nothing, so a
 * dashboard's query does not wait behind a training step, and a model that nobody reads costs another one nothing. Knows
 * no tensor; what it keeps of cells and traces is for the files that define them.
 */
import type { Node, Owner } from "../ir/graph.js";
import { type Device, SerialQueue, type Storage } from "../runtime/index.js";
import { checked, checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { callback, instance, text } from "../util/kinds.js";
import { withOrigin } from "../util/scope.js";
import type { PendingCells, Trace } from "./cells.js";
import { checkDevice, openDefault, openDevice } from "./devices.js";
import { ProgramCache } from "./program-cache.js";

/** How a context is made. */
export interface ContextOptions {
  /** The device that computes. Default: the one that FOVEA_DEVICE names, else the first that the machine has. */
  readonly device?: string;
  /** For messages. Default: the name of the device, or "unnamed". */
  readonly name?: string;
}

const checkContext = checkedConstructor("Context", takes<ContextOptions>({}, { device: text, name: text }));

/**
 * Its own device, queue, programs, pending assignments, gradient mode and seed. What is built within `withContext` belongs
 * to it: variables, and all that is computed from them. Constants (`zeros`, `tensor` of host values) belong to none and may
 * be used in any. There is a default context, so that a program that needs only one never sees it.
 *
 * @throws DeviceError if no device has the name
 * @example
 * const dashboard = new Context({ device: "interp", name: "dashboard" });
 * const total = withContext(dashboard, () => new Variable(zeros([])));
 * await total.add(1).item(); // 1
 */
export class Context implements Owner {
  /** For messages. */
  readonly name: string;
  /** @internal Whether what is built records gradients. */
  gradients = true;
  /** @internal The trace of the compiled function that is being built; null outside. */
  trace: Trace | null = null;
  /** @internal Variables that were assigned but not computed; null as long as there were none. */
  pending: PendingCells | null = null;
  /** @internal */
  readonly programs = new ProgramCache();
  /** @internal What the running program reads: kept here so that its memory cannot be collected before the run ends. */
  running: readonly Storage[] = [];
  private readonly queue = new SerialQueue();
  private chosen: string | null;

  constructor(options: ContextOptions = {}) {
    checkContext([options]);
    const { device, name } = options;
    if (device !== undefined) checkDevice(device);
    this.chosen = device ?? null;
    this.name = name ?? device ?? "unnamed";
  }

  /**
   * The device that computes; opened when first asked for.
   *
   * @throws DeviceError if it cannot be opened
   * @example
   * (await new Context({ device: "interp" }).device()).name; // "interp"
   */
  device(): Promise<Device> {
    return this.chosen === null ? openDefault() : openDevice(this.chosen);
  }

  /**
   * Chooses the device on which everything from now on is computed.
   *
   * @throws DeviceError if the device is unknown or cannot be opened
   * @example
   * await new Context().useDevice("interp");
   */
  async useDevice(name: string): Promise<void> {
    await openDevice(name);
    this.chosen = name;
  }

  /**
   * Runs a job when all jobs that were given before have ended.
   *
   * @internal
   */
  inOrder<T>(job: () => Promise<T>): Promise<T> {
    return this.queue.run(job);
  }

  /**
   * Resolves when everything that was asked of the context before has been computed.
   *
   * @example
   * await new Context({ device: "interp" }).finish();
   */
  async finish(): Promise<void> {
    const device = this.device();
    await this.queue.run(async () => (await device).finish());
  }
}

checkMethods(Context, { device: takes(), useDevice: takes({ name: text }), finish: takes() });

/** The context of programs that name none. */
const defaultContext = new Context({ name: "default" });
let current = defaultContext;

/**
 * The context to which what is built now belongs.
 *
 * @example
 * currentContext().name; // "default"
 */
export const currentContext = (): Context => current;

/** The context to which a value belongs: that of the variables that it was computed from, else the current one. */
export const contextOf = ({ owner }: Node): Context => (owner instanceof Context ? owner : current);

/**
 * Runs `fn` with everything that it builds belonging to a context. It holds until `fn` returns, so what an asynchronous
 * function builds after an `await` would belong to another.
 *
 * @throws ConfigError if `fn` is declared `async`
 * @example
 * const other = new Context({ device: "interp", name: "other" });
 * const weight = withContext(other, () => new Parameter(ones([2])));
 * await weight.mul(3).toArray(); // [3, 3]
 */
export const withContext = checked(
  "withContext",
  takes({ context: instance(Context, "a Context"), fn: callback }),
  <T>(context: Context, fn: () => T): T => {
    if (fn.constructor.name === "AsyncFunction") {
      throw new ConfigError("[withContext] the function is asynchronous: behind an await it would build elsewhere", {
        hint: "Build within withContext, and await what it returns",
      });
    }
    const outer = current;
    if (outer === context) return fn();
    current = context;
    try {
      return withOrigin({ path: "", role: "forward" }, fn);
    } finally {
      current = outer;
    }
  },
);

/**
 * A value that every context has for itself, made when it is first asked for: what would otherwise be a variable of a
 * module.
 *
 * @returns a function that gives the value of the current context
 * @example
 * const calls = perContext(() => ({ count: 0 }));
 * calls().count++;
 * calls().count; // 1
 */
export const perContext = checked("perContext", takes({ make: callback }), <T>(make: () => T): (() => T) => {
  const values = new WeakMap<Context, { readonly value: T }>();
  return () => {
    const known = values.get(current) ?? { value: make() };
    values.set(current, known);
    return known.value;
  };
});

/**
 * Chooses the device on which everything from now on is computed, in the current context.
 *
 * @throws DeviceError if the device is unknown or cannot be opened
 * @example
 * await useDevice("interp");
 */
export const useDevice = checked(
  "useDevice",
  takes({ name: text }),
  async (name: string): Promise<void> => current.useDevice(name),
);

/**
 * The device in use: the one given to {@link useDevice}, or named by the environment variable FOVEA_DEVICE, or the first
 * that this machine has what it takes for.
 *
 * @throws DeviceError if it cannot be opened
 * @example
 * const { name, target } = await currentDevice();
 */
export const currentDevice = (): Promise<Device> => current.device();

/**
 * How many programs the current context has compiled and kept; tests assert that it stops growing.
 *
 * @example
 * const before = programCount();
 */
export const programCount = (): number => current.programs.size;
