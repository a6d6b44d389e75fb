/**
 * `compile`: traces a function once per shapes of its arguments and runs it as one program. Cells that the function reads
 * are bound at every call; cells that it assigns are updated in place.
 */
import { createLeaf, type Node } from "../ir/graph.js";
import type { Storage } from "../runtime/index.js";
import { ConfigError } from "../util/errors.js";
import { keyOf } from "../util/json.js";
import { activeTrace, assignedNodes, type Cell, Trace, traced } from "./cells.js";
import {
  type Bound,
  bindProgram,
  currentDevice,
  evaluate,
  inOrder,
  leafOf,
  ownStorage,
  type Probe,
  realizedLeaf,
} from "./session.js";
import { mapTensors } from "./structure.js";
import { Tensor } from "./tensor.js";

const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

interface Entry {
  readonly trace: Trace;
  readonly arguments: readonly Node[];
  readonly cells: readonly Cell[];
  readonly outputs: readonly Node[];
  readonly written: readonly Cell[];
  readonly bound: Promise<Bound>;
  readonly rebuild: (results: readonly Tensor[]) => unknown;
}

/** The tensors among the arguments, and a text of everything else about them. */
function signatureOf(args: readonly unknown[]): { tensors: Tensor[]; key: string } {
  const tensors: Tensor[] = [];
  const shape = mapTensors([...args], isTensor, (x) => {
    tensors.push(x);
    return `${x.dtype}[${x.shape.join()}]`;
  });
  return { tensors, key: keyOf(shape) };
}

/** Stands for a result tensor in the structure that the function returned. */
class Output {
  constructor(readonly index: number) {}
}

function traceFunction(fn: (...args: never[]) => unknown, args: readonly unknown[], probe?: Probe): Entry {
  const placeholders: Node[] = [];
  const trace = new Trace();
  const inside = mapTensors([...args], isTensor, (x) => {
    const leaf = createLeaf(x.shape, x.dtype);
    placeholders.push(leaf);
    return new Tensor(leaf);
  });
  const outputs: Node[] = [];
  const result = traced(trace, () => {
    const value = fn(...(inside as never[]));
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
    trace,
    arguments: placeholders,
    cells: [...trace.placeholders.keys()],
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

async function run(entry: Entry, tensors: readonly Tensor[]): Promise<unknown> {
  const { trace, cells, written } = entry;
  const inputs = tensors.map((x) => x.node);
  await evaluate(() => [...inputs, ...cells.map((cell) => cell.settled()), ...assignedNodes()]);
  return inOrder(async () => {
    const bound = await entry.bound;
    const given = new Map<Node, Storage>();
    entry.arguments.forEach((leaf, i) => {
      given.set(leaf, ownStorage(realizedLeaf(inputs[i]) ?? inputs[i]));
    });
    for (const [cell, leaf] of trace.placeholders) {
      const storage = cell.storage();
      if (storage) given.set(leaf, storage);
    }
    const results = await bound.run(
      (leaf) => given.get(leaf) ?? ownStorage(leaf),
      written.filter((cell) => cell.isLent).map((cell) => trace.placeholders.get(cell) as Node),
    );
    const first = entry.outputs.length - written.length;
    written.forEach((cell, i) => {
      cell.settle(results[first + i]);
    });
    return entry.rebuild(
      results.slice(0, first).map((storage, i) => new Tensor(leafOf(storage, entry.outputs[i].shape))),
    );
  });
}

/**
 * Makes one fused program of a function: forward, backward and optimizer run as one call. The function is traced once per
 * shapes (and plain values) of its arguments; variables that it assigns are updated in place; a variable that changes
 * between calls, such as a learning rate, costs no recompilation.
 *
 * @param fn - synchronous; takes and returns tensors, numbers, or plain objects and arrays of them
 * @returns the same function, asynchronous
 * @throws ConfigError if `fn` is asynchronous or takes or returns anything else
 * @example
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = crossEntropy(model.call(x), y);
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

/** As {@link compile}; a probe is told of every run, and the programs are its own. */
export function compileProbed<A extends unknown[], R>(
  fn: (...args: A) => R,
  probe?: Probe,
): (...args: A) => Promise<R> {
  const entries = new Map<string, Entry>();
  return async (...args: A): Promise<R> => {
    if (activeTrace()) return fn(...args);
    const { tensors, key: signature } = signatureOf(args);
    const key = `${(await currentDevice()).name} ${signature}`;
    let entry = entries.get(key);
    if (!entry) {
      entry = traceFunction(fn, args, probe);
      entries.set(key, entry);
      entry.bound.catch(() => entries.delete(key));
    }
    return (await run(entry, tensors)) as R;
  };
}
