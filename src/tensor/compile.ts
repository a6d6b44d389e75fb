/**
 * `compile`: traces a function once per shapes of its arguments and runs it as one program. Cells that the function reads
 * are bound at every call; cells that it assigns are updated in place.
 */
import { createLeaf, formatShape, mixedOwners, type Node, sameShape } from "../ir/graph.js";
import { type Device, Storage } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { callback, count } from "../util/kinds.js";
import { activeTrace, type Cell, Trace, traced } from "./cells.js";
import { type Context, currentContext, withContext } from "./context.js";
import { evaluateNow, fitProgram, runProgram } from "./evaluate.js";
import type { Fitted, Probe, Wanted } from "./program-cache.js";
import { leafOf, ownStorage, Run } from "./realized.js";
import { mapTensors, placesOf, sameStructure } from "./structure.js";
import { Tensor } from "./tensor.js";

const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

/** Whether a program made for the one tensor can be run on the other. */
const alike = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Stands for a result tensor in the structure that the function returned. */
class Output {
  constructor(readonly index: number) {}
}

/** A function as it was traced for one kind of arguments. */
interface Traced {
  /** The arguments of the trace: stand-ins for tensors, everything else as it was given. */
  readonly inside: readonly unknown[];
  /** Whether gradients were recorded when the function was called. */
  readonly gradients: boolean;
  readonly trace: Trace;
  readonly cells: readonly Cell[];
  readonly written: readonly Cell[];
  /** Which argument, or which cell behind them, gives the value of a leaf. */
  readonly places: ReadonlyMap<Node, number>;
  readonly wanted: Wanted;
  /** How many of the outputs are results; the others are new values of the cells in `written`. */
  readonly resultCount: number;
  readonly rebuild: (results: readonly Tensor[]) => unknown;
  /** The program of the last call, and the device that it is for. */
  fitted: { readonly device: Promise<Device>; readonly program: Promise<Fitted> } | null;
}

function traceFunction(context: Context, fn: (...args: never[]) => unknown, args: readonly unknown[]): Traced {
  const placeholders: Node[] = [];
  const trace = new Trace(context);
  const inside = mapTensors(args, isTensor, (x) => {
    const leaf = createLeaf(x.shape, x.dtype, null, context);
    placeholders.push(leaf);
    return new Tensor(leaf);
  }) as readonly unknown[];
  const outputs: Node[] = [];
  const result = traced(context, trace, () => {
    // A copy, which the function may change.
    const value = fn(...(mapTensors(inside, isTensor, (x) => x) as never[]));
    if (value instanceof Promise) {
      value.catch(() => undefined);
      throw new ConfigError("[compile] the function is asynchronous", {
        hint: "Return tensors and read them after the call: values cannot be awaited inside",
      });
    }
    return mapTensors(value, isTensor, (x) => new Output(outputs.push(x.node) - 1));
  });
  const written = [...trace.writes.keys()];
  const cells = [...trace.placeholders.keys()];
  return {
    inside,
    gradients: context.gradients,
    trace,
    cells,
    written,
    places: new Map([...placeholders, ...trace.placeholders.values()].map((leaf, i) => [leaf, i])),
    wanted: {
      outputs: [...outputs, ...trace.writes.values()],
      replaced: [...outputs.map(() => null), ...written.map((cell) => trace.placeholders.get(cell) ?? null)],
      lasting: [...trace.placeholders].flatMap(([cell, leaf]) => (trace.writes.has(cell) ? [] : [leaf])),
    },
    resultCount: outputs.length,
    rebuild: (tensors) => fill(result, tensors),
    fitted: null,
  };
}

/** Puts result tensors where the traced result had them. */
function fill(value: unknown, tensors: readonly Tensor[]): unknown {
  if (value instanceof Output) return tensors[value.index];
  if (Array.isArray(value)) return value.map((item) => fill(item, tensors));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, tensors)]));
}

/** The program for the device of the context: compiling begins at once, beside what is running. */
function programOf(context: Context, entry: Traced, device: Promise<Device>, probe?: Probe): Promise<Fitted> {
  if (entry.fitted?.device === device) return entry.fitted.program;
  const program = device.then((opened) => fitProgram(context, opened, entry.wanted, probe));
  const fitted = { device, program };
  entry.fitted = fitted;
  program.catch(() => {
    if (entry.fitted === fitted) entry.fitted = null;
  });
  return program;
}

/**
 * Queues a run. What the function reads is taken as it is now, and what it assigns has from now on the value that the run
 * will give it: whatever is asked for next comes behind it.
 */
function call(context: Context, entry: Traced, tensors: readonly Tensor[], probe?: Probe): Promise<unknown> {
  const { trace, cells, places, resultCount, wanted } = entry;
  withContext(context, () => {
    for (const begin of trace.calls) begin();
  });
  const values = tensors.map((x) => x.node);
  const writers = new Set<Run>();
  for (const cell of cells) {
    values.push(cell.settled());
    if (cell.writer) writers.add(cell.writer);
  }
  const run = new Run();
  const replacements = entry.written.map((cell) => cell.replace(run));
  const device = context.device();
  const program = programOf(context, entry, device, probe);
  return context.inOrder(async () => {
    try {
      for (const writer of writers) writer.check();
      await evaluateNow(context, await device, values);
      const storageFor = (leaf: Node): Storage => {
        const place = places.get(leaf);
        return ownStorage(place === undefined ? leaf : values[place]);
      };
      const fitted = await program;
      const results = fitted.loaded.program.outputs
        .slice(0, resultCount)
        .map(({ dtype, elements }) => new Storage(dtype, elements));
      // Before the run: behind it, all that this touches has left the caches.
      const value = entry.rebuild(
        results.map((storage, i) => new Tensor(leafOf(storage, wanted.outputs[i].shape, context))),
      );
      await runProgram(context, fitted, storageFor, results, replacements);
      run.isDone = true;
      for (const { cell } of replacements) cell.replaced(run);
      return value;
    } catch (error) {
      run.fail(error);
      for (const replacement of replacements) replacement.cell.restore(run, replacement, error);
      throw error;
    }
  });
}

/** The error of a function that is called with ever new arguments: it names the one that has had most values. */
function tooMany(maxPrograms: number, entries: readonly Traced[], given: readonly unknown[]): ConfigError {
  const tell = (x: Tensor) => `${x.dtype}${formatShape(x.shape)}`;
  const now = placesOf(given, isTensor, tell);
  const before = entries.map(({ inside }) => placesOf(inside, isTensor, tell));
  const changing = [...now]
    .map(([path, text]) => ({ path, text, values: new Set([text, ...before.map((places) => places.get(path))]) }))
    .sort((a, b) => b.values.size - a.values.size)[0];
  const limit = `it would need more than ${maxPrograms} programs`;
  if (!changing || changing.values.size === 1) {
    return new ConfigError(`[compile] ${limit}: modes of modules or the structure of the arguments keep changing`, {
      hint: "Compile one function for each mode, or raise maxPrograms",
    });
  }
  const { path, text, values } = changing;
  const last = before[0].get(path) ?? "nothing";
  const what = `${path} has had ${values.size} different values, the last ${last}, now ${text}`;
  const advice = /\[/.test(text) ? "Pad it to one of a few shapes" : "Pass it as a tensor";
  return new ConfigError(`[compile] ${limit}: ${what}`, { hint: `${advice}, or raise maxPrograms` });
}

/** How much a function is compiled. */
export interface CompileOptions {
  /**
   * The most programs: one for each combination of shapes and plain values of the arguments, and of modes of modules.
   * Default 16, range ≥ 1.
   */
  readonly maxPrograms?: number;
}

const MAX_PROGRAMS = 16;

/**
 * Makes one fused program of a function: forward, backward and optimizer run as one call. The function is traced once per
 * shapes (and plain values) of its arguments and once per mode (`train` or `eval`) of the modules that it calls; variables
 * that it assigns are updated in place; a variable that changes between calls, such as a learning rate, costs no
 * recompilation. Calls need not be awaited to keep their order: each sees the variables as they are when it is made.
 *
 * @param fn - synchronous; takes and returns tensors, numbers, or plain objects and arrays of them
 * @param options - `maxPrograms` limits the shapes and plain values that it may be called with; default 16
 * @returns the same function, asynchronous
 * @throws ConfigError if `fn` is asynchronous, takes or returns anything else, or needs more programs; the message names
 * the argument that keeps changing
 * @throws ContextError if it is called with, or uses, variables of another context than the one in which it was made
 * @example
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = crossEntropy(model(x), y);
 *   loss.backward();
 *   optimizer.step();
 *   optimizer.zeroGrad();
 *   return loss;
 * });
 * const loss = await step(x, y);
 */
export const compile = checked(
  "compile",
  takes<CompileOptions>({ fn: callback }, { maxPrograms: count() }),
  <A extends unknown[], R>(fn: (...args: A) => R, options: CompileOptions = {}): ((...args: A) => Promise<R>) => {
    return compileProbed(fn, options);
  },
);

/**
 * Has `fn` run before every call of the compiled function that is being traced, the first one included, and before that
 * call reads any variable; outside of a trace it runs at once. What changes from call to call and is not computed on the
 * device, such as a learning rate that follows a schedule, is set there.
 *
 * @returns false if the same function was given before in the same trace; it then runs once only
 * @example
 * const rate = new Variable(zeros([]));
 * const step = compile((x: Tensor) => {
 *   beforeEachCall(() => rate.load([0.1]));
 *   return x.mul(rate);
 * });
 * const y = await step(ones([2])); // [0.1, 0.1]
 */
export const beforeEachCall = checked("beforeEachCall", takes({ fn: callback }), (fn: () => void): boolean => {
  const trace = activeTrace();
  if (trace?.calls.has(fn)) return false;
  if (trace) trace.calls.add(fn);
  else fn();
  return true;
});

/**
 * Whether a compiled function is being traced: what is read and assigned then is part of its program.
 *
 * @example
 * const inside = isTracing(); // false
 */
export const isTracing = (): boolean => activeTrace() !== null;

/** As {@link compile}; a probe is told of every run, and the programs are its own. */
export function compileProbed<A extends unknown[], R>(
  fn: (...args: A) => R,
  { maxPrograms = MAX_PROGRAMS }: CompileOptions = {},
  probe?: Probe,
): (...args: A) => Promise<R> {
  const context = currentContext();
  const entries: Traced[] = [];
  return async (...args: A): Promise<R> => {
    if (activeTrace()) return fn(...args);
    // As they are now: whoever calls may change its arrays before the program runs.
    const tensors: Tensor[] = [];
    const given = mapTensors(args, isTensor, (x) => {
      const { owner } = x.node;
      if (owner !== null && owner !== context) throw mixedOwners("compile", context, owner);
      tensors.push(x);
      return x;
    }) as readonly unknown[];
    const { gradients } = context;
    const known = entries.find(
      (entry) =>
        entry.gradients === gradients && entry.trace.holds() && sameStructure(entry.inside, given, isTensor, alike),
    );
    if (known) known.trace.replay();
    else if (entries.length >= maxPrograms) throw tooMany(maxPrograms, entries, given);
    const entry = known ?? traceFunction(context, fn, given);
    if (!known) entries.unshift(entry);
    return (await call(context, entry, tensors, probe)) as R;
  };
}
