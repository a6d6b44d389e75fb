/**
 * `compile`: traces a function once per shapes of its arguments and runs it as one program. Cells that the function reads
 * are bound at every call; cells that it assigns are updated in place.
 */
import { createLeaf, type Node, sameShape } from "../ir/graph.js";
import type { Device, Storage } from "../runtime/index.js";
import { ConfigError } from "../util/errors.js";
import { activeTrace, assignedNodes, type Cell, Trace, traced } from "./cells.js";
import {
  type Bound,
  bindProgram,
  currentDevice,
  evaluateNow,
  inOrder,
  leafOf,
  ownStorage,
  type Probe,
  realizedLeaf,
} from "./session.js";
import { mapTensors, sameStructure } from "./structure.js";
import { Tensor } from "./tensor.js";

const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

interface Entry {
  readonly device: Device;
  /** The arguments with which the function was traced: stand-ins for tensors, everything else as it was given. */
  readonly inside: readonly unknown[];
  readonly trace: Trace;
  readonly cells: readonly Cell[];
  /** Which argument, or which cell behind them, gives the value of a leaf. */
  readonly places: ReadonlyMap<Node, number>;
  readonly outputs: readonly Node[];
  readonly written: readonly Cell[];
  readonly bound: Promise<Bound>;
  readonly rebuild: (results: readonly Tensor[]) => unknown;
}

/** Whether a program made for the one tensor can be run on the other. */
const alike = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Stands for a result tensor in the structure that the function returned. */
class Output {
  constructor(readonly index: number) {}
}

function traceFunction(
  device: Device,
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  probe?: Probe,
): Entry {
  const placeholders: Node[] = [];
  const trace = new Trace();
  const inside = mapTensors(args, isTensor, (x) => {
    const leaf = createLeaf(x.shape, x.dtype);
    placeholders.push(leaf);
    return new Tensor(leaf);
  }) as readonly unknown[];
  const outputs: Node[] = [];
  const result = traced(trace, () => {
    // A copy, which the function may change.
    const value = fn(...(mapTensors(inside, isTensor, (x) => x) as never[]));
    if (value instanceof Promise) {
      throw new ConfigError("[compile] the function is asynchronous", {
        hint: "Return tensors and read them after the call: values cannot be awaited inside",
      });
    }
    return mapTensors(value, isTensor, (x) => new Output(outputs.push(x.node) - 1));
  });
  const written = [...trace.writes.keys()];
  const nodes = [...outputs, ...written.map((cell) => trace.writes.get(cell) as Node)];
  const replaced = [...outputs.map(() => null), ...written.map((cell) => trace.placeholders.get(cell) ?? null)];
  return {
    device,
    inside,
    trace,
    cells: [...trace.placeholders.keys()],
    places: new Map([...placeholders, ...trace.placeholders.values()].map((leaf, i) => [leaf, i])),
    outputs: nodes,
    written,
    bound: bindProgram(
      nodes,
      replaced,
      [...trace.placeholders].flatMap(([cell, leaf]) => (trace.writes.has(cell) ? [] : [leaf])),
      probe,
    ),
    rebuild: (tensors) => fill(result, tensors),
  };
}

/** Puts result tensors where the traced result had them. */
function fill(value: unknown, tensors: readonly Tensor[]): unknown {
  if (value instanceof Output) return tensors[value.index];
  if (Array.isArray(value)) return value.map((item) => fill(item, tensors));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, tensors)]));
}

function run(
  { trace, cells, places, outputs, written, ...entry }: Entry,
  tensors: readonly Tensor[],
): Promise<unknown> {
  const inputs = tensors.map((x) => x.node);
  return inOrder(async () => {
    for (const call of trace.calls) call();
    await evaluateNow([...inputs, ...cells.map((cell) => cell.settled()), ...assignedNodes()]);
    const nodeAt = (i: number) => (i < inputs.length ? inputs[i] : cells[i - inputs.length].settled());
    const storageFor = (leaf: Node): Storage => {
      const place = places.get(leaf);
      const node = place === undefined ? leaf : nodeAt(place);
      return ownStorage(realizedLeaf(node) ?? node);
    };
    const held = written.flatMap((cell) => (cell.isLent ? (trace.placeholders.get(cell) ?? []) : []));
    const { results, execute } = (await entry.bound).ready(storageFor, held);
    // Before the run: behind it, all that this touches has left the caches.
    const first = outputs.length - written.length;
    const value = entry.rebuild(
      results.slice(0, first).map((storage, i) => new Tensor(leafOf(storage, outputs[i].shape))),
    );
    await execute();
    written.forEach((cell, i) => {
      cell.settle(results[first + i]);
    });
    return value;
  });
}

/**
 * Makes one fused program of a function: forward, backward and optimizer run as one call. The function is traced once per
 * shapes (and plain values) of its arguments and once per mode (`train` or `eval`) of the modules that it calls; variables
 * that it assigns are updated in place; a variable that changes between calls, such as a learning rate, costs no
 * recompilation.
 *
 * @param fn - synchronous; takes and returns tensors, numbers, or plain objects and arrays of them
 * @returns the same function, asynchronous
 * @throws ConfigError if `fn` is asynchronous or takes or returns anything else
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
export function compile<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => Promise<R> {
  return compileProbed(fn);
}

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
export function beforeEachCall(fn: () => void): boolean {
  const trace = activeTrace();
  if (trace?.calls.has(fn)) return false;
  if (trace) trace.calls.add(fn);
  else fn();
  return true;
}

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
  probe?: Probe,
): (...args: A) => Promise<R> {
  const entries: Entry[] = [];
  return async (...args: A): Promise<R> => {
    if (activeTrace()) return fn(...args);
    // As they are now: whoever calls may change its arrays before the program runs.
    const tensors: Tensor[] = [];
    const given = mapTensors(args, isTensor, (x) => {
      tensors.push(x);
      return x;
    }) as readonly unknown[];
    const device = await currentDevice();
    const fits = ({ inside, trace }: Entry) => trace.holds() && sameStructure(inside, given, isTensor, alike);
    const known = entries.find((each) => each.device === device && fits(each));
    known?.trace.replay();
    const entry = known ?? traceFunction(device, fn, given, probe);
    if (!known) {
      entries.unshift(entry);
      entry.bound.catch(() => entries.splice(entries.indexOf(entry), 1));
    }
    return (await run(entry, tensors)) as R;
  };
}
