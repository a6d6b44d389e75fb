/**
 * A context owns a device, a queue, compiled programs, pending assignments, the gradient mode and a seed. Contexts
 * share nothing, so a query of a dashboard does not wait for a training step, and a model that is never read costs
 * other contexts nothing. Must not know tensors; cells and traces are defined elsewhere and only stored here.
 */
import type { Node, Owner } from "../ir/graph.js";
import { type Device, SerialQueue, type Storage } from "../runtime/index.js";
import { checked, checkedConstructor, checkMethods, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { callback, instance, text } from "../util/kinds.js";
import { withOrigin } from "../util/scope.js";
import type { Trace } from "./cells.js";
import { checkDevice, openDefault, openDevice } from "./devices.js";
import { PendingValues } from "./pending.js";
import { ProgramCache } from "./program-cache.js";

/** Options of a context. */
export interface ContextOptions {
  /** The device that computes. Default: the one that FOVEA_DEVICE names, else the first that the machine has. */
  readonly device?: string;
  /** Name in messages. Default: the name of the device, or "unnamed". */
  readonly name?: string;
}

const checkContext = checkedConstructor("Context", takes<ContextOptions>({}, { device: text, name: text }));

/**
 * A device with a queue, compiled programs, pending assignments, a gradient mode and a seed. Values built within
 * `withContext` belong to the context: variables, and everything computed from them. Constants (`zeros`, `tensor` of
 * host values) belong to no context and can be used in any. There is a default context, so programs that need only one
 * can ignore this class.
 *
 * @throws DeviceError if no device has the name
 * @example
 * const dashboard = new Context({ device: "interp", name: "dashboard" });
 * const total = withContext(dashboard, () => new Variable(zeros([])));
 * await total.add(1).item(); // 1
 */
export class Context implements Owner {
  /** Name in messages. */
  readonly name: string;
  /** @internal True if new tensors record gradients. */
  gradients = true;
  /** @internal The trace of the compiled function that is being traced; null otherwise. */
  trace: Trace | null = null;
  /** @internal Assigned values that are not computed yet. */
  readonly pending = new PendingValues();
  /** @internal */
  readonly programs = new ProgramCache();
  /**
   * @internal Storages that the running program reads; referenced here so that they are not collected during the run.
   */
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
   * The device of the context, opened at the first call.
   *
   * @throws DeviceError if it cannot be opened
   * @example
   * (await new Context({ device: "interp" }).device()).name; // "interp"
   */
  device(): Promise<Device> {
    return this.chosen === null ? openDefault() : openDevice(this.chosen);
  }

  /**
   * Selects the device of all later computations.
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
   * Runs a job after all earlier jobs have ended.
   *
   * @internal
   */
  inOrder<T>(job: () => Promise<T>): Promise<T> {
    return this.queue.run(job);
  }

  /**
   * Resolves when all computations requested so far have ended.
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

/** The context in use; at first the default one, of programs that create none. */
let current = new Context({ name: "default" });

/**
 * Makes `context` the default one, for tests that share a process: each begins with a default context of its own.
 *
 * @internal
 */
export function replaceDefaultContext(context: Context): void {
  current = context;
}

/**
 * The context that owns values built now.
 *
 * @example
 * currentContext().name; // "default"
 */
export const currentContext = (): Context => current;

/** The context that owns a value: that of the variables that it was computed from, else the current one. */
export const contextOf = ({ owner }: Node): Context => (owner instanceof Context ? owner : current);

/**
 * Runs `fn` with `context` as the current context. It is restored when `fn` returns, so values that an asynchronous
 * function builds after an `await` would belong to another context.
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
      throw new ConfigError(
        "[withContext] the function is asynchronous: after an await it would build values of another context",
        {
          hint: "Build within withContext, and await what it returns",
        },
      );
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
 * A value per context, created at the first access; use it instead of a variable at module level.
 *
 * @returns a function that returns the value of the current context
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
 * Selects the device of all later computations in the current context.
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
 * The device of the current context: selected by {@link useDevice}, else by the environment variable FOVEA_DEVICE, else
 * the first that is available on this machine.
 *
 * @throws DeviceError if it cannot be opened
 * @example
 * const { name, target } = await currentDevice();
 */
export const currentDevice = (): Promise<Device> => current.device();

/**
 * The number of programs in the cache of the current context; tests assert that it stops growing.
 *
 * @example
 * const before = programCount();
 */
export const programCount = (): number => current.programs.size;
