/**
 * `compile`: traces a function once per signature of its arguments and runs it as one program. Cells that the function
 * reads are bound at every call; cells that it assigns are updated in place.
 */
import { createLeaf, formatShape, mixedOwners, type Node, sameShape } from "../ir/graph.js";
import { type Device, Storage } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError } from "../util/errors.js";
import { callback, count } from "../util/kinds.js";
import { activeTrace, type Cell, Trace, traced } from "./cells.js";
import { type Context, currentContext, withContext } from "./context.js";
import { evaluateNow, programForGraph, runProgram } from "./evaluate.js";
import type { GraphProgram, Probe, ProgramRequest } from "./program-cache.js";
import { leafOf, QueuedRun, valueStorage } from "./realized.js";
import { describeByPath, mapTensors, sameStructure } from "./structure.js";
import { Tensor } from "./tensor.js";

const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

/** True if a program traced with one tensor can run on the other. */
const sameType = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Marks the position of a result tensor in the structure that the function returned. */
class OutputSlot {
  constructor(readonly index: number) {}
}

/** The trace of a function for one signature of its arguments. */
interface TracedFunction {
  /** The arguments of the trace: placeholders for tensors, other values unchanged. */
  readonly traceArgs: readonly unknown[];
  /** The gradient mode at the time of the trace. */
  readonly gradients: boolean;
  readonly trace: Trace;
  readonly cells: readonly Cell[];
  readonly written: readonly Cell[];
  /** For each leaf, the position of its value among the tensor arguments followed by the cells. */
  readonly leafIndex: ReadonlyMap<Node, number>;
  readonly request: ProgramRequest;
  /** Number of the outputs that are results; the others are new values of the cells in `written`. */
  readonly resultCount: number;
  readonly rebuild: (results: readonly Tensor[]) => unknown;
  /** The program of the last call, and its device. */
  current: { readonly device: Promise<Device>; readonly program: Promise<GraphProgram> } | null;
}

function traceFunction(context: Context, fn: (...args: never[]) => unknown, args: readonly unknown[]): TracedFunction {
  const placeholders: Node[] = [];
  const trace = new Trace(context);
  const traceArgs = mapTensors(args, isTensor, (x) => {
    const leaf = createLeaf(x.shape, x.dtype, null, context);
    placeholders.push(leaf);
    return new Tensor(leaf);
  }) as readonly unknown[];
  const outputs: Node[] = [];
  const result = traced(context, trace, () => {
    // A copy, because the function may modify its arguments.
    const value = fn(...(mapTensors(traceArgs, isTensor, (x) => x) as never[]));
    if (value instanceof Promise) {
      value.catch(() => undefined);
      throw new ConfigError("[compile] the function is asynchronous", {
        hint: "Return tensors and read them after the call: values cannot be awaited inside",
      });
    }
    return mapTensors(value, isTensor, (x) => new OutputSlot(outputs.push(x.node) - 1));
  });
  const written = [...trace.writes.keys()];
  const cells = [...trace.placeholders.keys()];
  return {
    traceArgs,
    gradients: context.gradients,
    trace,
    cells,
    written,
    leafIndex: new Map([...placeholders, ...trace.placeholders.values()].map((leaf, i) => [leaf, i])),
    request: {
      outputs: [...outputs, ...trace.writes.values()],
      replaced: [...outputs.map(() => null), ...written.map((cell) => trace.placeholders.get(cell) ?? null)],
      invariant: [...trace.placeholders].flatMap(([cell, leaf]) => (trace.writes.has(cell) ? [] : [leaf])),
    },
    resultCount: outputs.length,
    rebuild: (tensors) => fill(result, tensors),
    current: null,
  };
}

/** Replaces the markers in the traced result by result tensors. */
function fill(value: unknown, tensors: readonly Tensor[]): unknown {
  if (value instanceof OutputSlot) return tensors[value.index];
  if (Array.isArray(value)) return value.map((item) => fill(item, tensors));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, tensors)]));
}

/** The program for the device of the context; compilation starts immediately, concurrently with queued runs. */
function programOf(
  context: Context,
  entry: TracedFunction,
  device: Promise<Device>,
  probe?: Probe,
): Promise<GraphProgram> {
  if (entry.current?.device === device) return entry.current.program;
  const program = device.then((opened) => programForGraph(context, opened, entry.request, probe));
  const current = { device, program };
  entry.current = current;
  program.catch(() => {
    if (entry.current === current) entry.current = null;
  });
  return program;
}

/**
 * Queues a run. The values that the function reads are captured now, and the cells that it assigns refer to the results
 * of the run from now on: everything requested later runs after it.
 */
function call(context: Context, entry: TracedFunction, tensors: readonly Tensor[], probe?: Probe): Promise<unknown> {
  const { trace, cells, leafIndex, resultCount, request } = entry;
  withContext(context, () => {
    for (const begin of trace.beforeCalls) begin();
  });
  const values = tensors.map((x) => x.node);
  const writers = new Set<QueuedRun>();
  for (const cell of cells) {
    values.push(cell.currentNode());
    if (cell.writer) writers.add(cell.writer);
  }
  const run = new QueuedRun();
  const replacements = entry.written.map((cell) => cell.replace(run));
  const device = context.device();
  const candidates = context.pending.near(values);
  const program = programOf(context, entry, device, probe);
  return context.inOrder(async () => {
    try {
      for (const writer of writers) writer.check();
      await evaluateNow(context, await device, values, candidates);
      const storageFor = (leaf: Node): Storage => {
        const place = leafIndex.get(leaf);
        return valueStorage(place === undefined ? leaf : values[place]);
      };
      const graphProgram = await program;
      const results = graphProgram.loaded.program.outputs
        .slice(0, resultCount)
        .map(({ dtype, elements }) => new Storage(dtype, elements));
      // Before the run, which evicts the data that this code uses from the caches.
      const value = entry.rebuild(
        results.map((storage, i) => new Tensor(leafOf(storage, request.outputs[i].shape, context))),
      );
      await runProgram(context, graphProgram, storageFor, results, replacements);
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

/** The error of a function whose arguments keep changing; it names the argument with the most different values. */
function tooManyPrograms(
  maxPrograms: number,
  entries: readonly TracedFunction[],
  given: readonly unknown[],
): ConfigError {
  const describe = (x: Tensor) => `${x.dtype}${formatShape(x.shape)}`;
  const now = describeByPath(given, isTensor, describe);
  const before = entries.map(({ traceArgs }) => describeByPath(traceArgs, isTensor, describe));
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

/** Options of `compile`. */
export interface CompileOptions {
  /**
   * Limit of programs: one per combination of shapes and plain values of the arguments, and of modes of modules.
   * Default 16, range ≥ 1.
   */
  readonly maxPrograms?: number;
}

const MAX_PROGRAMS = 16;

/**
 * Compiles a function to one fused program: forward, backward and optimizer run as one call. The function is traced
 * once per shapes (and plain values) of its arguments and once per mode (`train` or `eval`) of the modules that it
 * calls; variables that it assigns are updated in place; a variable that changes between calls, such as a learning
 * rate, costs no recompilation. Calls keep their order without `await`: each sees the variables as they are when it is
 * made.
 *
 * @param fn - synchronous; takes and returns tensors, numbers, or plain objects and arrays of them
 * @param options - `maxPrograms` limits the shapes and plain values that it may be called with; default 16
 * @returns the same function, asynchronous
 * @throws ConfigError if `fn` is asynchronous, takes or returns anything else, or needs more programs; the message
 *   names the argument that keeps changing
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
 * Registers `fn` to run before every call of the compiled function that is being traced, including the first call, and
 * before that call reads variables; outside a trace `fn` runs immediately. Use it for values that change from call to
 * call and are not computed on the device, such as a learning rate that follows a schedule.
 *
 * @returns false if the same function is already registered in the trace; it is not registered twice
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
  if (trace?.beforeCalls.has(fn)) return false;
  if (trace) trace.beforeCalls.add(fn);
  else fn();
  return true;
});

/**
 * True while a compiled function is traced: reads and assignments then become part of its program.
 *
 * @example
 * const inside = isTracing(); // false
 */
export const isTracing = (): boolean => activeTrace() !== null;

/** As {@link compile}; with a probe, programs are compiled for this function alone and report every run. */
export function compileProbed<A extends unknown[], R>(
  fn: (...args: A) => R,
  { maxPrograms = MAX_PROGRAMS }: CompileOptions = {},
  probe?: Probe,
): (...args: A) => Promise<R> {
  const context = currentContext();
  const entries: TracedFunction[] = [];
  return async (...args: A): Promise<R> => {
    if (activeTrace()) return fn(...args);
    // A copy of the structure, because the caller may modify its arrays before the program runs.
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
        entry.gradients === gradients &&
        entry.trace.isValid() &&
        sameStructure(entry.traceArgs, given, isTensor, sameType),
    );
    if (known) known.trace.replay();
    else if (entries.length >= maxPrograms) throw tooManyPrograms(maxPrograms, entries, given);
    const entry = known ?? traceFunction(context, fn, given);
    if (!known) entries.unshift(entry);
    return (await call(context, entry, tensors, probe)) as R;
  };
}
